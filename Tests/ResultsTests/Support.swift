// What the tests of this room share: a made-up run with known figures, folders, snapshots.

import Analysis
import Datasets
import Federation
import Formatting
import Foundation
import Presentation
import Privacy
import Scenarios
import Store
import Tensors
import TestSupport
import Testing

// MARK: - Folders

/// A folder that is there while `body` runs.
func withFolder<Value>(_ body: (URL) async throws -> Value) async throws -> Value {
  let folder = FileManager.default.temporaryDirectory
    .appendingPathComponent("dpflsim-\(UUID().uuidString)", isDirectory: true)
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try await body(folder)
}

/// What an error says.
func told(_ error: (any Error)?) -> String { error.map { "\($0)" } ?? "nothing" }

// MARK: - A made-up run

/// Two rounds of five clients in two clusters.
enum Sample {
  static var scenario: Scenario {
    get throws {
      let text = """
        {
          "name": "sample", "seed": 7, "rounds": 2,
          "data": { "name": "synthetic" },
          "population": {
            "clusters": [
              { "name": "few", "clients": 2, "minority": true, "examples_per_client": 100 },
              { "name": "many", "clients": 3, "examples_per_client": 200 }
            ]
          },
          "model": { "name": "logistic" },
          "local": { "batch_size": 20, "learning_rate": 0.1 },
          "privacy": { "target_epsilon": 5, "target_delta": 1e-4 },
          "method": { "name": "r-dpcfl" }
        }
        """
      return try Scenario(json: Data(text.utf8))
    }
  }

  static let trueClusters = [0, 0, 1, 1, 1]

  /// The entries of one round: an epoch of DP-SGD for every client, and a selection in the second one.
  static func ledger(round: Int) -> [LedgerEntry] {
    (0..<5).flatMap { client in
      let steps = LedgerEntry.gaussian(
        round: round, client: client, noiseMultiplier: 1.25, sampleRate: client < 2 ? 0.2 : 0.1,
        maxGradNorm: 1, sensitivity: 1, count: client < 2 ? 5 : 10)
      let choice = LedgerEntry.exponentialMechanism(
        round: round, client: client, epsilon: 0.15, sensitivity: 1)
      return round == 2 ? [choice, steps] : [steps]
    }
  }

  static func round(_ round: Int, seconds: Double = 0.5) -> RoundReport {
    var report = RoundReport(round: round, stage: round == 1 ? .fullBatch : .selection)
    report.clients = (0..<5).map { client in
      // In round 1 client 4 is still with the wrong model.
      var figures = ClientRound(
        client: client, model: round == 1 && client == 4 ? 0 : trueClusters[client])
      figures.participated = client != 3
      figures.steps = client == 3 ? 0 : 5
      figures.updateNorm = client == 3 ? nil : 0.5 + Double(client)
      figures.trainLoss = client == 3 ? nil : 1.5
      figures.testAccuracy = round == 2 ? accuracies[client] : nil
      figures.testLoss = round == 2 ? 1 : nil
      return figures
    }
    report.clusters = [
      ClusterRound(
        cluster: 0, testAccuracy: round == 2 ? 0.5 : nil, testLoss: round == 2 ? 1 : nil),
      ClusterRound(
        cluster: 1, testAccuracy: round == 2 ? 0.8 : nil, testLoss: round == 2 ? 1 : nil),
    ]
    report.ledger = ledger(round: round)
    report.clustersAreTrue = round == 2
    report.bytesUp = 1000
    report.bytesDown = 2000
    report.seconds = seconds
    return report
  }

  static let accuracies = [0.4, 0.6, 0.7, 0.8, 0.9]

  /// - Parameters:
  ///   - epsilon: of every client; nil for a run without privacy.
  ///   - model: of the last client; 1 is right.
  static func result(
    epsilon: Double? = 4.9987, lastModel model: Int = 1, allowed: [CheckReport.Finding]? = nil
  ) throws -> RunResult {
    let clients = (0..<5).map { client in
      ClientResult(
        client: client, cluster: trueClusters[client],
        model: client == 4 ? model : trueClusters[client],
        trainExamples: client < 2 ? 100 : 200, testExamples: 50, accuracy: accuracies[client],
        loss: 1.25, epsilon: epsilon, delta: 1e-4, targetEpsilon: epsilon == nil ? nil : 5,
        noiseMultiplier: epsilon == nil ? nil : client < 2 ? 1.5 : 1.25,
        firstRoundNoiseMultiplier: epsilon == nil ? nil : 1.25,
        accountant: epsilon == nil ? nil : "rdp",
        confusion: ConfusionCounts(matrix: [[20, 5], [10, 15]]))
    }
    return RunResult(
      scenario: "sample", scenarioHash: try scenario.hash, method: "r-dpcfl",
      variant: "as-intended",
      seed: 7, rounds: 2, clients: clients,
      clusters: [
        ClusterResult(
          name: "few", clients: 2, samples: 200, accuracy: 0.5, loss: 1.25, minority: true),
        ClusterResult(
          name: "many", clients: 3, samples: 600, accuracy: 0.8, loss: 1.25, minority: false),
      ],
      clustering: ClusteringReport(
        chosenClusters: 2,
        candidates: [
          ClusteringReport.Candidate(
            clusters: 2, minSeparationScore: 7.53, maxPairwiseOverlap: 0.0002, bic: -12.5,
            emIterations: 9),
          ClusteringReport.Candidate(
            clusters: 3, minSeparationScore: nil, maxPairwiseOverlap: nil, bic: nil,
            emIterations: nil),
        ],
        mss: 7.53, mpo: 0.0002, switchRound: 1, isConfident: model == 1, projection: [],
        posteriors: []),
      agreement: AgreementReport(
        ari: model == 1 ? 1 : 0.17, nmi: 1, purity: 1, misassignedClients: model == 1 ? [] : [4],
        firstCorrectRound: model == 1 ? 2 : nil, minorityIsolated: model == 1),
      unit: .example, relation: .addOrRemoveOne, sampling: "poisson", bytesUp: 2000,
      bytesDown: 4000, resultDigest: String(repeating: "ab", count: 32), allowedFindings: allowed,
      notes: ["A note with \u{1B}[31mcolour\u{1B}[0m."])
  }

  /// A finding of the check that somebody allowed.
  static var finding: CheckReport.Finding {
    get throws {
      let text = """
        { "rule": "DP102", "severity": "critical", "path": "privacy.target_delta", "message": "too large" }
        """
      return try JSONDecoder().decode(CheckReport.Finding.self, from: Data(text.utf8))
    }
  }

  static let cost = RunRecorder.Cost(wallSeconds: 24.14, peakRSSBytes: 310_000_000)
  static let start = Date(timeIntervalSince1970: 1_795_342_530.25)

  static func recorder(in store: RunStore, startedAt: Date = start) throws -> RunRecorder {
    try RunRecorder(
      store: store, scenario: try scenario, workers: 2, machine: "a machine", startedAt: startedAt)
  }

  static var model: Safetensors {
    get throws {
      try Safetensors(
        tensors: [Safetensors.Tensor(name: "w", shape: [2, 2], values: .float32([1, 2, 3, 4]))])
    }
  }

  /// Stores a whole run and gives it back.
  static func store(_ result: RunResult, in store: RunStore) async throws -> StoredRun {
    let recorder = try recorder(in: store)
    for number in 1...2 { try await recorder.receive(.finishedRound(round(number))) }
    try await recorder.finish(
      result, models: ["model-0": model], cost: cost, finishedAt: start.addingTimeInterval(24))
    return try store.details(of: store.run(named: recorder.runID))
  }
}

// MARK: - Snapshots

/// Compares text with a file in Golden, or writes the file and fails where DPFLSIM_RECORD is set.
func expectSnapshot(
  _ text: String, _ name: String, sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let file = goldenFile(name)
  if ProcessInfo.processInfo.environment["DPFLSIM_RECORD"] != nil {
    try Data(text.utf8).write(to: file)
    Issue.record("recorded \(name); look at it and run again", sourceLocation: sourceLocation)
    return
  }
  let expected = try String(contentsOf: file, encoding: .utf8)
  #expect(text == expected, sourceLocation: sourceLocation)
}
