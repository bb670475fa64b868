// What the ledger of a stored run proves: every client's ε, computed anew from its releases.

public import Federation
import Foundation
public import Privacy
import Scenarios
public import Store

/// The ledgers of a run's clients with the bounds that accountants prove for them.
public struct LedgerReport: Sendable, Hashable {
  /// One client's ledger.
  public struct Client: Sendable, Hashable {
    public let client: Int
    /// Name of its true cluster.
    public let cluster: String
    public let targetEpsilon: Double?
    public let delta: Double
    /// Releases, each repetition counted.
    public let releases: Int
    /// The bound of the run's accountant first, then the others if they were asked for; empty if no
    /// ε can be stated, for the reason in `refusal`.
    public let bounds: [EpsilonBound]
    public let refusal: String?
    /// The ε that the run stated at its end; nil if it did not finish or had none.
    public let storedEpsilon: Double?

    /// Nil where no finite ε can be stated.
    public var epsilon: Double? { bounds.first.flatMap { $0.epsilon.isFinite ? $0.epsilon : nil } }
  }

  public let runID: String
  /// What is protected.
  public let unit: PrivacyUnit
  package let protects: ProtectedUnit
  public let accountant: AccountantKind
  public let finishedRounds: Int
  public let rounds: Int
  public let clients: [Client]
  /// What tables call the clients; nil where none has a name.
  public let clientNames: [String]?
  /// Critical findings that were allowed by name: they belong beside every ε.
  public let allowedFindings: [CheckReport.Finding]
  /// The largest ε of the one choice of each client that came after training; nil where none did, or none has a budget.
  /// Those choices steer nothing, and stand in the result and not among the entries.
  public let arrivalsEpsilon: Double?
  /// In the order in which they happened.
  public let entries: [LedgerEntry]

  /// - Parameter comparing: whether every accountant is asked.
  /// - Throws: `StoreError` if something stored cannot be read.
  public init(run: RunRecord, in store: RunStore, comparing: Bool = false) throws {
    let scenario = try store.scenario(of: run)
    let accountant = scenario.privacy.accountant.kind
    entries = try store.ledgerEntries(of: run.runID)
    let ledgers = Dictionary(grouping: entries, by: \.client)
    // A release of the server's concerns everybody.
    let shared = ledgers[nil] ?? []
    let result = try store.result(of: run)
    let stored = result?.clients.map(\.epsilon)
    arrivalsEpsilon = result?.arrivalsEpsilon
    // A run that did not finish has what was allowed in what was fixed at its start.
    allowedFindings =
      try result?.allowedFindings
      ?? (store.start(of: run)?.findings ?? []).filter { $0.severity == .critical }
    var question = BoundQuestion(accountant: accountant, comparing: comparing)
    clients = scenario.clients.map { client in
      let own = (ledgers[client.index] ?? []) + shared
      let answer = question.answer(
        for: PrivacyLedger(own), delta: scenario.accountedDelta(client.budget.targetDelta))
      return Client(
        client: client.index, cluster: scenario.population.clusters[client.cluster].name,
        targetEpsilon: client.budget.targetEpsilon, delta: client.budget.targetDelta,
        releases: own.reduce(0) { $0 + $1.count }, bounds: answer.bounds, refusal: answer.refusal,
        storedEpsilon: stored?[client.index])
    }
    clientNames = scenario.clientNames
    runID = run.runID
    unit = scenario.privacy.unit == .client ? .client : .example
    protects = ProtectedUnit(of: scenario)
    self.accountant = accountant
    finishedRounds = try store.rounds(of: run.runID).count
    rounds = run.rounds
  }

  /// Clients whose ε computed anew is above the one that the run stated.
  public var contradictions: [Int] {
    clients.filter { client in
      guard let stored = client.storedEpsilon else { return false }
      // Another machine's mathematical functions may move the last digits; order and grouping cannot.
      return (client.epsilon ?? .infinity) > stored * (1 + 1e-6)
    }.map(\.client)
  }
}

/// Asks accountants, once for equal ledgers.
private struct BoundQuestion {
  struct Answer {
    let bounds: [EpsilonBound]
    let refusal: String?
  }

  private struct Key: Hashable {
    let cost: PrivacyEvent
    let delta: Double
  }

  let accountant: AccountantKind
  let comparing: Bool
  private var known: [Key: Answer] = [:]

  init(accountant: AccountantKind, comparing: Bool) {
    self.accountant = accountant
    self.comparing = comparing
  }

  mutating func answer(for ledger: PrivacyLedger, delta: Double) -> Answer {
    let key = Key(cost: ledger.cost, delta: delta)
    if let answer = known[key] { return answer }
    let answer: Answer
    do throws(AccountingError) {
      let own = try accountant.accountant.bound(for: key.cost, delta: delta)
      let others = comparing ? try BestAccountant.comparison(of: key.cost, delta: delta) : []
      answer = Answer(
        bounds: [own] + others.filter { $0.accountant != own.accountant }, refusal: nil)
    } catch {
      answer = Answer(bounds: [], refusal: error.description)
    }
    known[key] = answer
    return answer
  }
}
