// What a run needs to go on after an interruption as if there had been none. Random draws are keyed by
// round, client and step, so no generator has a state that would have to be kept.

public import Privacy
public import Scenarios

/// A run after one of its rounds.
public struct RunCheckpoint: Codable, Sendable {
  /// Of the scenario and of the data that the run began with.
  public let scenarioHash: String
  public let datasetHash: String
  /// Rounds done.
  public let round: Int
  /// What clients chose for scales, which they could not choose again; nil where they could.
  let scales: [[[Double]]]?
  package let state: FederatedState
  let progress: RunProgress
  /// Clients whose budgets ended, with the round that they did not take part in.
  let exhausted: [Int: Int]
  /// Of every client the divergences of its examples; empty where they are not followed.
  @Packed var individual: [[Double]]
}

/// Where a stored run goes on: its last checkpoint, and everything that it has released.
public struct ResumePoint: Sendable {
  /// Nil where the run came to none and begins anew.
  public let checkpoint: RunCheckpoint?
  /// The entries of all ledgers in the order in which they happened.
  public let ledger: [LedgerEntry]
  /// The hash of the data that the run began with; nil where it is not known, or the scenario alone decides them.
  public let datasetHash: String?

  /// - Parameters:
  ///   - ledger: everything that was released or announced, behind the checkpoint too. A run that makes its
  ///     draws from the seed releases it again bit for bit, which costs nothing more, so that part is left out; one
  ///     that draws from the operating system releases something else, and both count.
  ///   - scenario: of the run.
  ///   - datasetHash: of the data that the run began with, checkpoint or not.
  public init(
    checkpoint: RunCheckpoint?, ledger: [LedgerEntry], of scenario: Scenario,
    datasetHash: String? = nil
  ) {
    self.checkpoint = checkpoint
    self.datasetHash = datasetHash
    let round = checkpoint?.round ?? 0
    self.ledger = scenario.isReproducible ? ledger.filter { $0.round <= round } : ledger
  }

  /// Rounds that need not be done again.
  public var round: Int { checkpoint?.round ?? 0 }

  /// What was released in rounds that are done again.
  var repeated: [LedgerEntry] { ledger.filter { $0.round > round } }
}

/// How often a run can be continued from.
public enum CheckpointPolicy: Sendable, Hashable {
  /// After every so many rounds, at least 1.
  case rounds(Int)
  /// After the first round that ends so many seconds after the last checkpoint.
  case seconds(Double)
  /// After every round, as long as checkpoints take at most this share of the time, in (0, 1]. A run that would release
  /// something else when it does a round again has one after every round.
  case share(Double)
  case never

  /// A kill costs at most twenty times what a checkpoint takes, and a round.
  public static let usual = CheckpointPolicy.share(0.05)

  /// - Parameters:
  ///   - round: rounds done.
  ///   - seconds: since the last checkpoint, or since training started.
  ///   - cost: seconds that the last checkpoint took; 0 before the first.
  ///   - repeats: whether a round that is done again releases the same bits.
  package func isDue(after round: Int, seconds: Double, cost: Double, repeats: Bool) -> Bool {
    switch self {
    case .rounds(let count): round.isMultiple(of: max(count, 1))
    case .seconds(let least): seconds >= least
    case .share(let share): !repeats || cost <= share * seconds
    case .never: false
    }
  }
}

extension ResumePoint {
  /// Refuses to go on where the result would not be that of an uninterrupted run. Without a checkpoint too: what was
  /// released of other data would leave again with the same noise.
  ///
  /// - Throws: `FederationError.cannotResume`.
  func check(for context: MethodContext, datasetHash: String) throws(FederationError) {
    guard checkpoint == nil || checkpoint?.scenarioHash == context.scenario.hash else {
      throw .cannotResume(reason: "its checkpoint belongs to another scenario")
    }
    guard
      [self.datasetHash, checkpoint?.datasetHash].allSatisfy({ ($0 ?? datasetHash) == datasetHash })
    else {
      throw .cannotResume(
        reason: "the data of \(context.scenario.data.name) are not those it began with")
    }
    guard checkpoint?.fits(context) ?? true else {
      throw .cannotResume(reason: "its checkpoint does not fit its scenario")
    }
  }
}
