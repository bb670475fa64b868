// `dpflsim lab lora-noise`: E1 to E6 and E8 of lora.md on synthetic gradients and on that of a trained network.

import Kernels
import Privacy
import RealModule
import Scenarios

/// The experiments on the noise that LoRA injects.
package struct NoiseLaboratory: Sendable {
  package struct Settings: Sendable {
    package var seed: UInt64
    package var ranks: [Int]
    /// Draws of the privacy loss for each cell of E5.
    package var lossDraws: Int

    package init(
      seed: UInt64 = 0, ranks: [Int] = [1, 4, 16, 64, 256, 1024], lossDraws: Int = 400_000
    ) {
      self.seed = seed
      self.ranks = ranks
      self.lossDraws = lossDraws
    }
  }

  let settings: Settings
  private let studies: [NoiseStudy]
  private let network: TrainedNetwork?

  /// - Parameter network: a trained network whose gradient is studied too.
  package init(settings: Settings, network: TrainedNetwork? = nil) {
    self.settings = settings
    self.network = network
    var studies = [64, 768].map {
      NoiseStudy.synthetic(rows: 8, columns: $0, seed: settings.seed)
    }
    if let network {
      studies.append(
        NoiseStudy(
          gradient: network.gradient, source: "trained \(network.layer)", seed: settings.seed))
    }
    self.studies = studies
  }

  /// Runs everything; reports what it is at.
  package func run(progress: (String) -> Void) throws -> LabReport {
    var report = LabReport("lora-noise", "The noise of LoRA, and what it does not guarantee")
    progress("E1: variance against rank")
    variance(&report)
    progress("E2: distance to a normal law")
    try distances(&report)
    progress("E3: dependence between steps and rows")
    try dependence(&report)
    if let network {
      progress("E4: drift from the theory")
      try network.drift(into: &report)
    }
    progress("E5: one released vector")
    try vectors(&report)
    progress("E6: a released matrix")
    matrices(&report)
    progress("E8: a secret projection")
    try sketches(&report)
    return report
  }

  // MARK: - E1

  private func variance(_ report: inout LabReport) {
    var table = LabTable(
      "e1-variance", "E1: measured variance of the noise over its formula, (‖g‖² + (κ − 2) g_j²)/r",
      [
        "gradient", "rank", "entries of A", "draws", "ratio", "energy ratio",
        "noise / signal energy",
      ])
    var lines: [LabChart.Line] = []
    var worst = 0.0
    for study in studies {
      var points: [LabChart.Point] = []
      for rank in settings.ranks {
        for entries in [NoiseStudy.Entries.normal, .uniform] {
          let measured = study.variance(rank: rank, entries: entries)
          worst = max(worst, abs(measured.energy - 1))
          table.add([
            .string(study.source), .integer(rank),
            .string(entries == .normal ? "normal" : "uniform"), .integer(measured.draws),
            .figure(measured.ratio), .figure(measured.energy),
            .figure(measured.energy * Double(study.gradient.columns + 1) / Double(rank)),
          ])
          if entries == .normal {
            points.append(LabChart.Point(Double.log2(Double(rank)), measured.energy))
          }
        }
      }
      lines.append(LabChart.Line(study.source, points))
    }
    report.tables.append(table)
    report.charts.append(
      LabChart("E1: variance over formula", x: "log2 of the rank", y: "ratio", lines))
    report.findings.append(
      LabFinding(
        "E1", "the variance of the noise is (‖g‖² + (κ − 2) g_j²)/r within a few per cent",
        measured: "energies differ from the formula by \(short(100 * worst)) % at most",
        holds: worst < 0.06))
  }

  // MARK: - E2

  private func distances(_ report: inout LabReport) throws {
    var table = LabTable(
      "e2-distance", "E2: total variation to the normal law of the same covariance",
      [
        "rank", "coordinate, c = 0", "0.350/r", "coordinate, c = 1", "0.356/√r", "row of 768",
        "row of 768, draws", "trained or synthetic matrix", "asymmetry of a draw",
      ])
    let study = studies[studies.count - 1]
    let gradientRank = try study.gradientRank()
    var lines: [[LabChart.Point]] = [[], [], [], []]
    var (gap, isAbove) = (0.0, true)
    for rank in settings.ranks {
      var stream = RandomStream(seed: settings.seed, purpose: .test, round: rank, client: 6)
      let zero = NoiseLaw.coordinateDistance(c: 0, rank: rank)
      let one = NoiseLaw.coordinateDistance(c: 1, rank: rank)
      let row = NoiseLaw.rowDistance(columns: 768, rank: rank)
      let drawn = NoiseLaw.sampledRowDistance(
        columns: 768, rank: rank, draws: 40_000, using: &stream)
      gap = max(gap, drawn - row)
      isAbove = isAbove && drawn > row - 0.02 && row > zero
      let singular = try study.isSingular(rank: rank)
      table.add([
        .integer(rank), .figure(zero),
        .figure(NoiseLaw.leadingDistance(alongGradient: false, rank: rank)), .figure(one),
        .figure(NoiseLaw.leadingDistance(alongGradient: true, rank: rank)), .figure(row),
        .figure(drawn),
        .string(singular ? "1 (rank \(rank) < \(gradientRank))" : "at least the row's"),
        .figure(study.asymmetry(rank: rank)),
      ])
      let x = Double.log2(Double(rank))
      for (index, y) in [zero, one, row].enumerated() { lines[index].append(.init(x, y)) }
      if singular { lines[3].append(.init(x, 1)) }
    }
    report.tables.append(table)
    report.charts.append(
      LabChart(
        "E2: distance to a normal law", x: "log2 of the rank", y: "total variation",
        zip(["coordinate, c = 0", "coordinate, c = 1", "row of 768", "matrix"], lines)
          .map { LabChart.Line($0, $1) }))
    report.findings.append(
      LabFinding(
        "E2",
        "three separate curves; a matrix is at distance 1 while the rank is below the gradient's",
        measured:
          "the row is up to \(short(gap)) above the formula, which looks at its length alone; "
          + "matrix at 1 below rank \(gradientRank)", holds: isAbove))
  }

  // MARK: - E3

  private func dependence(_ report: inout LabReport) throws {
    var table = LabTable(
      "e3-dependence", "E3: correlations of the noise",
      [
        "gradient", "rank", "A", "consecutive steps", "two rows",
        "two rows, mean over A by formula",
        "rank of G AᵀA at most",
      ])
    var (frozen, fresh) = (1.0, 0.0)
    for study in studies {
      for rank in settings.ranks where rank <= 64 {
        for resampled in [false, true] {
          let found = study.dependence(rank: rank, resampled: resampled)
          if resampled {
            fresh = max(fresh, abs(found.lag))
          } else {
            frozen = min(frozen, found.lag)
          }
          table.add([
            .string(study.source), .integer(rank),
            .string(resampled ? "fresh each step" : "frozen"), .figure(found.lag),
            .figure(found.rows), .figure(found.predictedRows),
            .integer(min(rank, try study.gradientRank())),
          ])
        }
      }
    }
    report.tables.append(table)
    report.findings.append(
      LabFinding(
        "E3", "with equal gradients frozen A gives correlation 1 between steps, fresh A gives 0",
        measured: "frozen at least \(short(frozen)), fresh at most \(short(fresh))",
        holds: frozen > 0.999_999 && fresh < 0.1))
  }

  // MARK: - E5

  private func vectors(_ report: inout LabReport) throws {
    var table = LabTable(
      "e5-vector", "E5: ε at δ = 1e-4 of one released vector in 768 dimensions (A secret)",
      ["1 − ρ", "rank", "exact", "as if normal", "bound of theorem 1"])
    var lines: [LabChart.Line] = []
    var isShaped = true
    for misalignment in [1e-3, 1e-4, 1e-5] {
      var values: [(rank: Int, epsilon: Double)] = []
      for rank in [4, 8, 16, 32, 64, 128, 256, 768] {
        let mechanism = VectorMechanism(dimension: 768, rank: rank, misalignment: misalignment)
        var stream = RandomStream(seed: settings.seed, purpose: .test, round: rank, client: 7)
        let losses = mechanism.losses(count: settings.lossDraws, using: &stream)
        let exact = VectorMechanism.epsilon(of: losses, delta: 1e-4)
        values.append((rank, exact))
        let nominal = try GDPAccountant().epsilon(
          of: .gaussian(noiseMultiplier: 1 / mechanism.nominalPrecision), delta: 1e-4)
        table.add([
          .number(misalignment), .integer(rank), .figure(exact),
          .figure(nominal),
          mechanism.bound(delta: 1e-4).map { JSONValue.figure($0) } ?? .null,
        ])
      }
      lines.append(
        LabChart.Line(
          "1 − ρ = \(misalignment)",
          values.filter { $0.epsilon.isFinite && $0.epsilon > 0 }.map {
            .init(Double.log2(Double($0.rank)), Double.log10($0.epsilon))
          }))
      let least = values.min { $0.epsilon < $1.epsilon }
      isShaped = isShaped && (16...128).contains(least?.rank ?? 0)
    }
    report.tables.append(table)
    report.charts.append(
      LabChart("E5: ε of one vector", x: "log2 of the rank", y: "log10 of ε", lines))
    report.findings.append(
      LabFinding(
        "E5", "ε is U-shaped in the rank: lowest between 16 and 128",
        measured: isShaped ? "lowest in that range at every alignment" : "lowest elsewhere",
        holds: isShaped))
  }

  // MARK: - E6

  private func matrices(_ report: inout LabReport) {
    var table = LabTable(
      "e6-matrix",
      "E6: telling a matrix from one 1e-3 beside it by the symmetry of VᵀY, 200 trials",
      [
        "rank", "columns", "precision", "accuracy", "largest for the true one",
        "least for the false one",
      ])
    var worst = 1.0
    for rank in settings.ranks where rank <= 64 {
      for columns in [1, 2, 8] {
        for single in [false, true] {
          let found = attack(rank: rank, columns: columns, single: single)
          if !single, columns > 1 { worst = min(worst, found?.accuracy ?? 0) }
          table.add([
            .integer(rank), .integer(columns), .string(single ? "single" : "double"),
            found.map { .figure($0.accuracy) } ?? .string("undecidable"),
            found.map { .figure($0.truest) } ?? .null, found.map { .figure($0.falsest) } ?? .null,
          ])
        }
      }
    }
    report.tables.append(table)
    report.findings.append(
      LabFinding(
        "E6", "with two columns or more the attack is right every time in double precision",
        measured: "accuracy \(short(worst)) at the least", holds: worst == 1))
  }

  private func attack(
    rank: Int, columns: Int, single: Bool
  ) -> (accuracy: Double, truest: Double, falsest: Double)? {
    let trials = 200
    var stream = RandomStream(
      seed: settings.seed, purpose: .test, round: rank, client: 8, step: columns)
    var (right, truest, falsest) = (0, 0.0, Double.infinity)
    for _ in 0..<trials {
      let v = MatrixAttack.gaussian(96, columns, using: &stream)
      let change = MatrixAttack.gaussian(96, columns, deviation: 1e-3, using: &stream)
      let other = Matrix(
        rows: 96, columns: columns, elements: zip(v.elements, change.elements).map { $0 + $1 })
      var release = MatrixAttack.release(of: v, rank: rank, using: &stream)
      if single {
        release = Matrix(
          rows: 96, columns: columns, elements: release.elements.map { Double(Float($0)) })
      }
      guard let own = MatrixAttack.asymmetry(candidate: v, release: release),
        let foreign = MatrixAttack.asymmetry(candidate: other, release: release)
      else { return nil }
      truest = max(truest, own)
      falsest = min(falsest, foreign)
      if own < foreign { right += 1 }
    }
    return (Double(right) / Double(trials), truest, falsest)
  }
}
