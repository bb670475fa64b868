// What `dpflsim check` says of a scenario before anything is trained.

public import Privacy
public import Scenarios

/// Everything that is known of a scenario's privacy and its cost before the run.
public struct CheckReport: Sendable, Hashable {
  /// How grave a finding is.
  public enum Severity: String, Codable, Sendable, Hashable, CaseIterable {
    /// The ε would be false or could not be kept: the scenario is refused.
    case critical
    /// The ε holds, but hardly means or buys what a reader would think.
    case warning
    /// Something that a reader of the figures must know.
    case note
  }

  public struct Finding: Codable, Sendable, Hashable {
    /// Such as "DP101"; stable, never used again for something else.
    public let rule: String
    public let severity: Severity
    /// The place in the scenario.
    public let path: String
    /// One sentence: what, and how to fix it.
    public let message: String

    /// Whether it is no rule's: the scenario of a stored run is refused today, and was not when it ran.
    public var isWithdrawal: Bool { rule == Self.withdrawn }
    package static let withdrawn = "withdrawn"

    /// What stands beside the ε of a stored run whose scenario is refused today for that reason.
    package static func withdrawal(_ problem: ScenarioError.Problem) -> Finding {
      Finding(
        rule: withdrawn, severity: .critical, path: problem.path, message: problem.message)
    }

    /// Why runs are there for which the check or this version has these findings: the subject and verb of a sentence.
    package static func excuse(_ rules: some Sequence<String>) -> String {
      let allowed = Set(rules).subtracting([withdrawn]).sorted().joined(separator: ", ")
      let parts =
        (allowed.isEmpty ? [] : ["\(allowed) was allowed by name"])
        + (rules.contains(withdrawn) ? ["an earlier version did not refuse it"] : [])
      return parts.joined(separator: " and ")
    }

    /// Where the rule is explained.
    public var page: String { "docs/check.md#\(rule.lowercased())" }
  }

  public let scenario: Scenario
  public let model: ModelSize
  public let groups: [ReleaseGroup]
  /// Nil where the method does not cluster by first updates.
  public let detection: DetectionForecast?
  public let cost: CostForecast
  /// What an audit could show; nil for scenarios that cannot be audited.
  public let audit: AuditForecast?
  /// The gravest first.
  public let findings: [Finding]

  /// How batches are drawn, or clients where those are protected.
  public var sampling: String { scenario.privacy.sampling }
  public var isRefused: Bool { findings.contains { $0.severity == .critical } }
}

/// Parameters of the model that a scenario trains.
public struct ModelSize: Sendable, Hashable {
  public let trainable: Int
  public let total: Int
  /// Bytes of frozen features that may be cached for one example.
  public let featureBytesPerExample: Int
  /// Numbers of one input.
  public let inputs: Int
  /// One forward pass, and what is left of it with cached features.
  public let forward: Work
  public let cachedForward: Work

  /// Multiplications and additions of a pass, and the layers' outputs that it writes.
  public struct Work: Sendable, Hashable {
    public let operations: Int
    public let outputs: Int
  }
}

/// Units that release the same and have the same budget, with what it costs them.
///
/// With `privacy.unit` "example" the units are training examples of a client; with "client" there is
/// one group, whose `records` are the clients and whose `batchSize` is the expected cohort.
public struct ReleaseGroup: Sendable, Hashable {
  /// Clients of the group.
  public let clients: [Int]
  /// Records among which one is protected.
  public let records: Int
  public let batchSize: Int
  public let budget: Scenario.Budget
  public let plan: ReleasePlan
  /// Nil if no noise keeps the budget, for the reason in `refusal`.
  public let noise: ClientNoise?
  public let refusal: String?
  /// All releases composed; infinite without noise, nil without privacy.
  public let epsilon: Double?
  /// Which accountant's bound that is.
  public let accountant: AccountantKind?
  /// What training (the first round included), the first full-batch round, and the selections would cost
  /// if nothing else were released; the parts add up to more than the whole.
  public let trainingEpsilon: Double?
  public let firstRoundEpsilon: Double?
  public let selectionEpsilon: Double?
  /// Estimates of scales alone; nil where there are none.
  public let scalesEpsilon: Double?
  /// The release for a sparse adapter's mask alone; nil where there is none.
  public let maskEpsilon: Double?
  /// A client's shares of the mixture in all rounds alone; nil where there are none.
  public let posteriorEpsilon: Double?
  /// Noise multiplier of the published code's split: selections and training converted apart, by the
  /// classic conversion, at the same δ. Nil where nothing is selected or the split leaves nothing.
  public let splitNoiseMultiplier: Double?
  /// √s·b/(z√p): length of the first round's update over that of its noise if all gradients were equal and
  /// as long as the clipping bound; the true ratio is smaller.
  public let firstRoundSignalToNoise: Double?
  /// The same for all sampled steps of the run.
  public let runSignalToNoise: Double?
  /// Rounds that the budget pays for with a noise multiplier set by hand.
  public let affordableRounds: Int?

  /// How many rows a client's quantile may be off, with a probability of nine in ten; 0 without estimates.
  var scaleRankError: Double {
    guard plan.scaleChoices > 0 else { return 0 }
    return ScaleEstimates.levels.map {
      QuantileChoice(level: $0).rankError(epsilon: plan.scaleEpsilon, probability: 0.9)
    }.max() ?? 0
  }
}

/// Whether clusters can be seen in the updates of the first round.
public struct DetectionForecast: Sendable, Hashable {
  /// Numbers in an update, and updates.
  public let parameters: Int
  public let clients: Int
  /// (p/n)^¼: the separation score below which principal components see nothing.
  public let threshold: Double
  /// The score from which exact recovery is to be expected.
  public let reliableScore: Double
  /// The distance of two clusters' mean clipped gradients over the clipping bound that gives the two
  /// scores to the client with the noisiest update; it cannot exceed 2.
  public let leastDistance: Double?
  public let reliableDistance: Double?
}

/// What a run is expected to take.
public struct CostForecast: Sendable, Hashable {
  /// Examples that go through forward and backward passes.
  public let trainedExamples: Int
  /// Examples that are only evaluated, selections included.
  public let evaluatedExamples: Int
  /// Seconds on one worker; more workers divide it.
  public let secondsOnOneWorker: Double
  public let peakBytes: Int
  /// The part of `peakBytes` that cached features take, which a run can do without.
  public let featureBytes: Int
  /// The part of `peakBytes` that the program, its data and its models take, however many clients there are.
  let fixedBytes: Int
}
