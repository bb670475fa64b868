// `dpflsim lab merging`

import ArgumentParser
import Datasets
import Federation
import Foundation
import Laboratory
import Learning
import Scenarios

struct LabMergingCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merging",
    abstract: "What is left of 2 to 20 experts when they are merged into one model.",
    usage: "dpflsim lab merging <scenario> [<options>]",
    discussion: """
      Every expert learns two labels from a base model; low-rank, sparse and whole experts are merged by \
      each rule, low-rank ones also routed by Arrow, and tested on the merged tasks and on all other \
      pairs of labels. Examples come from the scenario's data set, without shifts.

      dpflsim lab merging scenarios/skewed.json --tasks 2,5 --seeds 1
      """)

  @Argument(
    help: ArgumentHelp("The scenario whose data set and model are used.", valueName: "scenario"))
  var file: String

  @Option(help: ArgumentHelp("Numbers of experts, as in 2,5,10,20.", valueName: "list"))
  var tasks = RankList(values: [2, 5, 10, 20])

  @Option(help: "Seeds to average over; 1 to 100.")
  var seeds = 3

  @Option(help: "Training examples of each expert; 2 to 10000.")
  var examples = 100

  @Option(help: "Full-batch steps of each expert; 1 to 10000.")
  var steps = 30

  @Option(help: "Rank of low-rank experts; sparse ones have as many numbers.")
  var rank = 4

  @Option(help: "Noise multiplier of DP-SGD with clipping bound 1 (default: no noise).")
  var noiseMultiplier: Double?

  @OptionGroup var options: LabOptions

  func validate() throws {
    try Self.check([
      ("seeds", seeds, 1...100), ("examples", examples, 2...10_000), ("steps", steps, 1...10_000),
      ("rank", rank, 1...4096), ("tasks", tasks.values.min() ?? 2, 2...4096),
    ])
    if let noiseMultiplier, !(noiseMultiplier > 0 && noiseMultiplier <= 1000) {
      throw ValidationError("--noise-multiplier must be above 0, at most 1000")
    }
  }

  func run() throws {
    let data = try LabData(file: file, seed: options.seed)
    let dataset = data.population.dataset
    guard dataset.classCount >= 4 else {
      throw Failure(
        .invalidInput, "data.name: tasks are pairs of at least 4 labels; use another data set")
    }
    let pairs = dataset.classCount * (dataset.classCount - 1) / 2
    guard (tasks.values.max() ?? 0) <= pairs else {
      throw Failure(
        .usage,
        "--tasks: \(dataset.classCount) labels make \(pairs) pairs; ask for at most \(pairs)")
    }
    let transform = try ViewTransform(for: dataset)
    let partition = data.population.partition
    let train = ClientView(
      of: dataset, .train, indices: partition.clients.flatMap(\.train), transform: transform)
    let tested = Set(partition.clients.flatMap(\.test)).sorted()
    let test = ClientView(of: dataset, .test, indices: tested, transform: transform)
    let laboratory = MergingLaboratory(
      settings: MergingLaboratory.Settings(
        seeds: (0..<seeds).map { options.seed + UInt64($0) },
        counts: Array(Set(tasks.values)).sorted(), examples: examples, steps: steps, rank: rank,
        noiseMultiplier: noiseMultiplier),
      architecture: data.population.plan.architecture, base: data.network.base, train: train,
      test: test, classes: dataset.classCount)
    try options.finish(laboratory.run(progress: options.report))
  }
}
