// Runs of the shipped scenario for tests, and what is asked of them.

import Datasets
import Federation
import Foundation
import Privacy
import Scenarios

/// Keeps the reports of a run.
actor Recorder: RunObserver {
  private(set) var rounds: [RoundReport] = []
  private(set) var start: RunStart?
  private(set) var checkpoints: [RunCheckpoint] = []
  /// What was announced by each round.
  private(set) var announced: [Int: [LedgerEntry]] = [:]

  func receive(_ event: RunEvent) {
    switch event {
    case .preparing, .released: return
    case .started(let start): self.start = start
    case .announced(let round, let entries): announced[round, default: []] += entries
    case .finishedRound(let report): rounds.append(report)
    case .checkpoint(let checkpoint): checkpoints.append(checkpoint)
    }
  }

  var ledger: [LedgerEntry] { rounds.flatMap(\.ledger) }
}

/// The shipped scenario for tests, with changes.
func scenario(_ overrides: String..., file: String = "tiny") throws -> Scenario {
  let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../../scenarios/\(file).json")
  return try Scenario(json: Data(contentsOf: url), overrides: overrides)
}

@discardableResult
func run(
  _ scenario: Scenario, workers: Int = 2, featureMemory: Int = 64 << 20,
  observer: Recorder = Recorder()
) async throws -> RunOutcome {
  try await Simulation(
    scenario: scenario, catalog: DatasetCatalog(),
    options: SimulationOptions(workers: workers, featureMemory: featureMemory)
  ).run(observer: observer)
}

func accuracy(_ outcome: RunOutcome) -> Double {
  outcome.result.clients.reduce(0) { $0 + $1.accuracy } / Double(outcome.result.clients.count)
}

/// Every method that a scenario can name.
let allMethods = MethodCatalog.all.map { $0.name }

/// One of each way to keep models and to ask clients: for tests that cross methods with much else.
let differentMethods = ["r-dpcfl", "global", "local", "ifca", "mr-mtl", "oracle"]

extension JSONValue {
  func setting(_ key: String, to value: JSONValue) -> JSONValue {
    guard case .object(var members) = self else { return self }
    members[key] = value
    return .object(members)
  }
}
