// A Rényi curve on a grid of orders, and its conversion to (ε, δ).

import Kernels

/// How a Rényi bound becomes an (ε, δ) bound.
public enum RDPConversion: String, Codable, Hashable, Sendable, CaseIterable {
  /// Mironov, "Rényi differential privacy" (2017), Proposition 3: ε = ρ + ln(1/δ)/(α − 1).
  case classic
  /// Canonne, Kamath, Steinke (2020), Proposition 12; Balle et al. (2020), Theorem 21:
  /// ε = ρ + ln((α − 1)/α) − (ln δ + ln α)/(α − 1). Never larger than the classic one.
  case improved
}

/// Rényi divergences at increasing orders > 1; curves of composed releases add up.
public struct RDPCurve: Hashable, Sendable {
  public let orders: [Double]
  public let divergences: [Double]

  public init(orders: [Double], divergences: [Double]) {
    precondition(orders.count == divergences.count, "Every order has one divergence.")
    precondition(!orders.isEmpty && orders[0] > 1, "Rényi orders are greater than 1.")
    precondition(zip(orders, orders.dropFirst()).allSatisfy(<), "Rényi orders increase.")
    self.orders = orders
    self.divergences = divergences
  }
}

extension RDPCurve {
  /// The best bound over the grid; `delta` from 0 to 1, and at 0 nothing is proved.
  public func bound(delta: Double, conversion: RDPConversion = .improved) -> EpsilonBound {
    var best = EpsilonBound(epsilon: .infinity, delta: delta, accountant: .rdp)
    for (order, divergence) in zip(orders, divergences) {
      let epsilon = conversion.epsilon(order: order, divergence: divergence, delta: delta)
      if epsilon < best.epsilon { (best.epsilon, best.order) = (epsilon, order) }
    }
    return best
  }
}

extension RDPConversion {
  /// ε at `delta` from the divergence at one order; at least 0.
  ///
  /// The improved conversion includes the Kullback–Leibler shortcut: total variation is at most √(1 − e^{−ρ}),
  /// so ε is 0 once δ reaches that (Bretagnolle, Huber 1979; Rényi divergence grows with the order).
  func epsilon(order: Double, divergence: Double, delta: Double) -> Double {
    guard delta > 0, divergence.isFinite else { return .infinity }
    switch self {
    case .classic:
      return divergence - Elementary.log(delta) / (order - 1)
    case .improved:
      if delta * delta >= -Elementary.expMinusOne(-divergence) { return 0 }
      let epsilon =
        divergence + Elementary.log(onePlus: -1 / order)
        - (Elementary.log(delta) + Elementary.log(order)) / (order - 1)
      return max(0, epsilon)
    }
  }
}
