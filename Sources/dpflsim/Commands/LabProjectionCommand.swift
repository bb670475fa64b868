// `dpflsim lab projection`

import ArgumentParser
import Datasets
import Federation
import Foundation
import Laboratory
import Learning
import Scenarios

struct LabProjectionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "projection",
    abstract:
      "Noise before a random projection (M2), beside DP-SGD and DP-LoRA-FA at equal epsilon.",
    usage: "dpflsim lab projection [<options>]",
    discussion: """
      A linear classifier of Fashion-MNIST. M2 adds noise to the whole gradient and keeps what lies in the \
      rows of a fresh random matrix; its own accountant says how much less noise that needs. Learning rates \
      are tuned on a seed that is not reported.

      dpflsim lab projection --ranks 4,64 --epsilon 0.1,1.6
      """)

  @Option(help: ArgumentHelp("Ranks to measure, as in 4,16,64; up to 784.", valueName: "list"))
  var ranks = RankList(values: [4, 16, 64])

  @Option(help: ArgumentHelp("Budgets, as in 0.1,1.6; each from 0.01 to 100.", valueName: "list"))
  var epsilon: EpsilonList = EpsilonList(values: [0.1, 0.4, 1.6, 6.4])

  @Option(help: "Seeds to average over; 1 to 100.")
  var seeds = 3

  @Option(help: "Examples to train on; 100 to 50000.")
  var examples = 20_000

  @Option(help: "Steps on batches of a twentieth of the examples; 1 to 10000.")
  var steps = 100

  @OptionGroup var options: LabOptions

  /// Budgets as in 0.1,1.6.
  struct EpsilonList: ExpressibleByArgument {
    let values: [Double]

    init(values: [Double]) { self.values = values }

    var defaultValueDescription: String { values.map { "\($0)" }.joined(separator: ",") }

    init?(argument: String) {
      guard let values = [Double](commaSeparated: argument, within: 0.01...100) else { return nil }
      self.values = values
    }
  }

  func validate() throws {
    try Self.check([
      ("seeds", seeds, 1...100), ("examples", examples, 100...50_000), ("steps", steps, 1...10_000),
      ("ranks", ranks.values.max() ?? 1, 1...784),
    ])
  }

  func run() throws {
    let scenario = try Scenario(
      json: Data(
        """
        { "name": "projection", "rounds": 1, "data": { "name": "fashion-mnist" },
          "population": { "test_examples_per_client": 5000,
            "clusters": [{ "name": "all", "clients": 1, "examples_per_client": \(examples) }] },
          "model": { "name": "logistic" }, "local": { "batch_size": 32, "learning_rate": 0.1 },
          "privacy": { "target_epsilon": 1, "target_delta": 1e-5 }, "method": { "name": "global" } }
        """.utf8))
    let population = try Population(scenario: scenario, catalog: Places().catalog)
    let client = population.clients[0]
    let laboratory = ProjectionLaboratory(
      settings: .init(
        seeds: (0..<seeds).map { options.seed + UInt64($0) },
        ranks: Array(Set(ranks.values)).sorted(), epsilons: Array(Set(epsilon.values)).sorted(),
        steps: steps),
      inputs: population.plan.architecture.input.floatCount,
      classes: population.dataset.classCount, train: client.train, test: client.test)
    try options.finish(laboratory.run(progress: options.report))
  }
}
