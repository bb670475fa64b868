// The price of choosing the best candidate: bounds against distributions that are computed in full.

import Foundation
import Privacy
import Testing

@Suite("Private selection")
struct PrivateSelectionTests {
  /// Pr[K = k] for k up to where nothing is left.
  private static func masses(_ law: RepetitionLaw) -> [Double] {
    switch law {
    case .poisson(let mean):
      var masses = [exp(-mean)]
      for k in 1..<400 { masses.append(masses[k - 1] * mean / Double(k)) }
      return masses
    case .truncatedNegativeBinomial(let eta, let gamma):
      var masses = [0.0]
      var term = 1.0
      for k in 1..<6000 {
        // (1 − γ)^k Π_{l<k} (l + η)/(l + 1) without the first factor η, which cancels and may be 0.
        term *= (1 - gamma) * (k == 1 ? 1 : (Double(k - 1) + eta) / Double(k))
        masses.append(term)
      }
      let total = masses.reduce(0, +)
      return masses.map { $0 / total }
    }
  }

  private static let laws: [RepetitionLaw] = [
    .truncatedNegativeBinomial(eta: -0.5, mean: 6), .truncatedNegativeBinomial(eta: 0, mean: 6),
    .truncatedNegativeBinomial(eta: 1, mean: 6), .poisson(mean: 6),
  ]

  @Test("the mean of a law is that of its masses", arguments: laws)
  func mean(law: RepetitionLaw) {
    let mean = Self.masses(law).enumerated().reduce(0) { $0 + Double($1.offset) * $1.element }
    #expect(abs(mean - 6) < 1e-6 && abs(law.mean - 6) < 1e-6, "\(mean) \(law.mean)")
  }

  /// Of the best of K draws: by the generating function, Pr[best ≤ y] = E[F(y)^K]; K = 0 gives the least outcome.
  private static func best(_ law: [Double], of base: [Double]) -> [Double] {
    var (sum, before) = (0.0, 0.0)
    return base.enumerated().map { index, mass in
      sum += mass
      let reached = index == base.count - 1 ? 1 : law.reversed().reduce(0) { $0 * sum + $1 }
      defer { before = reached }
      return reached - before
    }
  }

  private static func divergence(_ p: [Double], _ q: [Double], order: Double) -> Double {
    let sum = zip(p, q).reduce(0) { $0 + ($1.0 > 0 ? pow($1.0, order) * pow($1.1, 1 - order) : 0) }
    return log(sum) / (order - 1)
  }

  @Test("no selection from a small mechanism loses more than is stated", arguments: laws)
  func bound(law: RepetitionLaw) {
    let masses = Self.masses(law)
    let orders = RDPAccountant.standardOrders.filter { $0 < 40 }
    // Mechanisms with ordered outcomes; neighbours in both directions.
    let pairs = [
      ([0.7, 0.2, 0.1], [0.6, 0.25, 0.15]), ([0.9, 0.099, 0.001], [0.9, 0.0986, 0.0014]),
      ([0.05, 0.05, 0.9], [0.07, 0.04, 0.89]), ([0.5, 0.5], [0.25, 0.75]),
    ]
    for (p, q) in pairs {
      let candidate = RDPCurve(
        orders: orders,
        divergences: orders.map { order in
          max(Self.divergence(p, q, order: order), Self.divergence(q, p, order: order))
        })
      let stated = PrivateSelection(law: law).curve(of: candidate)
      let (best, other) = (Self.best(masses, of: p), Self.best(masses, of: q))
      for (order, bound) in zip(stated.orders, stated.divergences) {
        let lost = max(
          Self.divergence(best, other, order: order), Self.divergence(other, best, order: order))
        #expect(lost <= bound + 1e-9, "\(p) \(q) at \(order): \(lost) above \(bound)")
      }
    }
  }

  @Test("pure mechanisms pay 2 + η times their ε (Corollary 4), 3 times with a geometric number")
  func pure() {
    for eta in [-0.5, 0, 1, 2] {
      let orders = [1e9, 1e10, 1e11]
      let candidate = RDPCurve(orders: orders, divergences: [0.3, 0.3, 0.3])
      let law = RepetitionLaw.truncatedNegativeBinomial(eta: eta, mean: 20)
      let curve = PrivateSelection(law: law).curve(of: candidate)
      #expect(abs(curve.divergences[2] - (2 + eta) * 0.3) < 1e-8)
    }
  }

  @Test("curves are covered and composed at the orders that all of them have")
  func joined() throws {
    let first = RDPCurve(orders: [1.5, 2, 3], divergences: [0.1, 0.2, 0.3])
    let second = RDPCurve(orders: [2, 3, 4], divergences: [0.25, 0.1, 0.4])
    #expect(
      RDPCurve(covering: [first, second])
        == RDPCurve(orders: [2, 3], divergences: [0.25, 0.3]))
    let sum = try #require(RDPCurve(composing: [first, second]))
    #expect(sum.orders == [2, 3])
    #expect(zip(sum.divergences, [0.45, 0.4]).allSatisfy { abs($0 - $1) < 1e-12 })
    #expect(RDPCurve(composing: [first]) == first)
    #expect(RDPCurve(covering: []) == nil)
    let other = RDPCurve(orders: [7], divergences: [1])
    #expect(RDPCurve(covering: [first, other]) == nil)
  }

  @Test("the best law costs more for more candidates, and far less than composing all runs")
  func growth() throws {
    let accountant = RDPAccountant()
    let event = PrivacyEvent.selfComposed(
      event: .poissonSampled(sampleRate: 0.05, event: .gaussian(noiseMultiplier: 1)), count: 200)
    let curve = try accountant.curve(of: event)
    let alone = curve.bound(delta: 1e-5).epsilon
    var last = alone
    for candidates in [2, 8, 32, 128] {
      let found = PrivateSelection.best(among: candidates, candidate: curve, delta: 1e-5)
      #expect(found.bound.epsilon > last)
      #expect(abs(found.selection.law.mean - Double(candidates)) < 1e-6 * Double(candidates))
      last = found.bound.epsilon
    }
    let composed = try accountant.epsilon(
      of: .selfComposed(event: event, count: 128), delta: 1e-5)
    #expect(last < composed / 3 && last < 4 * alone, "\(last) of \(composed), alone \(alone)")
  }
}
