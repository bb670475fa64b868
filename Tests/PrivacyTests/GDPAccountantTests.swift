import Privacy
import TestSupport
import Testing

@Suite("Gaussian differential privacy")
struct GDPAccountantTests {
  @Test("full-batch epsilon is exact", arguments: Golden.cases("gaussian_exact"))
  func exact(golden: GoldenCase) throws {
    if golden.outputs["eps_exact"] != nil {
      let epsilon = try GDPAccountant().epsilon(of: golden.event(), delta: golden.input("delta"))
      #expect(golden.agrees(epsilon, with: "eps_exact"), "\(epsilon)")
    } else {
      let calibrated = try Calibration.calibrate(
        targetEpsilon: golden.input("target_eps"), delta: golden.input("delta"),
        accountant: GDPAccountant(), tolerance: 1e-9
      ) { .gaussian(noiseMultiplier: $0) }
      let reference = golden.value("sigma_exact") ?? .nan
      // Never below the exact value, and above it only by the rounding to a Float.
      #expect(calibrated.noiseMultiplier >= reference * (1 - 1e-9))
      #expect(calibrated.noiseMultiplier <= reference * (1 + 2e-7))
    }
  }

  @Test("curves that come from Gaussians", arguments: Golden.cases("rdp_to_eps").prefix(8))
  func concentrated(golden: GoldenCase) throws {
    let multiplier = 1 / (2 * golden.input("rho")).squareRoot()
    let epsilon = try GDPAccountant().epsilon(
      of: .gaussian(noiseMultiplier: multiplier), delta: golden.input("delta"))
    #expect(golden.agrees(epsilon, with: "eps_gaussian_exact"), "\(epsilon)")
  }

  @Test(
    "releases that are not full-batch Gaussian are refused",
    arguments: [
      PrivacyEvent.trainingSteps(sampleRate: 0.5, noiseMultiplier: 1, count: 1),
      .exponentialMechanism(epsilon: 0.1), .pure(epsilon: 1),
    ])
  func refusals(event: PrivacyEvent) {
    #expect(throws: AccountingError.self) {
      try GDPAccountant().bound(
        for: .composed([.gaussian(noiseMultiplier: 1), event]), delta: 1e-5)
    }
  }
}
