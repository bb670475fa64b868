// What choosing the best of several trained models costs, if the choice is made privately.
//
// Papernot, Steinke, "Hyperparameter tuning with Rényi differential privacy" (ICLR 2022): candidates are drawn at
// random, each is run anew, as often as a random number says, and the best result is published. Theorem 2 has numbers of
// runs from truncated negative binomial laws, Theorem 6 from Poisson laws.

import Kernels

/// How many candidates are run.
public enum RepetitionLaw: Sendable, Hashable {
  /// Pr[K = k] in proportion to (1 − γ)^k Π_{l<k} (l + η)/(l + 1), k ≥ 1; η > −1, 0 < γ < 1. With η = 1 it is the
  /// geometric law, with η = 0 the logarithmic one.
  case truncatedNegativeBinomial(eta: Double, gamma: Double)
  /// K may be 0; then something that does not depend on data is published.
  case poisson(mean: Double)

  /// E[K].
  public var mean: Double {
    switch self {
    case .poisson(let mean): mean
    case .truncatedNegativeBinomial(let eta, let gamma):
      eta == 0
        ? (1 / gamma - 1) / -Elementary.log(gamma)
        // η(1 − γ)/(γ(1 − γ^η))
        : eta * (1 - gamma) / (gamma * -Elementary.expMinusOne(eta * Elementary.log(gamma)))
    }
  }

  /// The truncated negative binomial law with a mean.
  ///
  /// - Parameters:
  ///   - eta: above −1.
  ///   - mean: above 1.
  public static func truncatedNegativeBinomial(eta: Double, mean: Double) -> RepetitionLaw {
    // The mean falls from ∞ at γ = 0 to 1 at γ = 1.
    var (low, high) = (-700.0, 0.0)
    for _ in 0..<200 {
      let middle = low + (high - low) / 2
      let law = RepetitionLaw.truncatedNegativeBinomial(eta: eta, gamma: Elementary.exp(middle))
      if law.mean > mean { low = middle } else { high = middle }
    }
    return .truncatedNegativeBinomial(eta: eta, gamma: Elementary.exp(low))
  }
}

/// The private choice of the best of some candidates.
public struct PrivateSelection: Sendable, Hashable {
  public let law: RepetitionLaw

  public init(law: RepetitionLaw) { self.law = law }

  /// The curve of the whole selection.
  ///
  /// - Parameter candidate: a bound on the curve of running one candidate, its score included. Candidates that differ
  ///   have the largest divergence of each order.
  public func curve(of candidate: RDPCurve) -> RDPCurve {
    switch law {
    case .truncatedNegativeBinomial(let eta, let gamma):
      // (1 + η)((1 − 1/λ̂)ε̂ + ln(1/γ)/λ̂) at the best λ̂.
      let price = zip(candidate.orders, candidate.divergences).reduce(Double.infinity) {
        min($0, (1 - 1 / $1.0) * $1.1 - Elementary.log(gamma) / $1.0)
      }
      return added(to: candidate) { order in
        (1 + eta) * price + Elementary.log(law.mean) / (order - 1)
      }
    case .poisson(let mean):
      return added(to: candidate) { order in
        let epsilon = Elementary.log(onePlus: 1 / (order - 1))
        return mean * candidate.delta(epsilon: epsilon) + Elementary.log(mean) / (order - 1)
      }
    }
  }

  private func added(
    to candidate: RDPCurve, _ price: (_ order: Double) -> Double
  ) -> RDPCurve {
    RDPCurve(
      orders: candidate.orders,
      divergences: zip(candidate.orders, candidate.divergences).map {
        max($1 + price($0), 0)
      })
  }

  /// The selection with the least ε at δ, of laws with so many runs on average.
  ///
  /// The law depends on noise and number of candidates alone, so looking for it costs nothing.
  ///
  /// - Parameter candidates: at least 2.
  public static func best(
    among candidates: Int, candidate: RDPCurve, delta: Double
  ) -> (selection: PrivateSelection, bound: EpsilonBound) {
    let mean = Double(max(candidates, 2))
    let laws =
      [-0.9, -0.75, -0.5, -0.25, 0, 0.5, 1].map {
        RepetitionLaw.truncatedNegativeBinomial(eta: $0, mean: mean)
      } + [.poisson(mean: mean)]
    var best: (selection: PrivateSelection, bound: EpsilonBound)?
    for law in laws {
      let selection = PrivateSelection(law: law)
      let bound = selection.curve(of: candidate).bound(delta: delta)
      if bound.epsilon < best?.bound.epsilon ?? .infinity { best = (selection, bound) }
    }
    return best
      ?? (
        PrivateSelection(law: laws[0]),
        EpsilonBound(epsilon: .infinity, delta: delta, accountant: .rdp)
      )
  }
}

extension RDPCurve {
  /// The largest divergence of several curves at each order that all of them have; nil without such orders.
  public init?(covering curves: [RDPCurve]) { self.init(curves, joining: max) }

  /// The sum of several curves at each order that all of them have, which is what releases cost together; nil without
  /// such orders.
  public init?(composing curves: [RDPCurve]) { self.init(curves, joining: +) }

  /// Orders that one of the curves lacks are left out, which no bound minds: it takes the best of the others.
  private init?(_ curves: [RDPCurve], joining join: (Double, Double) -> Double) {
    guard let first = curves.first else { return nil }
    let tables = curves.map { Dictionary(uniqueKeysWithValues: zip($0.orders, $0.divergences)) }
    let orders = first.orders.filter { order in tables.allSatisfy { $0[order] != nil } }
    guard !orders.isEmpty else { return nil }
    self.init(
      orders: orders,
      divergences: orders.map { order in tables.reduce(0) { join($0, $1[order] ?? .infinity) } })
  }

  /// The least δ at ε over the grid, at most 1: e^{(α − 1)(ρ − ε)} (1 − 1/α)^α/(α − 1) (Canonne, Kamath, Steinke 2020,
  /// Proposition 12).
  func delta(epsilon: Double) -> Double {
    zip(orders, divergences).reduce(1) { least, point in
      let (order, divergence) = point
      guard divergence.isFinite else { return least }
      let logDelta =
        (order - 1) * (divergence - epsilon) + order * Elementary.log(onePlus: -1 / order)
        - Elementary.log(order - 1)
      return logDelta < 0 ? min(least, Elementary.exp(logDelta)) : least
    }
  }
}
