// The ledgers of a run as they are stored: clients that released the same, at the same times, share one history.
//
// A round of a million clients with the same noise is one row. What left clients one after another is a batch:
// within it clients ascend, so that the order of all releases follows from batch, client and place.

import GRDB
import Privacy

/// Which history every client has, and how many clients have it.
struct LedgerHistories: Sendable {
  /// Stands for the server, whose releases concern everybody.
  static let server = -1

  private var historyOf: [Int: Int] = [:]
  private var members: [Int: Int] = [:]
  private var nextHistory = 0
  private var nextBatch = 0
  /// Of a release, as its tables have them.
  private let columns: [String]

  init(columns: [String] = StoredRelease.columns) { self.columns = columns }

  /// As the store has them.
  init(of runID: String, in database: Database) throws {
    columns = StoredRelease.columns
    for row in try Row.fetchAll(
      database, sql: "SELECT client, history FROM privacy_clients WHERE run_id = ?",
      arguments: [runID])
    {
      let (client, history): (Int, Int) = (row[0], row[1])
      historyOf[client] = history
      members[history, default: 0] += 1
    }
    nextHistory = (members.keys.max() ?? -1) + 1
    nextBatch =
      try Int.fetchOne(
        database,
        sql: "SELECT ifnull(max(batch) + 1, 0) FROM privacy_histories WHERE run_id = ?",
        arguments: [runID]) ?? 0
  }

  /// Enters releases in the order in which they happened.
  ///
  /// - Returns: the histories with them; they count once the transaction is committed.
  func adding(
    _ entries: [LedgerEntry], of runID: String, in database: Database
  ) throws -> LedgerHistories {
    try adding(
      entries.filter { $0.count > 0 }.map {
        (client: $0.client ?? Self.server, release: StoredRelease($0))
      }, of: runID, in: database)
  }

  func adding(
    _ releases: [(client: Int, release: StoredRelease)], of runID: String, in database: Database
  ) throws -> LedgerHistories {
    var histories = self
    var begin = 0
    for place in releases.indices {
      let next = place + 1
      // Whoever comes again later does so in another batch.
      guard next == releases.count || releases[next].client < releases[place].client else {
        continue
      }
      try histories.add(releases[begin..<next], of: runID, in: database)
      begin = next
    }
    return histories
  }

  /// What clients of one history release in a batch.
  private struct Step: Hashable {
    let history: Int?
    var releases: [StoredRelease]
  }

  /// - Parameter batch: with ascending clients.
  private mutating func add(
    _ batch: ArraySlice<(client: Int, release: StoredRelease)>, of runID: String,
    in database: Database
  ) throws {
    var groups: [Step: [Int]] = [:]
    var rest = batch
    while let client = rest.first?.client {
      let own = rest.prefix { $0.client == client }
      rest = rest.dropFirst(own.count)
      groups[Step(history: historyOf[client], releases: own.map(\.release)), default: []]
        .append(client)
    }
    for (step, clients) in groups.sorted(by: { $0.value[0] < $1.value[0] }) {
      let history = try place(of: clients, now: step.history, runID: runID, in: database)
      for (place, release) in step.releases.enumerated() {
        try release.insert(
          runID: runID, history: history, batch: nextBatch, place: place, columns: columns,
          in: database)
      }
    }
    nextBatch += 1
  }

  /// The history that clients go on with: theirs if nobody else has it, else a copy of it.
  private mutating func place(
    of clients: [Int], now history: Int?, runID: String, in database: Database
  ) throws -> Int {
    if let history, members[history] == clients.count { return history }
    let new = nextHistory
    nextHistory += 1
    if let history {
      try database.cachedStatement(
        sql: """
          INSERT INTO privacy_histories
          SELECT run_id, ?, \(StoredRelease.order), \(columns.joined(separator: ", "))
          FROM privacy_histories
          WHERE run_id = ? AND history = ?
          """
      ).execute(arguments: [new, runID, history])
      members[history, default: 0] -= clients.count
    }
    members[new] = clients.count
    let statement = try database.cachedStatement(
      sql: "INSERT OR REPLACE INTO privacy_clients (run_id, client, history) VALUES (?, ?, ?)")
    for client in clients {
      historyOf[client] = new
      try statement.execute(arguments: [runID, client, new])
    }
    return new
  }
}

/// A row of `privacy_histories` but for its place: a release, whoever made it.
struct StoredRelease: Hashable, Sendable {
  static let order = "batch, place"
  static let columns = columnsOfVersion8 + ["dimension"]
  static let columnsOfVersion8 = [
    "round", "purpose", "mechanism", "noise_multiplier", "sample_rate", "selection_epsilon",
    "sensitivity", "max_grad_norm", "rank", "count", "threshold_noise_multiplier",
  ]
  /// As the columns name them.
  private let values: [DatabaseValue]

  init(_ entry: LedgerEntry) {
    let values: [(any DatabaseValueConvertible)?] = [
      entry.round, entry.purpose.rawValue, entry.mechanism.rawValue, entry.noiseMultiplier,
      entry.sampleRate, entry.selectionEpsilon, entry.sensitivity, entry.maxGradNorm, entry.rank,
      entry.count, entry.thresholdNoiseMultiplier, entry.dimension,
    ]
    self.values = values.map { $0?.databaseValue ?? .null }
  }

  /// - Parameter row: has the columns from the third on.
  init(_ row: Row, after skipped: Int) {
    values = Array(row.databaseValues.dropFirst(skipped))
  }

  func insert(
    runID: String, history: Int, batch: Int, place: Int, columns: [String], in database: Database
  ) throws {
    let marks = [String](repeating: "?", count: 4 + columns.count).joined(separator: ", ")
    try database.cachedStatement(
      sql: """
        INSERT INTO privacy_histories
          (run_id, history, \(Self.order), \(columns.joined(separator: ", ")))
        VALUES (\(marks))
        """
    ).execute(
      arguments: StatementArguments(
        [runID.databaseValue, history.databaseValue, batch.databaseValue, place.databaseValue]
          + values))
  }
}
