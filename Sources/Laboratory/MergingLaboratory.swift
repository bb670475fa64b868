// `dpflsim lab merging`: what is left of experts when 2, 5, 10 or 20 of them become one model, for low-rank, sparse and
// whole experts and every rule of merging, and when low-rank ones are routed instead (ordering as published by Arnob et al.,
// COLM 2025, is measured and not assumed).

import Federation
import Kernels
package import Learning
import RealModule
import Scenarios

package struct MergingLaboratory: Sendable {
  package struct Settings: Sendable {
    package var seeds: [UInt64]
    /// Numbers of experts that are merged, ascending.
    package var counts: [Int]
    /// Examples of each expert's task, and full-batch steps on them.
    package var examples: Int
    package var steps: Int
    package var rank: Int
    /// Of DP-SGD with the bound 1; nil trains without noise.
    package var noiseMultiplier: Double?

    package init(
      seeds: [UInt64] = [0, 1, 2], counts: [Int] = [2, 5, 10, 20], examples: Int = 100,
      steps: Int = 30, rank: Int = 4, noiseMultiplier: Double? = nil
    ) {
      self.seeds = seeds
      self.counts = counts
      self.examples = examples
      self.steps = steps
      self.rank = rank
      self.noiseMultiplier = noiseMultiplier
    }
  }

  /// How experts are trained.
  enum Kind: String, CaseIterable {
    case lora
    case sparse
    case full
  }

  private enum Rule: CaseIterable {
    case uniform, factors, taskArithmetic, tiesPEFT, tiesMTTL, sparseOverlap, dare
    /// No merge: each row, or each example, chooses among the experts.
    case arrowByRow, arrowByExample

    var name: String {
      switch self {
      case .uniform: "uniform"
      case .factors: "uniform, factors"
      case .taskArithmetic: "task arithmetic 0.3"
      case .tiesPEFT: "TIES by tensor 0.2"
      case .tiesMTTL: "TIES by expert 0.2"
      case .sparseOverlap: "sparse overlap"
      case .dare: "DARE 0.5"
      case .arrowByRow: "Arrow, by row"
      case .arrowByExample: "Arrow, by example"
      }
    }

    /// Whether it needs experts with factors.
    var isLowRank: Bool { [.factors, .arrowByRow, .arrowByExample].contains(self) }

    func use(seed: UInt64) -> Use {
      switch self {
      case .uniform: .changes(.uniform)
      case .factors: .factors
      case .taskArithmetic: .changes(.taskArithmetic(scale: 0.3))
      case .tiesPEFT: .changes(.ties(density: 0.2, trim: .tensor))
      case .tiesMTTL: .changes(.ties(density: 0.2, trim: .expert))
      case .sparseOverlap: .changes(.sparseOverlap)
      case .dare: .changes(.dare(density: 0.5, seed: seed))
      case .arrowByRow: .routed(.arrow(byExample: false))
      case .arrowByExample: .routed(.arrow(byExample: true))
      }
    }
  }

  /// What becomes of experts.
  private enum Use {
    /// One model with what becomes of their changes of the base.
    case changes(TaskMerging)
    /// One adapter with the means of A and of B.
    case factors
    case routed(ExpertRouting)
  }

  private let settings: Settings
  private let architecture: Architecture
  private let base: [Float]
  private let train: ExamplePool
  private let test: ExamplePool
  /// Two labels a task, in an order in which all labels come early.
  private let tasks: [[Int]]

  /// - Parameters:
  ///   - train: examples of which each task takes its own, disjoint parts.
  ///   - classes: at least 4; tasks are pairs of labels.
  package init<Source: ExampleSource>(
    settings: Settings, architecture: Architecture, base: [Float], train: Source, test: Source,
    classes: Int
  ) {
    self.settings = settings
    self.architecture = architecture
    self.base = base
    let inputs = architecture.input.floatCount
    self.train = ExamplePool(train, inputCount: inputs, count: train.count)
    self.test = ExamplePool(test, inputCount: inputs, count: test.count)
    tasks = Self.pairs(classes)
  }

  /// All pairs of labels: those of distance 1 with even beginning, then odd, then distance 2 and so on.
  static func pairs(_ classes: Int) -> [[Int]] {
    (1..<classes).flatMap { distance in
      let all = (0..<classes - distance).map { [$0, $0 + distance] }
      return all.filter { $0[0].isMultiple(of: 2) } + all.filter { !$0[0].isMultiple(of: 2) }
    }
  }

  package func run(progress: (String) -> Void) throws -> LabReport {
    var report = LabReport("merging", "Experts merged into one model")
    var table = LabTable(
      "merging", "Accuracy on the tasks of the merged experts, and on all other pairs of labels",
      [
        "experts", "tasks", "rule", "held in", "± 95 %", "held out", "± 95 %",
      ])
    // Beside them, once for all rules: a terminal has no room for both in one table.
    var references = LabTable(
      "merging-references", "Accuracy of the experts alone, each on its own task, and of the base",
      ["experts", "tasks", "expert alone", "base"])
    var curves: [Kind: [LabChart.Point]] = [:]
    for kind in Kind.allCases {
      var found: [Key: [Scores]] = [:]
      for seed in settings.seeds {
        progress("\(kind.rawValue) experts, seed \(seed)")
        try measure(kind, seed: seed, into: &found)
      }
      for (key, scores) in found.sorted(by: {
        ($0.key.count, $0.key.rule) < ($1.key.count, $1.key.rule)
      }) {
        let inside = Spread(scores.map(\.heldIn))
        let outside = Spread(scores.map(\.heldOut))
        table.add([
          .string(kind.rawValue), .integer(key.count), .string(Rule.allCases[key.rule].name),
          .figure(inside.mean), inside.margin.map { .figure($0) } ?? .null, .figure(outside.mean),
          outside.margin.map { .figure($0) } ?? .null,
        ])
        if Rule.allCases[key.rule] == .uniform {
          references.add([
            .string(kind.rawValue), .integer(key.count),
            .figure(Spread(scores.map(\.alone)).mean), .figure(Spread(scores.map(\.base)).mean),
          ])
          curves[kind, default: []].append(
            LabChart.Point(Double(key.count), inside.mean))
        }
      }
    }
    report.tables += [table, references]
    report.charts.append(
      LabChart(
        "Uniform merge: accuracy on the merged tasks", x: "tasks", y: "accuracy",
        Kind.allCases.map { LabChart.Line($0.rawValue, curves[$0] ?? []) }))
    if settings.noiseMultiplier != nil {
      report.caution =
        "No epsilon is stated: the step size of each expert is chosen by its loss on private examples, which nothing here "
        + "pays for."
    }
    // One number of tasks has nothing to fall from.
    guard settings.counts.count > 1 else { return report }
    let falls = curves.values.allSatisfy { ($0.first?.y ?? 0) >= ($0.last?.y ?? 0) }
    report.findings.append(
      LabFinding(
        "merging", "the accuracy on the merged tasks falls with their number",
        measured: Kind.allCases.map { kind in
          "\(kind.rawValue) \((curves[kind] ?? []).map { short($0.y) }.joined(separator: ", "))"
        }.joined(separator: "; "), holds: falls))
    return report
  }

  private struct Key: Hashable {
    let count: Int
    let rule: Int
  }

  private struct Scores {
    let heldIn: Double
    let heldOut: Double
    let alone: Double
    let base: Double
  }

  // MARK: - One seed

  /// An expert: what it adds to the base, and its factors where it has them.
  private struct Expert {
    let change: [Double]
    let plan: TrainingPlan
    let theta: [Float]
    let accuracy: Double
  }

  private func measure(
    _ kind: Kind, seed: UInt64, into found: inout [Key: [Scores]]
  ) throws {
    let counts = settings.counts.filter { $0 <= tasks.count }
    let training = ExpertTraining(
      settings: settings, architecture: architecture, base: base, pool: train)
    let parts = training.parts(tasks, seed: seed)
    let whole = Network(plan: try TrainingPlan(architecture: architecture))
    func correct(_ network: Network, _ parameters: [Float]) -> [Bool] {
      network.load(trainable: parameters)
      var right = [Bool](repeating: false, count: test.count)
      _ = network.evaluate(test, observe: { right[$0.position] = $0.label == $0.predicted })
      return right
    }
    var experts: [Expert] = []
    for task in 0..<(counts.last ?? 0) {
      let trained = try training.tuned(kind, task: task, on: parts[task], seed: seed)
      experts.append(
        Expert(
          change: zip(trained.parameters, base).map { Double($0) - Double($1) },
          plan: trained.plan, theta: trained.theta,
          accuracy: accuracy(correct(whole, trained.parameters), on: [task])))
    }
    let before = correct(whole, base)
    for count in counts {
      let merged = Array(experts.prefix(count))
      let alone = merged.reduce(0) { $0 + $1.accuracy } / Double(count)
      for (index, rule) in Rule.allCases.enumerated() where !rule.isLowRank || kind == .lora {
        let right =
          switch rule.use(seed: seed) {
          case .changes(let merging): correct(whole, self.merged(merged, merging))
          case .factors: correct(whole, try meanFactors(of: merged, seed: seed))
          case .routed(let routing): correct(try routed(merged, routing, seed: seed), [])
          }
        found[Key(count: count, rule: index), default: []].append(
          Scores(
            heldIn: accuracy(right, on: Array(0..<count)),
            heldOut: accuracy(right, on: Array(count..<tasks.count)), alone: alone,
            base: accuracy(before, on: Array(0..<count))))
      }
    }
  }

  /// Low-rank experts beside one another.
  private func routed(
    _ experts: [Expert], _ routing: ExpertRouting, seed: UInt64
  ) throws -> Network {
    let experts = experts.map { expert in
      RoutedExpert(
        factors: expert.plan.routedFactors(
          trainable: expert.theta, frozen: expert.plan.frozenFactors(seed: seed)))
    }
    let model = try RoutedModel(experts, routing: routing, on: architecture, base: base)
    let network = Network(plan: model.plan)
    network.load(frozen: model.frozen)
    return network
  }

  private func meanFactors(of experts: [Expert], seed: UInt64) throws -> [Float] {
    let plan = experts[0].plan
    let mean = TaskMerging.uniform.merge(experts.map { $0.theta.map(Double.init) })
    return plan.merged(
      frozen: FrozenParameters(base: base, factors: plan.frozenFactors(seed: seed)),
      trainable: mean.map { Float($0) })
  }

  private func merged(_ experts: [Expert], _ merging: TaskMerging) -> [Float] {
    let change = merging.merge(experts.map(\.change), tensors: architecture.slots.map(\.range))
    return zip(base, change).map { $0 + Float($1) }
  }

  /// Mean over tasks of the share of their test examples that are right.
  private func accuracy(_ right: [Bool], on chosen: [Int]) -> Double {
    let shares = chosen.map { task in
      let own = right.indices.filter { tasks[task].contains(test.label(at: $0)) }
      return Double(own.count { right[$0] }) / Double(max(own.count, 1))
    }
    return shares.reduce(0, +) / Double(max(shares.count, 1))
  }
}
