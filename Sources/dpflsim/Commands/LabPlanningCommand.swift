// `dpflsim lab planning-tokens`

import ArgumentParser
import Laboratory

struct LabPlanningCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "planning-tokens",
    abstract: "Whether trained rows tell a frozen decoder which arithmetic a text follows.",
    usage: "dpflsim lab planning-tokens [<options>]",
    discussion: """
      A small decoder is pretrained on texts of four items "a # b = c" where # is the larger digit in one \
      half of the texts and the smaller in the other, and frozen. Planning tokens and prompts are then \
      trained on texts of one kind or of both, with and without DP-SGD.

      dpflsim lab planning-tokens --seeds 1
      """)

  @Option(help: "Seeds to average over; 1 to 100.")
  var seeds = 3

  @Option(help: "Batches of 64 texts for pretraining; 1 to 100000.")
  var pretrainingSteps = 3000

  @OptionGroup var options: LabOptions

  func validate() throws {
    try Self.check([
      ("seeds", seeds, 1...100), ("pretraining-steps", pretrainingSteps, 1...100_000),
    ])
  }

  func run() throws {
    let laboratory = PlanningLaboratory(
      settings: .init(
        seeds: (0..<seeds).map { options.seed + UInt64($0) }, pretrainingSteps: pretrainingSteps))
    try options.finish(laboratory.run(progress: options.report))
  }
}
