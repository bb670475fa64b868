import Foundation
import Privacy
import TestSupport
import Testing

@Suite("Privacy-loss distributions")
struct PLDAccountantTests {
  static let compositions =
    (Golden.cases("dpsgd_eps") + Golden.cases("hetero_eps") + Golden.cases("edge")
    + Golden.cases("individual")).filter { $0.outputs["eps_pld_fine"] != nil }

  @Test("epsilon on the standard grid", arguments: compositions)
  func standardGrid(golden: GoldenCase) throws {
    let epsilon = try PLDAccountant().epsilon(of: golden.event(), delta: golden.input("delta"))
    let fine = golden.value("eps_pld_fine") ?? .nan
    // Where no plain transform reaches δ there is no pessimistic value of another library.
    let pessimistic = golden.value("eps_pld_pessimistic") ?? fine
    #expect(epsilon >= fine * (1 - 2e-4), "\(epsilon) \(fine)")
    #expect(epsilon <= pessimistic * (1 + 1e-3), "\(epsilon) \(pessimistic)")
    if let lower = golden.outputs["eps_prv"]?["lower"]?.number { #expect(epsilon >= lower) }
  }

  @Test(
    "the same grid gives the same epsilon as another library",
    arguments: (compositions + Golden.cases("gaussian_exact")).filter {
      // Below 1e-11 the library's own transform is noise.
      $0.outputs["eps_pld_pessimistic"] != nil && $0.input("delta") > 1e-11
    })
  func sameGrid(golden: GoldenCase) throws {
    let accountant = PLDAccountant(discretization: golden.discretization("eps_pld_pessimistic"))
    let epsilon = try accountant.epsilon(of: golden.event(), delta: golden.input("delta"))
    #expect(golden.agrees(epsilon, with: "eps_pld_pessimistic"), "\(epsilon)")
  }

  @Test(
    "losses rounded down give the optimistic epsilon",
    arguments: Golden.cases("dpsgd_eps").filter { $0.outputs["eps_pld_optimistic"] != nil })
  func optimistic(golden: GoldenCase) throws {
    let accountant = PLDAccountant(
      discretization: golden.discretization("eps_pld_optimistic"), estimate: .optimistic)
    let epsilon = try accountant.epsilon(of: golden.event(), delta: golden.input("delta"))
    #expect(golden.agrees(epsilon, with: "eps_pld_optimistic"), "\(epsilon)")
  }

  @Test("one sampled step has the hockey stick of its closed form, in each direction")
  func singleStepDirections() throws {
    func normal(_ x: Double) -> Double { 0.5 * erfc(-x / 2.0.squareRoot()) }
    for (q, sigma, delta) in [
      (0.1, 1.0, 1e-3), (0.4, 0.7, 1e-4), (0.7, 1.5, 1e-5), (0.02, 0.5, 1e-3),
    ] {
      let found = try PLDAccountant(discretization: 1e-4).directedEpsilons(
        of: .trainingSteps(sampleRate: q, noiseMultiplier: sigma, count: 1), delta: delta)
      // The z at which the loss of removal is `loss`.
      func location(_ loss: Double) -> Double {
        sigma * sigma * log((exp(loss) - 1 + q) / q) + 0.5
      }
      func mixture(_ z: Double) -> Double {
        (1 - q) * normal(z / sigma) + q * normal((z - 1) / sigma)
      }
      func removal(_ epsilon: Double) -> Double {
        let z = location(epsilon)
        return 1 - mixture(z) - exp(epsilon) * normal(-z / sigma)
      }
      func addition(_ epsilon: Double) -> Double {
        guard epsilon < -log(1 - q) else { return 0 }
        let z = location(-epsilon)
        return normal(z / sigma) - exp(epsilon) * mixture(z)
      }
      for (epsilon, hockeyStick) in [(found.remove, removal), (found.add, addition)] {
        #expect(hockeyStick(epsilon) <= delta * (1 + 1e-9), "\(q) \(sigma) \(epsilon)")
        #expect(hockeyStick(epsilon - 1e-5) >= delta, "\(q) \(sigma) \(epsilon)")
      }
    }
  }

  @Test(
    "losses of hundreds and thousands: the closed form of the Gaussian, never less",
    arguments: [0.1, 0.05, 0.035, 0.031, 0.03, 0.026, 0.02, 0.01, 0.005])
  func largeLosses(sigma: Double) throws {
    let event = PrivacyEvent.trainingSteps(sampleRate: 1, noiseMultiplier: sigma, count: 1)
    let exact = try GDPAccountant().epsilon(of: event, delta: 1e-5)
    let found = try PLDAccountant().epsilon(of: event, delta: 1e-5)
    #expect(found >= exact && found <= exact * (1 + 1e-6), "\(found) \(exact)")
    // As many steps of ordinary noise are the same release.
    let steps = Int((1 / (sigma * sigma)).rounded())
    let many = try PLDAccountant().epsilon(
      of: .trainingSteps(sampleRate: 1, noiseMultiplier: 1, count: steps), delta: 1e-5)
    #expect(isClose(many, exact, relative: 1e-2), "\(many) \(exact)")
  }

  @Test("a selection costs about its ε, however large", arguments: [1.0, 100, 700, 720, 2000, 1e5])
  func largeSelections(epsilon: Double) throws {
    // Hockey stick (e^{ε/2} − e^{e/2})²/(e^ε − 1) = δ, solved for e.
    let exact =
      epsilon + 2 * log1p(-(1e-5 * -expm1(-epsilon)).squareRoot())
    let found = try PLDAccountant().epsilon(
      of: .exponentialMechanism(epsilon: epsilon), delta: 1e-5)
    #expect(
      found >= exact * (1 - 1e-12) && found <= exact + 1e-2 * max(1, epsilon / 1e4),
      "\(found) \(exact)")
  }

  @Test(
    "numbers beyond the grids' range end in the Rényi bound or in a safe number, and end",
    .timeLimit(.minutes(1)))
  func outOfRange() throws {
    let step = PrivacyEvent.trainingSteps(sampleRate: 0.01, noiseMultiplier: 1, count: 100)
    let huge = try PLDAccountant().bound(
      for: .composed([step, .exponentialMechanism(epsilon: 1e308)]), delta: 1e-5)
    #expect(huge.epsilon >= 1e308 && huge.accountant == .rdp && !huge.warnings.isEmpty)
    for (rate, sigma) in [(0.01, 1e155), (1e-300, 1.0), (1, 1e200), (1, 1e308)] {
      let event = PrivacyEvent.trainingSteps(sampleRate: rate, noiseMultiplier: sigma, count: 100)
      // So little is released that δ alone covers it.
      #expect(try PLDAccountant().epsilon(of: event, delta: 1e-5) < 1e-6)
    }
  }

  @Test("fifty thousand steps cost 12.34 for removing a record and 10.60 for adding one")
  func compositionDirections() throws {
    let found = try PLDAccountant().directedEpsilons(
      of: .trainingSteps(sampleRate: 0.004, noiseMultiplier: 0.7, count: 50_000), delta: 1e-5)
    #expect(isClose(found.remove, 12.34, absolute: 0.005))
    #expect(isClose(found.add, 10.60, absolute: 0.005))
  }
}
