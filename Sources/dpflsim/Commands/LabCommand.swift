// `dpflsim lab lora-noise`, `lab membership` and `lab federated-noise`; the other experiments have files of their own.

import Analysis
import ArgumentParser
import Datasets
import Federation
import Foundation
import Laboratory
import Learning
import Presentation
import Scenarios

struct LabCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lab",
    abstract: "Measure LoRA's noise, what it does not guarantee, and what clustering finds.",
    discussion: """
      Prints tables and says which expectations hold. Every table is stored as CSV, with a page of \
      charts and the figures as JSON, in results/lab/NAME or the folder given with --into. \
      docs/lora-and-privacy.md and docs/paper.md explain the experiments.

      dpflsim lab lora-noise
      """,
    subcommands: [
      LabNoiseCommand.self, LabMembershipCommand.self, LabFederatedCommand.self,
      LabMergingCommand.self, LabPlanningCommand.self, LabProjectionCommand.self,
      LabDetectionCommand.self,
    ])
}

/// Where a report of the laboratory goes.
struct LabOutput: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Store tables and charts in this folder (default: results/lab/NAME of the project).",
      valueName: "folder"))
  var into: String?

  @Flag(help: "Show no progress.")
  var quiet = false

  @OptionGroup var output: OutputOptions

  func report(_ step: String) {
    guard !quiet else { return }
    Terminal.report("\(step)\n")
  }

  func finish(_ report: LabReport) throws {
    let folder =
      into.map { URL(fileURLWithPath: $0, isDirectory: true) }
      ?? Places().home.appendingPathComponent("results/lab/\(report.name)", isDirectory: true)
    let files = try report.write(to: folder)
    try output.write { colors in
      report.lines(colors: colors) + ["", "\(files.count) files stored in \(folder.path)"]
    } document: {
      report.document
    }
  }
}

struct LabOptions: ParsableArguments {
  @Option(help: "Seed of every random draw.")
  var seed: UInt64 = 0

  @OptionGroup var output: LabOutput

  func validate() throws {
    guard seed <= 1 << 53 else { throw ValidationError("--seed must be at most 2^53") }
  }

  func report(_ step: String) { output.report(step) }

  func finish(_ report: LabReport) throws { try output.finish(report) }
}

extension ParsableCommand {
  /// - Parameter options: whole numbers with what they may be.
  /// - Throws: `ValidationError` for the first that is out of its range.
  static func check(_ options: [(name: String, value: Int, range: ClosedRange<Int>)]) throws {
    for (name, value, range) in options where !range.contains(value) {
      throw ValidationError(
        "--\(name) must be from \(range.lowerBound) to \(range.upperBound), got \(value)")
    }
  }
}

extension Array where Element: LosslessStringConvertible & Comparable {
  /// Nil unless every part is a number of the range.
  init?(commaSeparated text: String, within range: ClosedRange<Element>) {
    self = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let value = Element(String(part)), range.contains(value) else { return nil }
      append(value)
    }
  }
}

/// Numbers as in 1,4,16.
struct RankList: ExpressibleByArgument {
  let values: [Int]

  init(values: [Int]) { self.values = values }

  var defaultValueDescription: String { values.map(String.init).joined(separator: ",") }

  init?(argument: String) {
    guard let values = [Int](commaSeparated: argument, within: 1...4096) else { return nil }
    self.values = values
  }
}

struct LabNoiseCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lora-noise",
    abstract:
      "The noise that LoRA injects: variance, distance to a normal law, dependence, privacy.",
    usage: "dpflsim lab lora-noise [<scenario>] [<options>]",
    discussion: """
      E1 to E3, E5, E6 and E8 on synthetic gradients. With a scenario, also on the last layer of a \
      network trained on its public (else its first client's) examples, and E4, the drift from the \
      theory for SGD and Adam.

      dpflsim lab lora-noise scenarios/skewed.json --ranks 1,4,16
      """)

  @Argument(help: ArgumentHelp("A scenario whose data and model are used.", valueName: "scenario"))
  var file: String?

  @Option(help: ArgumentHelp("Ranks to measure, as in 1,4,16.", valueName: "list"))
  var ranks: RankList?

  @OptionGroup var options: LabOptions

  func run() throws {
    var settings = NoiseLaboratory.Settings(seed: options.seed)
    if let ranks { settings.ranks = ranks.values.sorted() }
    let network = try file.map { file in
      options.report("training a network")
      let data = try LabData(file: file, seed: options.seed)
      return data.network
    }
    let laboratory = NoiseLaboratory(settings: settings, network: network)
    try options.finish(laboratory.run(progress: options.report))
  }
}

struct LabMembershipCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "membership",
    abstract: "Membership inference against full fine-tuning, LoRA and frozen A.",
    usage: "dpflsim lab membership <scenario> [<options>]",
    discussion: """
      Loss threshold and LiRA beside an attacker who knows everything but the example. Without noise \
      the last one is always right: robustness against the weaker ones is no guarantee.

      dpflsim lab membership scenarios/skewed.json --ranks 1,4
      """)

  @Argument(
    help: ArgumentHelp("The scenario whose data and model are used.", valueName: "scenario"))
  var file: String

  @Option(help: ArgumentHelp("Ranks to measure, as in 1,4,16.", valueName: "list"))
  var ranks: RankList?

  @Option(help: "Models of each kind, each of them a shadow of the others; 8 to 4096.")
  var models = 48

  @Option(help: "Examples of which each model trains on a random half; 20 to 10000.")
  var pool = 240

  @Option(help: "Full-batch steps; 1 to 10000.")
  var steps = 30

  @Option(help: "Noise multiplier of the private rows; above 0, at most 1000.")
  var noiseMultiplier = 4.0

  @OptionGroup var options: LabOptions

  func validate() throws {
    try Self.check([
      ("models", models, 8...4096), ("pool", pool, 20...10_000), ("steps", steps, 1...10_000),
    ])
    guard noiseMultiplier > 0, noiseMultiplier <= 1000 else {
      throw ValidationError("--noise-multiplier must be above 0, at most 1000")
    }
  }

  func run() async throws {
    var settings = MembershipLaboratory.Settings(
      seed: options.seed, models: models, pool: pool, steps: steps,
      noiseMultiplier: noiseMultiplier, workers: Machine.cores)
    if let ranks { settings.ranks = ranks.values.sorted() }
    let data = try LabData(file: file, seed: options.seed)
    let client = data.population.clients[0].train
    guard client.count >= pool else {
      throw Failure(
        .usage,
        "--pool: the scenario's first client has only \(client.count) examples; ask for fewer")
    }
    let laboratory = MembershipLaboratory(
      settings: settings, architecture: data.population.plan.architecture,
      base: data.network.base, examples: client)
    try options.finish(await laboratory.run(progress: options.report))
  }
}

struct LabFederatedCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "federated-noise",
    abstract: "What the noise of single clients becomes in the averaged product, rule by rule.",
    usage: "dpflsim lab federated-noise [<options>]",
    discussion: """
      dpflsim lab federated-noise
      """)

  @OptionGroup var options: LabOptions

  func run() throws {
    let laboratory = FederatedNoiseLaboratory(settings: .init(seed: options.seed))
    try options.finish(laboratory.run(progress: options.report))
  }
}

/// The data and the model of a scenario, for experiments.
struct LabData {
  let population: Population
  let network: TrainedNetwork

  init(file: String, seed: UInt64) throws {
    let scenario = try ScenarioOptions.scenario(
      of: file, ScenarioOptions.contents(of: file), overrides: [])
    guard !scenario.data.isTextSet else {
      throw Failure(
        .invalidInput, "data.name: the laboratory studies models of numbers; use another data set")
    }
    population = try Population(scenario: scenario, catalog: Places().catalog)
    let architecture = population.plan.architecture
    // Public examples, as far as there are any.
    let source =
      population.publicExamples.count > 0
      ? population.publicExamples : population.clients[population.clients.count - 1].train
    network = try TrainedNetwork(
      architecture: architecture, examples: source, steps: 300, batchSize: 32, learningRate: 0.05,
      seed: seed)
  }
}
