// The training inside a client.

extension Scenario {
  /// The training inside a client, one round long. JSON key `local`; required.
  public struct Local: Sendable, Hashable {
    /// How long: JSON keys `epochs` (1 to 1000) or `steps` (1 to 10^6), never both; default 1
    /// epoch.
    public let duration: Duration
    /// Expected examples a Poisson-sampled batch, the divisor of every step; 1 up to the smallest
    /// client's examples; required.
    public let batchSize: Int
    /// Step size; above 0, at most 100; required.
    public let learningRate: Double
    /// What becomes of a noisy gradient. JSON key `optimizer`; default plain SGD.
    public let optimizer: Optimizer
    /// How the step size changes in the course of the run. JSON key `learning_rate_schedule`;
    /// default: it stays.
    public let learningRateSchedule: LearningRateSchedule
    /// Examples that go through the network at once: bounds memory, changes no result.
    /// JSON key `max_physical_batch_size`; 1 to 65536, default 64.
    public let maxPhysicalBatchSize: Int

    /// The length of local training in a round.
    public enum Duration: Sendable, Hashable {
      /// Passes: round(examples / batch_size) steps each, as the Federation room counts them.
      case epochs(Int)
      case steps(Int)
    }
  }
}

// MARK: - Format

extension Scenario.Local {
  static let shape = Shape(
    [
      .defaults(
        "epochs", .null, .nullable(.integer(1...1000)),
        "Passes over the client's examples in a round; not together with steps. With neither, 1."),
      .defaults(
        "steps", .null, .nullable(.integer(1...1_000_000)),
        "Steps in a round, instead of epochs."),
      .required(
        "batch_size", .integer(1...1_000_000),
        "Expected size of a Poisson-sampled batch, the divisor of every step."),
      .required("learning_rate", .number(.above(0, to: 100)), "Step size of local training."),
      Optimizer.key, LearningRateSchedule.key,
      .defaults(
        "max_physical_batch_size", 64, .integer(1...65_536),
        "Examples that go through the network at once; bounds memory, changes no result."),
    ], exclusive: ["epochs", "steps"])

  init(_ fields: Fields) throws(ScenarioError) {
    if let steps = try fields.optionalInteger("steps") {
      duration = .steps(steps)
    } else {
      duration = .epochs(try fields.integer("epochs"))
    }
    batchSize = try fields.integer("batch_size")
    learningRate = try fields.number("learning_rate")
    optimizer = try Optimizer(fields.optionalFields("optimizer"))
    learningRateSchedule = try LearningRateSchedule(
      fields.optionalFields("learning_rate_schedule"))
    maxPhysicalBatchSize = try fields.integer("max_physical_batch_size")
  }
}
