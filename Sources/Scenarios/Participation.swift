// Clients that do not answer: some cannot be reached, some are too slow. Both are drawn from the seed.

extension Scenario {
  /// What keeps clients of a cohort from reporting. JSON key `participation`; default: nothing does.
  public struct Participation: Sendable, Hashable {
    /// That a client drawn for a round cannot be reached: it does not train and releases nothing. From
    /// 0, below 1; default 0.
    public let dropoutProbability: Double
    /// That a client is slow in a round; from 0, to 1; default 0.
    public let stragglerProbability: Double
    /// The mean factor by which a slow client is slower, above 1; default 4. The factor is 1 plus an
    /// exponentially distributed number.
    public let stragglerSlowdown: Double
    /// How long the server waits, in times that the median client needs for a round; above 0. Later
    /// updates are thrown away, though their clients have paid for them. nil waits for everybody.
    public let deadline: Double?

    static let everybody = Participation(
      dropoutProbability: 0, stragglerProbability: 0, stragglerSlowdown: 4, deadline: nil)
  }
}

extension Scenario.Participation {
  static let key = Key.implied(
    "participation",
    [
      "dropout_probability": 0, "straggler_probability": 0, "straggler_slowdown": 4,
      "deadline": .null,
    ],
    .object(
      Shape([
        .defaults(
          "dropout_probability", 0, .number(.from(0, below: 1)),
          "That a client cannot be reached in a round; it then releases nothing."),
        .defaults(
          "straggler_probability", 0, .number(.from(0, to: 1)), "That a client is slow in a round."),
        .defaults(
          "straggler_slowdown", 4, .number(.above(1, to: 1e6)),
          "The mean factor by which a slow client is slower."),
        .defaults(
          "deadline", .null, .nullable(.number(.above(0, to: 1e9))),
          "How long the server waits, in times of the median client; later updates are lost, and "
            + "paid for. null waits for everybody."),
      ])),
    "What keeps clients of a cohort from reporting; the first round of r-dpcfl waits for all.")

  init(_ fields: Fields?) throws(ScenarioError) {
    guard let fields else {
      self = .everybody
      return
    }
    dropoutProbability = try fields.number("dropout_probability")
    stragglerProbability = try fields.number("straggler_probability")
    stragglerSlowdown = try fields.number("straggler_slowdown")
    deadline = try fields.optionalNumber("deadline")
  }

  func check(_ problems: inout ProblemList) {
    if stragglerProbability > 0, deadline == nil {
      problems.add(
        JSONPath() + "participation" + "straggler_probability",
        "changes nothing while participation.deadline is null; set a deadline such as 2")
    }
  }
}
