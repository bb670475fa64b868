// `dpflsim privacy`: epsilon, calibrate, ledger

import ArgumentParser
import Presentation
import Privacy
import Scenarios

struct PrivacyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "privacy", abstract: "Compute ε, calibrate noise, and audit the ledger of a run.",
    discussion: """
      dpflsim privacy ledger latest
      """,
    subcommands: [Epsilon.self, Calibrate.self, Ledger.self])
}

extension PrivacyCommand {
  struct Epsilon: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "What ε do these releases cost together?",
      usage: "dpflsim privacy epsilon --noise-multiplier <number> [<options>]",
      discussion: """
        For one training example added or removed, with Poisson sampling.

        dpflsim privacy epsilon --noise-multiplier 1.1 --sample-rate 0.01 --steps 1000 --delta 1e-5
        """)

    @OptionGroup var plan: PlanOptions
    @OptionGroup var question: AccountantOptions
    @OptionGroup var output: OutputOptions

    @Option(help: "Noise standard deviation of a training step over the clipping bound.")
    var noiseMultiplier: Double

    func validate() throws {
      try PlanOptions.check(
        "--noise-multiplier", noiseMultiplier, noiseMultiplier > 0 && noiseMultiplier.isFinite,
        "above 0")
    }

    func run() throws {
      let event = plan.event(noiseMultiplier: noiseMultiplier)
      let answer = EpsilonAnswer(
        noiseMultiplier: noiseMultiplier, bounds: try question.bounds(of: event),
        refusals: question.refusals(of: event))
      try output.write {
        answer.lines(colors: $0)
      } document: {
        answer.document
      }
    }
  }

  struct Calibrate: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "What noise multiplier keeps these releases within an ε?",
      usage: "dpflsim privacy calibrate --target-epsilon <number> [<options>]",
      discussion: """
        The smallest one, rounded up; the selections are part of the budget.

        dpflsim privacy calibrate --target-epsilon 3 --sample-rate 0.01 --steps 1000 --delta 1e-5
        """)

    @OptionGroup var plan: PlanOptions
    @OptionGroup var question: AccountantOptions
    @OptionGroup var output: OutputOptions

    @Option(help: "The whole budget.")
    var targetEpsilon: Double

    func validate() throws {
      try PlanOptions.check(
        "--target-epsilon", targetEpsilon, targetEpsilon > 0 && targetEpsilon.isFinite, "above 0")
    }

    func run() throws {
      let noise = try Calibration.calibrate(
        targetEpsilon: targetEpsilon, delta: question.delta,
        accountant: question.accountant.accountant
      ) { plan.event(noiseMultiplier: $0) }
      let event = plan.event(noiseMultiplier: noise.noiseMultiplier)
      let answer = EpsilonAnswer(
        noiseMultiplier: noise.noiseMultiplier,
        bounds: question.compare ? try question.bounds(of: event) : [noise.bound],
        target: targetEpsilon, refusals: question.refusals(of: event))
      try output.write {
        answer.lines(colors: $0)
      } document: {
        answer.document
      }
    }
  }
}
