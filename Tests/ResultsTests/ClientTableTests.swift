// Figures of single clients as rows: nothing is lost on the way, the JSON of a run does not grow with its
// clients, and stores of version 3 keep what they had.

import Analysis
import Datasets
import Federation
import Formatting
import Foundation
import GRDB
import Presentation
import Store
import Testing

@Suite("Clients in the store")
struct ClientTableTests {
  /// The sample result with `copies` times its clients and coordinates for each.
  private static func result(copies: Int) throws -> RunResult {
    var result = try Sample.result(lastModel: 0)
    let originals = result.clients
    result.clients = (0..<copies).flatMap { copy in
      originals.map { client in
        ClientResult(
          client: copy * 5 + client.client, cluster: client.cluster, model: client.model,
          trainExamples: client.trainExamples, testExamples: client.testExamples,
          accuracy: client.accuracy, loss: client.client == 2 ? .infinity : client.loss,
          epsilon: client.client == 3 ? nil : client.epsilon, delta: client.delta,
          targetEpsilon: client.targetEpsilon, noiseMultiplier: client.noiseMultiplier,
          firstRoundNoiseMultiplier: nil, accountant: client.accountant,
          confusion: ConfusionCounts(matrix: [[0, 5, 0], [10, 0, 15], [0, 0, client.client]]))
      }
    }
    let clients = result.clients.indices
    result.clustering?.projection = clients.map { [Double($0), -0.1, .pi] }
    result.clustering?.projectionWithoutNoise = clients.map { [Double($0) / 3, 1e-300] }
    result.clustering?.posteriors = clients.map { [1 / Double($0 + 1), 0.25] }
    result.agreement?.misassignedClients = clients.filter { $0 % 5 == 4 }
    return result
  }

  @Test("a result comes back to the last bit", arguments: [1, 40])
  func roundTrip(copies: Int) async throws {
    try await withFolder { folder in
      let store = try RunStore.inMemory(filesFolder: folder)
      let result = try Self.result(copies: copies)
      #expect(try await Sample.store(result, in: store).result == result)
    }
  }

  @Test("so do the shares of models that serve a client together, where nothing was clustered")
  func mixtureWeights() async throws {
    try await withFolder { folder in
      let store = try RunStore.inMemory(filesFolder: folder)
      var result = try Self.result(copies: 1)
      result.clustering = nil
      result.clients = result.clients.map { client in
        ClientResult(
          client: client.client, cluster: client.cluster, model: client.model,
          trainExamples: client.trainExamples, testExamples: client.testExamples,
          accuracy: client.accuracy, loss: client.loss, epsilon: client.epsilon,
          delta: client.delta, targetEpsilon: client.targetEpsilon,
          noiseMultiplier: client.noiseMultiplier, firstRoundNoiseMultiplier: nil,
          accountant: client.accountant, confusion: client.confusion,
          mixtureWeights: [1 / 3, 2 / 3])
      }
      #expect(try await Sample.store(result, in: store).result == result)
      let text = RunSections(result: result, colors: false).clustersFound() ?? []
      #expect(text.last?.contains("largest share, 66.7 % on average") == true)
    }
  }

  @Test("the partition is written beside the first round; where it cannot be, no round is stored")
  func partitionRefused() async throws {
    try await withFolder { folder in
      let store = try RunStore.inMemory(filesFolder: folder)
      try store.write { database in
        try database.execute(
          sql: """
            CREATE TRIGGER refused BEFORE INSERT ON client_partition
            BEGIN SELECT RAISE(ABORT, 'no room here'); END
            """)
      }
      let recorder = try Sample.recorder(in: store)
      let simulation = Simulation(
        scenario: try Sample.scenario, catalog: DatasetCatalog(),
        options: SimulationOptions(workers: 1))
      let error = await #expect(throws: StoreError.self) {
        try await simulation.run(observer: recorder)
      }
      #expect(told(error).contains("no room here"))
      #expect(try store.rounds(of: recorder.runID).isEmpty)
      await #expect(throws: (any Error).self) {
        try await recorder.finish(Sample.result(), models: [:], cost: Sample.cost)
      }
      #expect(try store.run(named: recorder.runID).status == .running)

      try store.write { try $0.execute(sql: "DROP TRIGGER refused") }
      let second = try Sample.recorder(in: store)
      _ = try await simulation.run(observer: second)
      let rows = try store.write { database in
        try Int.fetchAll(
          database,
          sql: "SELECT train_examples FROM client_partition WHERE run_id = ? ORDER BY client",
          arguments: [second.runID])
      }
      #expect(rows == [100, 100, 200, 200, 200])
    }
  }

  @Test("a loss that is no number stays one")
  func notANumber() async throws {
    try await withFolder { folder in
      let store = try RunStore.inMemory(filesFolder: folder)
      var result = try Sample.result()
      let client = result.clients[0]
      result.clients[0] = ClientResult(
        client: 0, cluster: client.cluster, model: client.model, trainExamples: 1, testExamples: 1,
        accuracy: 0, loss: .nan, epsilon: nil, delta: 1e-4, targetEpsilon: nil,
        noiseMultiplier: nil, firstRoundNoiseMultiplier: nil, accountant: nil,
        confusion: ConfusionCounts(matrix: [[0]]))
      let stored = try await Sample.store(result, in: store).result
      #expect(stored?.clients[0].loss.isNaN == true)
    }
  }

  @Test("the JSON of a run does not grow with its clients: SQLite would refuse it one day")
  func constantJSON() async throws {
    try await withFolder { folder in
      let store = try RunStore.inMemory(filesFolder: folder)
      var lengths: Set<Int> = []
      for copies in [1, 60] {
        let run = try await Sample.store(Self.result(copies: copies), in: store).run
        lengths.insert(run.resultJSON?.count ?? 0)
      }
      #expect(lengths.count == 1 && !lengths.contains(0))
    }
  }

  @Test("counts that are no confusion matrix are refused")
  func confusion() {
    #expect(
      ConfusionCounts(classes: 2, triples: [0, 1, 3, 1, 0, 2])?.matrix == [[0, 3], [2, 0]])
    for triples: [UInt32] in [
      [0, 1], [0, 2, 1], [2, 0, 1], [0, 0, 0], [1, 0, 1, 0, 1, 1], [0, 0, 1, 0, 0, 1],
    ] {
      #expect(ConfusionCounts(classes: 2, triples: triples) == nil)
    }
    #expect(ConfusionCounts(classes: 0, triples: []) == nil)
  }

  // MARK: - Earlier stores

  /// Puts a store back into version 3: the clients into the JSON, the tables away.
  private static func makeVersion3(_ file: URL, result: RunResult, runID: String) async throws {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    guard
      var text = try JSONSerialization.jsonObject(with: encoder.encode(result)) as? [String: Any]
    else { throw CocoaError(.coderInvalidValue) }
    let clients = text["clients"] as? [[String: Any]] ?? []
    // Version 3 held whole matrices.
    text["clients"] = zip(clients, result.clients).map { old, client in
      old.merging(["confusion": client.confusion.matrix]) { $1 }
    }
    let json = String(decoding: try JSONSerialization.data(withJSONObject: text), as: UTF8.self)
    let start = """
      {"partition": {"clients": [{"client": 0, "cluster": 1, "train_examples": 3, "test_examples": 2,
      "raw_labels": [1, 2], "seen_labels": [2, 1], "raw_test_labels": [2, 0]}], "seed": 1}}
      """
    try await DatabaseQueue(path: file.path).write { database in
      try database.execute(
        sql: "UPDATE runs SET result_json = ?, start_json = ? WHERE run_id = ?",
        arguments: [json, start, runID])
      try database.execute(sql: EarlierStore.version5)
      try database.execute(
        sql: """
          DROP TABLE client_results;
          DROP TABLE client_partition;
          ALTER TABLE runs DROP COLUMN folder;
          ALTER TABLE runs DROP COLUMN build;
          ALTER TABLE runs DROP COLUMN data_hash;
          ALTER TABLE runs DROP COLUMN total_seconds;
          DELETE FROM grdb_migrations WHERE identifier NOT IN ('1', '2', '3');
          PRAGMA user_version = 3;
          """)
    }
  }

  @Test("a store of version 3 keeps every figure and gets the tables")
  func migration() async throws {
    try await withFolder { folder in
      let file = folder.appendingPathComponent("s.sqlite")
      let result = try Self.result(copies: 3)
      let runID: String
      do {
        let store = try RunStore.open(file)
        runID = try await Sample.store(result, in: store).run.runID
      }
      try await Self.makeVersion3(file, result: result, runID: runID)
      let store = try RunStore.openExisting(file)
      let run = try store.run(named: runID)
      #expect(try store.result(of: run) == result)
      let (rows, labels, left) = try await DatabaseQueue(path: file.path).read { database in
        (
          try Int.fetchOne(database, sql: "SELECT count(*) FROM client_results"),
          try Data.fetchOne(database, sql: "SELECT seen_labels FROM client_partition"),
          try String.fetchOne(
            database, sql: "SELECT json_extract(start_json, '$.partition.clients') FROM runs")
        )
      }
      #expect(run.build == nil && run.dataHash == nil)
      #expect(rows == 15 && labels == Data([2, 0, 0, 0, 1, 0, 0, 0]) && left == "[]")
    }
  }

  @Test("a run of version 3 that cannot be read is left as it was, and named")
  func migrationOfDamage() async throws {
    try await withFolder { folder in
      let file = folder.appendingPathComponent("s.sqlite")
      let runID: String
      do {
        runID = try await Sample.store(Sample.result(), in: RunStore.open(file)).run.runID
      }
      try await Self.makeVersion3(file, result: Sample.result(), runID: runID)
      try await DatabaseQueue(path: file.path).write {
        try $0.execute(sql: "UPDATE runs SET result_json = '{\"clients\": 3}'")
      }
      let store = try RunStore.openExisting(file)
      let run = try store.run(named: runID)
      #expect(run.resultJSON == "{\"clients\": 3}")
      #expect(throws: StoreError.self) { try store.result(of: run) }
    }
  }
}
