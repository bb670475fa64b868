// What trackers get of a run, read back by the trackers themselves where they are installed.

import Analysis
import Federation
import Formatting
import Foundation
import Presentation
import Scenarios
import Store
import TestSupport
import Testing

@Suite("Trackers")
struct TrackerTests {
  @Test("frames have the checksum that the format names")
  func checksum() {
    // The check value of CRC-32C in every catalogue of such sums.
    #expect(TensorBoardLog.checksum(Array("123456789".utf8)) == 0xE306_9283)
    let record = Array(TensorBoardLog.record([1, 2, 3]))
    #expect(record.count == 8 + 4 + 3 + 4)
    #expect(record[0..<8].elementsEqual([3, 0, 0, 0, 0, 0, 0, 0]))
  }

  @Test("names that trackers refuse are replaced")
  func names() {
    #expect("ward/7 ä".trackerName == "ward_7 _")
    #expect(TrackerExport.experimentID("skewed").count == 18)
    #expect(TrackerExport.experimentID("skewed") != TrackerExport.experimentID("tiny"))
  }

  @Test(
    "TensorBoard and MLflow read every scalar, parameter and tag",
    .enabled(
      if: hasEnvironment(".venv-trackers"),
      "tools/setup --tests could not install TensorBoard and MLflow"))
  func readBack() async throws {
    try await withFolder { folder in
      let store = try RunStore.open(folder.appendingPathComponent("s.sqlite"))
      let stored = try await Sample.store(Sample.result(), in: store)
      let boards = folder.appendingPathComponent("boards")
      let flows = folder.appendingPathComponent("flows")
      let export = try TrackerExport(of: stored.run, in: store)
      _ = try export.writeTensorBoard(to: boards)
      _ = try export.writeMLflow(to: flows)
      // A log that is written while a run goes on.
      let log = try TensorBoardLog(folder: boards, runID: "live", clusters: ["few", "many"])
      for round in 1...2 { try log.receive(.finishedRound(Sample.round(round))) }

      let (status, output) = try callTool("read-trackers", [boards.path, flows.path])
      #expect(status == 0)
      let read = try JSONValue(parsing: output)

      let board = try #require(read["tensorboard"]?[stored.run.runID])
      #expect(board["worst_cluster_accuracy"] == [[2, 0.5]])
      #expect(board["bytes_up"] == [[1, .number(1000)], [2, .number(1000)]])
      #expect(board["clusters/few/accuracy"] == [[2, 0.5]])
      #expect(board["final/client_mean_accuracy"] != nil)
      let live = try #require(read["tensorboard"]?["live"])
      #expect(live["train_loss"] == board["train_loss"])
      #expect(live["clusters/many/loss"] == board["clusters/many/loss"])

      let flow = try #require(read["mlflow"]?["sample"]?[stored.run.runID])
      #expect(flow["status"] == "FINISHED")
      #expect(flow["metrics"]?["bytes_up"] == [[1, .number(1000)], [2, .number(1000)]])
      #expect(flow["params"]?["privacy.target_epsilon"] == "5")
      #expect(flow["params"]?["population.clusters.0.name"] == "few")
      #expect(flow["tags"]?["dpflsim.result_digest"] == .string(stored.result?.resultDigest ?? ""))
    }
  }
}
