// A run with everything that a reader sees of it, read back from the store.

import Analysis
import Datasets
public import Federation
import Scenarios
public import Store

/// One run as it is printed, whether it has just ended or is looked at again.
public struct StoredRun: Sendable, Hashable {
  public let run: RunRecord
  /// Nil if training never started.
  public let start: StoredStart?
  /// Nil if the run did not finish.
  public let result: RunResult?
  public let rounds: [RoundRecord]
  public let artifacts: [ArtifactRecord]
  /// What tables call the clients; nil where none has a name.
  let clientNames: [String]?
  let trained: TrainedNumbers
  /// Nil where this version cannot read the scenario any more.
  let trueClusters: Int?
  let protects: ProtectedUnit?

  /// Sentences that a reader of the figures must know, each once.
  public var notes: [String] {
    var seen: Set<String> = []
    let constant = result.map {
      ConstantAnswers(result: $0, classNames: classNames, clientNames: clientNames).sentences
    }
    return ((start?.notes ?? []) + (result?.notes ?? []) + (constant ?? [])).filter {
      seen.insert($0).inserted
    }
  }

  /// What the data set calls its classes; nil where they have numbers alone.
  var classNames: [String]? { start?.partition.classNames }

  /// What the check warned of before the run.
  var warnings: [CheckReport.Finding] {
    (start?.findings ?? []).filter { $0.severity == .warning }
  }
}

extension CheckReport.Finding {
  /// What was found, for people.
  var sentence: String { (isWithdrawal ? "" : "\(rule), ") + "\(path): \(message)" }
}

extension RunStore {
  /// Everything of a run that is printed.
  public func details(of run: RunRecord) throws(StoreError) -> StoredRun {
    let scenario = try? self.scenario(of: run)
    return StoredRun(
      run: run, start: try start(of: run), result: try result(of: run),
      rounds: try rounds(of: run.runID), artifacts: try artifacts(of: run.runID),
      clientNames: scenario?.clientNames, trained: TrainedNumbers(scenario?.adapter),
      trueClusters: scenario?.population.clusters.count,
      protects: scenario.map { ProtectedUnit(of: $0) })
  }
}
