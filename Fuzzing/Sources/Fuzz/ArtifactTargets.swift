// The files that a run leaves: models as safetensors, and checkpoints, from which a run goes on.

import Analysis
import Datasets
import Dispatch
import Federation
import Formatting
import Foundation
import Presentation
import Privacy
import Scenarios
import Store
import Synchronization
import Tensors

extension FuzzTarget {
  /// What could be read can be written, and reads back the same, bit by bit.
  static let safetensors = FuzzTarget(
    name: "safetensors", form: .safetensors, largest: 4096,
    seeds: {
      let files = [
        try Safetensors(tensors: []),
        try Safetensors(
          tensors: [
            .init(name: "fc.weight", shape: [2, 3], values: .float32([1, -2, 0, .nan, 5, 6])),
            .init(name: "fc.bias", shape: [2], values: .float64([0.5, .infinity])),
            .init(name: "steps", shape: [], values: .int64([-7])),
            .init(name: "mask", shape: [1, 3], values: .uint8([0, 1, 255])),
            .init(name: "none", shape: [0, 4], values: .float32([])),
          ], metadata: ["format": "pt", "run_id": "a \"b\" \u{1F600}"]),
      ]
      return try files.map { [UInt8](try $0.data()) }
    },
    run: { bytes in
      guard let file = try? Safetensors(data: Data(bytes)) else { return }
      // A header may be read that is too long once it is written in full.
      guard let written = try? file.data() else { return }
      guard let again = try? Safetensors(data: written), let twice = try? again.data() else {
        preconditionFailure("what was written is refused")
      }
      precondition(twice == written && again.metadata == file.metadata)
      precondition(again.tensors.map(\.shape) == file.tensors.map(\.shape))
    })

  /// Below the hash that the store checks: a checkpoint with any content is refused, or the run goes on from
  /// it to its end.
  static let checkpoint = FuzzTarget(
    name: "checkpoint", form: .json, largest: 16_384,
    seeds: { try variants.flatMap { try record($0).checkpoints.map { [UInt8]($0) } } },
    run: { bytes in
      guard let checkpoint = try? RunStore.checkpoint(in: Data(bytes)) else { return }
      let runs = recorded.withLock { runs in
        if runs.isEmpty { runs = variants.compactMap { try? record($0) } }
        return runs
      }
      let run = runs.first { $0.scenario.hash == checkpoint.scenarioHash }
      guard let run else { return }
      let point = ResumePoint(checkpoint: checkpoint, ledger: run.ledger, of: run.scenario)
      _ = finish { try await simulation(run.scenario).run(observer: Silence(), from: point) }
    })

  private static let recorded = Mutex<[RecordedRun]>([])

  /// A run of a variant with its checkpoints as a file holds them.
  @Sendable private static func record(_ changes: [String]) throws -> RecordedRun {
    let scenario = try variant(changes)
    let recorder = CheckpointRecorder()
    _ = try finish { try await simulation(scenario).run(observer: recorder) }.get()
    return RecordedRun(
      scenario: scenario, checkpoints: try recorder.checkpoints.map { try RunStore.data(of: $0) },
      ledger: recorder.ledger)
  }

  private static func simulation(_ scenario: Scenario) -> Simulation {
    Simulation(
      scenario: scenario, catalog: DatasetCatalog(places: []),
      options: SimulationOptions(workers: 1, featureMemory: 1 << 20))
  }
}

private struct RecordedRun: Sendable {
  let scenario: Scenario
  let checkpoints: [Data]
  let ledger: [LedgerEntry]
}

/// Waits on the thread of libFuzzer, which knows no tasks.
private func finish<Value: Sendable>(
  _ body: @escaping @Sendable () async throws -> Value
) -> Result<Value, any Error> {
  let done = DispatchSemaphore(value: 0)
  let answer = Answer<Value>()
  Task.detached {
    do {
      let value = try await body()
      answer.result.withLock { $0 = .success(value) }
    } catch {
      answer.result.withLock { $0 = .failure(error) }
    }
    done.signal()
  }
  done.wait()
  return answer.result.withLock { $0 } ?? .failure(CancellationError())
}

private final class Answer<Value: Sendable>: Sendable {
  let result = Mutex<Result<Value, any Error>?>(nil)
}

private struct Silence: RunObserver {
  func receive(_ event: RunEvent) {}
}

private final class CheckpointRecorder: RunObserver {
  private let saved = Mutex<[RunCheckpoint]>([])
  private let released = Mutex<[LedgerEntry]>([])

  var checkpoints: [RunCheckpoint] { saved.withLock { $0 } }
  var ledger: [LedgerEntry] { released.withLock { $0 } }

  func receive(_ event: RunEvent) {
    switch event {
    case .checkpoint(let checkpoint): saved.withLock { $0.append(checkpoint) }
    case .finishedRound(let report): released.withLock { $0 += report.ledger }
    default: break
    }
  }
}
