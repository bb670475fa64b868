// The published calibration of R-DPCFL and what composing training and selections jointly saves.

import Privacy
import TestSupport
import Testing

@Suite("Joint accounting against the published split")
struct PublishedCalibrationTests {
  /// One full-batch step and the steps of the remaining rounds; fractional steps as published.
  private static func trainingCurve(_ golden: GoldenCase, noiseMultiplier: Double) throws
    -> RDPCurve
  {
    let accountant = Golden.accountant(.classic, grid: "rdpcfl")
    let rate = golden.input("batch") / golden.input("N")
    let steps = (golden.input("rounds") - 1) * golden.input("local_epochs") / rate
    let first = try accountant.curve(
      of: .trainingSteps(
        sampleRate: 1, noiseMultiplier: noiseMultiplier, count: golden.count("local_epochs")))
    let later = try accountant.curve(
      of: .trainingSteps(sampleRate: rate, noiseMultiplier: noiseMultiplier, count: 1))
    return RDPCurve(
      orders: first.orders,
      divergences: zip(first.divergences, later.divergences).map { $0 + steps * $1 })
  }

  private static func trainingEpsilon(_ golden: GoldenCase, noiseMultiplier: Double) throws
    -> Double
  {
    try trainingCurve(golden, noiseMultiplier: noiseMultiplier)
      .bound(delta: golden.input("delta"), conversion: .classic).epsilon
  }

  private static func selections(_ golden: GoldenCase) -> PrivacyEvent {
    .selfComposed(
      event: .exponentialMechanism(epsilon: golden.input("eps_select")),
      count: golden.count("selections"))
  }

  /// Whole steps, everything in one composition.
  private static func joint(_ golden: GoldenCase, noiseMultiplier: Double) -> PrivacyEvent {
    let batches = (golden.input("N") / golden.input("batch")).rounded(.up)
    let epochs = golden.count("local_epochs")
    return .composed([
      .trainingSteps(sampleRate: 1, noiseMultiplier: noiseMultiplier, count: epochs),
      .trainingSteps(
        sampleRate: golden.input("batch") / golden.input("N"), noiseMultiplier: noiseMultiplier,
        count: (golden.count("rounds") - 1) * epochs * Int(batches)),
      selections(golden),
    ])
  }

  @Test("the published method, step by step", arguments: Golden.cases("rdpcfl"))
  func published(golden: GoldenCase) throws {
    let (target, delta) = (golden.input("target_eps"), golden.input("delta"))
    let selecting = try Golden.accountant(.classic, grid: "rdpcfl")
      .epsilon(of: Self.selections(golden), delta: delta)
    #expect(golden.agrees(selecting, with: "eps_clustering_classic[rdpcfl]"))
    let budget = target - selecting
    #expect(golden.agrees(budget, with: "eps_train_budget"))
    let sigma = golden.value("sigma_reference_method") ?? .nan
    let tolerance = golden.tolerance("sigma_reference_method")
    #expect(
      try Self.trainingEpsilon(golden, noiseMultiplier: sigma * (1 + tolerance)) <= budget)
    #expect(try Self.trainingEpsilon(golden, noiseMultiplier: sigma * (1 - tolerance)) > budget)
    let rounded = golden.value("sigma_reference_rounded") ?? .nan
    #expect(isClose((sigma * 100).rounded() / 100, rounded, relative: 1e-14))
    let spent = try Self.trainingEpsilon(golden, noiseMultiplier: rounded)
    #expect(golden.agrees(spent, with: "eps_train_after_rounding"))
    if case .flag(let exceeds)? = golden.outputs["eps_train_after_rounding"]?["exceeds_budget"] {
      #expect(exceeds == (spent > budget))
    }
  }

  @Test("joint composition by Rényi divergences", arguments: Golden.cases("rdpcfl"))
  func jointRenyi(golden: GoldenCase) throws {
    for conversion in RDPConversion.allCases {
      let calibrated = try Calibration.calibrate(
        targetEpsilon: golden.input("target_eps"), delta: golden.input("delta"),
        accountant: Golden.accountant(conversion, grid: "wide")
      ) { Self.joint(golden, noiseMultiplier: $0) }
      let name = "sigma_joint_rdp_\(conversion.rawValue)[wide]"
      #expect(golden.agrees(calibrated.noiseMultiplier, with: name), "\(calibrated)")
    }
  }

  @Test("joint composition by loss distributions", arguments: Golden.cases("rdpcfl"))
  func jointLoss(golden: GoldenCase) throws {
    let (target, delta) = (golden.input("target_eps"), golden.input("delta"))
    let sigma = golden.value("sigma_joint_pld_br") ?? .nan
    let tolerance = golden.tolerance("sigma_joint_pld_br")
    let accountant = PLDAccountant()
    #expect(
      try accountant.epsilon(
        of: Self.joint(golden, noiseMultiplier: sigma * (1 + tolerance)), delta: delta) <= target)
    #expect(
      try accountant.epsilon(
        of: Self.joint(golden, noiseMultiplier: sigma * (1 - tolerance)), delta: delta) > target)
    let published = golden.value("sigma_reference_method") ?? .nan
    let epsilon = try accountant.epsilon(
      of: Self.joint(golden, noiseMultiplier: published), delta: delta)
    #expect(golden.agrees(epsilon, with: "eps_true_of_reference_sigma_pld_br"), "\(epsilon)")
  }

  @Test(
    "calibration by loss distributions",
    arguments: Golden.cases("calibrated_sigma").enumerated().filter { $0.offset % 6 == 2 }
      .map(\.element))
  func calibration(golden: GoldenCase) throws {
    let calibrated = try Calibration.calibrate(
      targetEpsilon: golden.input("target_eps"), delta: golden.input("delta"),
      accountant: PLDAccountant()
    ) { CalibrationTests.plan(golden, noiseMultiplier: $0) }
    #expect(golden.agrees(calibrated.noiseMultiplier, with: "sigma_pld"), "\(calibrated)")
    let renyi = golden.value("sigma_rdp_improved[wide]") ?? .nan
    let saving = 1 - calibrated.noiseMultiplier / renyi
    #expect(golden.agrees(saving, with: "pld_saving_vs_rdp_improved"), "\(saving)")
  }

  @Test("multipliers by loss distributions", arguments: Golden.cases("calibrated_sigma"))
  func bracket(golden: GoldenCase) throws {
    let sigma = golden.value("sigma_pld") ?? .nan
    let tolerance = golden.tolerance("sigma_pld")
    func epsilon(_ noiseMultiplier: Double) throws -> Double {
      try PLDAccountant().epsilon(
        of: CalibrationTests.plan(golden, noiseMultiplier: noiseMultiplier),
        delta: golden.input("delta"))
    }
    #expect(try epsilon(sigma * (1 + tolerance)) <= golden.input("target_eps"))
    #expect(try epsilon(sigma * (1 - tolerance)) > golden.input("target_eps"))
  }
}
