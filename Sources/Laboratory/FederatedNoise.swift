// E10, `dpflsim lab federated-noise`: what the noise of single clients becomes in the averaged product, rule by rule.
//
// With clients' factors B + ξ_B and A + ξ_A the product has linear terms and a quadratic one; averaging factors apart
// divides the energy of the quadratic term by K², exact averaging of products by K (lora.md B.0).

import Federation
import Kernels
import Learning
import RealModule
import Scenarios

package struct FederatedNoiseLaboratory: Sendable {
  package struct Settings: Sendable {
    package var seed: UInt64
    package var clients: [Int]
    package var ranks: [Int]
    package var deviations: [Double]
    package var trials: Int

    package init(
      seed: UInt64 = 0, clients: [Int] = [2, 8, 32], ranks: [Int] = [2, 8],
      deviations: [Double] = [0.05, 0.5], trials: Int = 60
    ) {
      self.seed = seed
      self.clients = clients
      self.ranks = ranks
      self.deviations = deviations
      self.trials = trials
    }
  }

  private let settings: Settings
  private static let (rows, columns) = (16, 48)

  package init(settings: Settings) { self.settings = settings }

  /// The rules whose server is asked for one aggregation of A and B, or of B alone.
  private static let rules: [Scenario.Adapter.Aggregation] = [
    .fedIT, .fedExLoRA, .floRA, .flexLoRA, .loRAFAIR, .ffaLoRA, .fedSVD,
  ]

  package func run(progress: (String) -> Void) throws -> LabReport {
    var report = LabReport("federated-noise", "Clients' noise in the averaged product")
    var table = LabTable(
      "e10-noise", "E10: energy of the noise in the averaged product, measured and by formula",
      [
        "rule", "clients", "rank", "deviation", "measured", "linear", "quadratic",
        "measured / (linear + quadratic)",
      ])
    var ratios: [Double] = []
    var curves: [String: [LabChart.Point]] = [:]
    var quadratic: [Int: [String: Double]] = [:]
    for rule in Self.rules {
      progress("E10: \(rule.name)")
      for count in settings.clients {
        for rank in settings.ranks {
          for deviation in settings.deviations {
            let found = try energies(rule, count: count, rank: rank, deviation: deviation)
            let predicted = found.linear + found.quadratic
            let ratio = found.measured / predicted
            table.add([
              .string(rule.name), .integer(count), .integer(rank), .number(deviation),
              .figure(found.measured), .figure(found.linear), .figure(found.quadratic),
              .figure(ratio),
            ])
            // What FlexLoRA cuts off and LoRA-FAIR projects is not in the formula.
            if rule != .flexLoRA, rule != .loRAFAIR { ratios.append(ratio) }
            if rank == settings.ranks.last, deviation == settings.deviations.last {
              curves[rule.name, default: []].append(
                .init(log2(count), log10(found.measured)))
            }
          }
        }
        let pure = try energies(rule, count: count, rank: 4, deviation: 1, empty: true)
        quadratic[count, default: [:]][rule.name] = pure.measured
      }
    }
    report.tables.append(table)
    report.tables.append(law(quadratic))
    report.charts.append(
      LabChart(
        "E10: energy of the noise", x: "log2 of the clients", y: "log10 of the energy",
        Self.rules.map { LabChart.Line($0.name, curves[$0.name] ?? []) }))
    let worst = ratios.map { abs($0 - 1) }.max() ?? 0
    report.findings.append(
      LabFinding(
        "E10",
        "noise energies of rules that neither cut nor correct follow the linear and quadratic terms",
        measured: "within \(short(100 * worst)) %", holds: worst < 0.15))
    let factors = settings.clients.map { count in
      (quadratic[count]?["fedex-lora"] ?? 0) / (quadratic[count]?["fedit"] ?? 1) / Double(count)
    }
    report.findings.append(
      LabFinding(
        "E10", "exact averaging has K times the quadratic noise of factor averaging",
        measured: "ratio over K: " + factors.map(short).joined(separator: ", "),
        holds: factors.allSatisfy { abs($0 - 1) < 0.1 }))
    return report
  }

  private func law(_ quadratic: [Int: [String: Double]]) -> LabTable {
    var table = LabTable(
      "e10-law",
      "E10: energy of pure noise (A = B = 0, both noisy) times K over that of one client",
      ["clients", "fedit", "fedex-lora", "flora"])
    let one = Double(Self.rows * Self.columns * 4)
    for (count, found) in quadratic.sorted(by: { $0.key < $1.key }) {
      table.add(
        [.integer(count)]
          + ["fedit", "fedex-lora", "flora"].map {
            .figure((found[$0] ?? 0) * Double(count) / one)
          })
    }
    return table
  }

  private struct Energies {
    let measured: Double
    let linear: Double
    let quadratic: Double
  }

  /// - Parameter empty: whether the true factors are zero, which leaves the quadratic term alone.
  private func energies(
    _ rule: Scenario.Adapter.Aggregation, count: Int, rank: Int, deviation: Double,
    empty: Bool = false
  ) throws -> Energies {
    let (m, n) = (Self.rows, Self.columns)
    var stream = RandomStream(
      seed: settings.seed, purpose: .test, round: count, client: rank, step: empty ? 1 : 0)
    func draw(_ rows: Int, _ columns: Int, _ deviation: Double) -> Matrix {
      Matrix(
        rows: rows, columns: columns,
        elements: (0..<rows * columns).map { _ in
          Double(Float(deviation * stream.nextGaussian()))
        })
    }
    let size = empty ? 0 : 1 / Double(rank).squareRoot()
    let truth = LayerFactors(a: draw(rank, n, size), b: draw(m, rank, size), scale: 1)
    let onlyB = rule == .ffaLoRA || rule == .fedSVD
    let keeps = try rule.makeRule().keepsResidual
    let start = AdapterModel(
      layers: [truth], residual: keeps ? [Matrix(rows: m, columns: n)] : [])
    var measured = 0.0
    for trial in 0..<settings.trials {
      let clients = (0..<count).map { _ in
        [
          LayerFactors(
            a: onlyB ? truth.a : truth.a.adding(draw(rank, n, deviation)),
            b: truth.b.adding(draw(m, rank, deviation)), scale: 1)
        ]
      }
      let next = try rule.makeRule().aggregate(
        AggregationInput(
          start: start, clients: clients, trained: onlyB ? .b : .both, seed: settings.seed,
          round: trial))
      measured += next.weightChanges[0].adding(truth.product, times: -1).squaredNorm
    }
    let k = Double(count)
    let variance = deviation * deviation
    var linear = Double(m) * variance * truth.a.squaredNorm
    if !onlyB { linear += Double(n) * variance * truth.b.squaredNorm }
    let whole = onlyB ? 0 : Double(m * n * rank) * variance * variance
    let isApart = rule == .fedIT
    return Energies(
      measured: measured / Double(settings.trials), linear: linear / k,
      quadratic: whole / (isApart ? k * k : k))
  }

  private func log2(_ count: Int) -> Double { log10(Double(count)) / 0.301_029_995_663_981_2 }

  private func log10(_ x: Double) -> Double { Double.log10(x) }
}
