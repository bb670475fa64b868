// What becomes of gradients and updates once they are noisy: optimisers of clients and server, and the
// course of the learning rate. All of it is post-processing and costs no privacy.

extension Scenario.Local {
  /// How a client moves its model by a noisy mean gradient g. It starts anew in every round.
  public enum Optimizer: Sendable, Hashable {
    /// θ ← θ − lr·g.
    case sgd
    /// v ← momentum·v + g, θ ← θ − lr·v. JSON key `momentum`; from 0, below 1; default 0.9.
    case momentum(Double)
    /// Kingma and Ba (2015) with bias correction. JSON keys `betas`, two numbers from 0, below 1;
    /// default [0.9, 0.999]; and `eps`, above 0, at most 1; default 1e-8.
    case adam(betas: Scenario.Betas, eps: Double)
  }

  /// The learning rate's factor over the course of a run.
  public enum LearningRateSchedule: Sendable, Hashable {
    case constant
    /// Half a cosine from 1 down to `final_ratio` at the end; 0 to 1, default 0.
    case cosine(finalRatio: Double)
    /// A line from 1 down to `final_ratio` at the end; 0 to 1, default 0.
    case linear(finalRatio: Double)
    /// Multiplied by `gamma` (above 0, at most 1; default 0.1) after every `every` rounds.
    case step(every: Int, gamma: Double)
  }
}

extension Scenario {
  /// How the server moves a model by the mean Δ of the updates to it. JSON key `server.optimizer`.
  public enum ServerOptimizer: Sendable, Hashable {
    /// w ← w + Δ.
    case fedAvg
    /// v ← momentum·v + Δ, w ← w + learning_rate·v (FedAvgM; Hsu, Qi, Brown 2019).
    /// JSON keys `learning_rate`, default 1, and `momentum`, default 0.9.
    case fedAvgM(learningRate: Double, momentum: Double)
    /// m ← β₁m + (1−β₁)Δ, v ← β₂v + (1−β₂)Δ², w ← w + learning_rate·m/(√v + eps), without bias
    /// correction (Reddi et al., ICLR 2021, algorithm 2). JSON keys `learning_rate`, default 0.1,
    /// `betas`, default [0.9, 0.99], and `eps`, default 1e-3.
    case fedAdam(learningRate: Double, betas: Betas, eps: Double)
  }

  /// The decay rates of the first and second moment.
  public struct Betas: Sendable, Hashable {
    public let first: Double
    public let second: Double

    package init(first: Double, second: Double) {
      self.first = first
      self.second = second
    }
  }
}

// MARK: - Format

extension Scenario.Betas {
  fileprivate static func key(_ usual: JSONValue) -> Key {
    .defaults(
      "betas", usual, .list(of: .number(.from(0, below: 1)), count: 2...2, distinct: false),
      "Decay rates of the means of gradients and of their squares.")
  }

  fileprivate init(_ fields: Fields) throws(ScenarioError) {
    let values = try fields.numbers("betas")
    first = values.first ?? 0
    second = values.last ?? 0
  }
}

private let momentumKey = Key.defaults(
  "momentum", 0.9, .number(.from(0, below: 1)), "Share of the last step's velocity that is kept.")

private func epsKey(_ usual: JSONValue) -> Key {
  .defaults(
    "eps", usual, .number(.above(0, to: 1)), "Added to the root of the mean square it divides by.")
}

extension Scenario.Local.Optimizer {
  static let key = Key.implied(
    "optimizer", ["name": "sgd"],
    .tagged(
      TaggedShape(
        tag: "name", description: "Which optimiser.",
        branches: [
          .init("sgd", "Plain steps against the noisy gradient."),
          .init("momentum", "SGD with momentum.", [momentumKey]),
          .init(
            "adam", "Adam with bias correction.", [Scenario.Betas.key([0.9, 0.999]), epsKey(1e-8)]),
        ])),
    "What the client does with a noisy gradient; starts anew in every round and costs no privacy.")

  init(_ fields: Fields?) throws(ScenarioError) {
    guard let fields else {
      self = .sgd
      return
    }
    switch try fields.string("name") {
    case "momentum": self = .momentum(try fields.number("momentum"))
    case "adam":
      self = .adam(betas: try Scenario.Betas(fields), eps: try fields.number("eps"))
    default: self = .sgd
    }
  }
}

extension Scenario.Local.LearningRateSchedule {
  private static let finalRatio = Key.defaults(
    "final_ratio", 0, .number(.from(0, to: 1)), "The factor at the end of the run.")

  static let key = Key.implied(
    "learning_rate_schedule", ["name": "constant"],
    .tagged(
      TaggedShape(
        tag: "name", description: "Which course.",
        branches: [
          .init("constant", "The learning rate stays."),
          .init("cosine", "Half a cosine over all steps of the run.", [finalRatio]),
          .init("linear", "A line over all steps of the run.", [finalRatio]),
          .init(
            "step", "A staircase over the rounds.",
            [
              .required("every", .integer(1...100_000), "Rounds between two falls."),
              .defaults("gamma", 0.1, .number(.above(0, to: 1)), "The factor of each fall."),
            ]),
        ])),
    "The factor of learning_rate over the course of the run.")

  init(_ fields: Fields?) throws(ScenarioError) {
    guard let fields else {
      self = .constant
      return
    }
    switch try fields.string("name") {
    case "cosine": self = .cosine(finalRatio: try fields.number("final_ratio"))
    case "linear": self = .linear(finalRatio: try fields.number("final_ratio"))
    case "step":
      self = .step(every: try fields.integer("every"), gamma: try fields.number("gamma"))
    default: self = .constant
    }
  }
}

extension Scenario.ServerOptimizer {
  private static func learningRate(_ usual: JSONValue) -> Key {
    .defaults("learning_rate", usual, .number(.above(0, to: 100)), "Step size of the server.")
  }

  private static let optimizer = Key.defaults(
    "optimizer", ["name": "fedavg"],
    .tagged(
      TaggedShape(
        tag: "name", description: "Which optimiser.",
        branches: [
          .init("fedavg", "The model moves by the mean update."),
          .init("fedavgm", "Server momentum.", [learningRate(1), momentumKey]),
          .init(
            "fedadam", "Adam on mean updates.",
            [learningRate(0.1), Scenario.Betas.key([0.9, 0.99]), epsKey(1e-3)]),
        ])),
    "How a model moves by the mean of the updates to it; costs no privacy.")

  static let key = Key.implied(
    "server", ["optimizer": ["name": "fedavg"]], .object(Shape([optimizer])),
    "What the server does with means of updates.")

  init(_ fields: Fields?) throws(ScenarioError) {
    guard let fields else {
      self = .fedAvg
      return
    }
    switch try fields.string("name") {
    case "fedavgm":
      self = .fedAvgM(
        learningRate: try fields.number("learning_rate"), momentum: try fields.number("momentum"))
    case "fedadam":
      self = .fedAdam(
        learningRate: try fields.number("learning_rate"), betas: try Scenario.Betas(fields),
        eps: try fields.number("eps"))
    default: self = .fedAvg
    }
  }
}
