// Exported tables hold what the store holds.

import Analysis
import Formatting
import Foundation
import Presentation
import Scenarios
import Store
import Testing

@Suite("Export")
struct ExportTests {
  @Test("a line a row in both formats, with the numbers of the store")
  func tables() async throws {
    try await withFolder { folder in
      let store = try RunStore.open(folder.appendingPathComponent("s.sqlite"))
      let runID = try await Grid.store("r-dpcfl", 2, 1, in: store)
      let export = try RunExport(of: store.run(named: runID), in: store)
      let csv = try export.write(.csv, to: folder.appendingPathComponent("csv"))
      let jsonl = try export.write(.jsonl, to: folder.appendingPathComponent("jsonl"))
      let counts = [
        "rounds": 2, "client_rounds": try store.clientRounds(of: runID).count,
        "cluster_rounds": try store.clusterRounds(of: runID).count,
        "assignments": try store.assignments(of: runID).count,
        "privacy_events": try store.ledgerEntries(of: runID).count, "clients": 5, "clusters": 2,
        // These made-up runs deal no data.
        "client_partition": 0,
      ]
      #expect(csv.count == counts.count)
      for (file, head) in csv.map({ ($0, 1) }) + jsonl.map({ ($0, 0) }) {
        let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
        #expect(lines.count - head == counts[file.deletingPathExtension().lastPathComponent])
      }
      let clients = try String(
        contentsOf: folder.appendingPathComponent("csv/clients.csv"), encoding: .utf8)
      let accuracies = clients.split(separator: "\n").dropFirst().map {
        Double($0.split(separator: ",", omittingEmptySubsequences: false)[6])
      }
      #expect(accuracies == Grid.accuracies("r-dpcfl", 2, 1))
    }
  }

  @Test("what was allowed stands beside every ε, in tables and for trackers")
  func allowed() async throws {
    try await withFolder { folder in
      let store = try RunStore.open(folder.appendingPathComponent("s.sqlite"))
      let stored = try await Sample.store(Sample.result(allowed: [Sample.finding]), in: store)
      let export = try RunExport(of: stored.run, in: store)
      _ = try export.write(.csv, to: folder)
      _ = try export.write(.jsonl, to: folder)
      let rows = try String(
        contentsOf: folder.appendingPathComponent("clients.csv"), encoding: .utf8
      ).split(separator: "\n").map { $0.split(separator: ",", omittingEmptySubsequences: false) }
      let place = try #require(rows.first?.firstIndex(of: "allowed"))
      #expect(rows[0][place - 1] == "epsilon")
      #expect(rows.count == 6 && rows.dropFirst().allSatisfy { $0[place] == "DP102" })
      let lines = try String(
        contentsOf: folder.appendingPathComponent("clients.jsonl"), encoding: .utf8)
      #expect(lines.split(separator: "\n").allSatisfy { $0.contains(#""allowed":"DP102""#) })

      let trackers = try TrackerExport(of: stored.run, in: store)
      let events = try Data(contentsOf: trackers.writeTensorBoard(to: folder))
      #expect(events.range(of: Data("final/epsilon_max_allowed_DP102".utf8)) != nil)
      #expect(events.range(of: Data("final/client_mean_accuracy_allowed".utf8)) == nil)
      let flow = try trackers.writeMLflow(to: folder.appendingPathComponent("flows"))
      let tag = flow.appendingPathComponent("tags/dpflsim.allowed")
      #expect(try String(contentsOf: tag, encoding: .utf8) == "DP102")
      #expect(
        FileManager.default.fileExists(
          atPath: flow.appendingPathComponent("metrics/final/epsilon_max").path))
    }
  }

  @Test("a partition is exported with its counts by label")
  func partition() async throws {
    try await withFolder { folder in
      let store = try RunStore.open(folder.appendingPathComponent("s.sqlite"))
      let runID = try await RunCheckpointTests.whole(store)
      let files = try RunExport(of: store.run(named: runID), in: store).write(.jsonl, to: folder)
      let file = try #require(files.first { $0.lastPathComponent == "client_partition.jsonl" })
      let rows = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map {
        try JSONValue(parsing: Data($0.utf8))
      }
      #expect(rows.count == 8)
      func sum(_ row: JSONValue, _ key: String) -> Int {
        guard case .array(let counts)? = row[key] else { return -1 }
        return counts.reduce(0) { $0 + ($1.exactInteger ?? 0) }
      }
      for row in rows {
        #expect(row["train_examples"] == .integer(sum(row, "raw_labels")))
        #expect(row["train_examples"] == .integer(sum(row, "seen_labels")))
        #expect(row["test_examples"] == .integer(sum(row, "raw_test_labels")))
      }
    }
  }

  @Test("fields with commas, quotes and formulas cannot break a table")
  func fields() {
    var table = CSVTable(["a", "b"])
    table.add(["x,\"y\"\n", "=1+1"])
    table.add([.null, -2])
    #expect(table.text == "a,b\n\"x,\"\"y\"\"\n\",'=1+1\n,-2\n")
  }
}
