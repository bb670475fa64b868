import Foundation
import Privacy
import TestSupport
import Testing

@Suite("Exponential mechanism")
struct ExponentialMechanismTests {
  @Test("selections alone", arguments: Golden.cases("selection"))
  func golden(golden: GoldenCase) throws {
    let (epsilon, count) = (golden.input("eps_select"), golden.count("count"))
    let delta = golden.input("delta")
    let times = Double(count)
    let curve = try RDPAccountant(orders: [2]).curve(of: golden.event())
    #expect(golden.agrees(curve.divergences[0] / 2, with: "rho_zcdp", floor: 1e-13))
    #expect(
      golden.agrees(
        times * ExponentialMechanism.concentratedBound(epsilon: epsilon),
        with: "rho_zcdp_tight_bounded_range"))
    #expect(golden.agrees(times * epsilon, with: "eps_basic_composition"))
    let optimum = ExponentialMechanism.nonadaptiveOptimum(
      epsilon: epsilon, count: count, delta: delta)
    #expect(golden.agrees(optimum, with: "eps_nonadaptive_optimal"), "\(optimum)")

    let bounded = try PLDAccountant(
      discretization: golden.discretization("eps_pld_bounded_range")
    ).epsilon(of: golden.event(), delta: delta)
    #expect(golden.agrees(bounded, with: "eps_pld_bounded_range"), "\(bounded)")
    #expect(bounded >= optimum)
    let pure = try PLDAccountant(discretization: golden.discretization("eps_pld_pure_dp"))
      .epsilon(of: golden.event(selections: { .pure(epsilon: $0) }), delta: delta)
    #expect(golden.agrees(pure, with: "eps_pld_pure_dp"), "\(pure)")
    #expect(bounded < pure)

    let best = try BestAccountant().bound(for: golden.event(), delta: delta)
    let renyi = try RDPAccountant().epsilon(of: golden.event(), delta: delta)
    let standard = try PLDAccountant().epsilon(of: golden.event(), delta: delta)
    #expect(best.epsilon == min(renyi, standard))
    // Where loss distributions are not tighter, the Rényi bound stands in and is named.
    #expect(best.accountant == (standard < renyi ? .pld : .rdp))
  }

  @Test(
    "selections without the bounded range, beside training",
    arguments: Golden.cases("hetero_eps").filter {
      $0.outputs["eps_pld_pure_dp_selections"] != nil
    })
  func pureSelections(golden: GoldenCase) throws {
    let event = golden.event(selections: { .pure(epsilon: $0) })
    let epsilon = try PLDAccountant().epsilon(of: event, delta: golden.input("delta"))
    #expect(golden.agrees(epsilon, with: "eps_pld_pure_dp_selections"), "\(epsilon)")
  }

  @Test("chooses with probabilities proportional to exp(εu/2Δ)")
  func frequencies() throws {
    let mechanism = ExponentialMechanism(epsilon: 1.5, sensitivity: 0.5)
    #expect(mechanism.gumbelScale == 2.0 / 3)
    let utilities = [0.0, 1, -0.5, 0.7]
    var generator = TestGenerator(seed: 11)
    var counts = [0, 0, 0, 0]
    let draws = 100_000
    for _ in 0..<draws {
      counts[try mechanism.release(utilities: utilities, using: &generator).value] += 1
    }
    let weights = utilities.map { exp(1.5 * $0) }
    let total = weights.reduce(0, +)
    for (count, weight) in zip(counts, weights) {
      let p = weight / total
      // Five standard errors: a false alarm in a million runs or so.
      #expect(
        abs(Double(count) / Double(draws) - p) < 5 * (p * (1 - p) / Double(draws)).squareRoot())
    }
  }

  @Test("refuses utilities without finite sensitivity")
  func refusals() {
    let mechanism = ExponentialMechanism(epsilon: 1, sensitivity: 1)
    var generator = TestGenerator(seed: 1)
    for utilities in [[], [1, Double.nan], [Double.infinity]] {
      #expect(throws: AccountingError.self) {
        try mechanism.release(utilities: utilities, using: &generator)
      }
    }
  }
}
