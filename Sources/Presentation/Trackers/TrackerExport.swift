// A stored run for experiment trackers: event files of TensorBoard, and the file layout of MLflow.

import Analysis
import Federation
public import Foundation
import Scenarios
public import Store

/// A run as trackers see it.
public struct TrackerExport: Sendable {
  private let run: RunRecord
  private let result: RunResult?
  private let scalars: [TrackedScalar]
  private let parameters: [String: String]

  public init(of run: RunRecord, in store: RunStore) throws(StoreError) {
    self.run = run
    result = try store.result(of: run)
    let finals = result.map { TrackedFigures.finals($0, at: run.finishedAt ?? run.startedAt) }
    scalars = try TrackedFigures.scalars(of: run, in: store) + (finals ?? [])
    let scenario = (try? JSONValue(parsing: Data(run.scenarioJSON.utf8))) ?? .null
    parameters = Settings.flatten(scenario)
  }

  /// Writes `folder/RUN/events.out.tfevents.…`.
  ///
  /// - Returns: the file.
  /// - Throws: `StoreError.cannotWrite`.
  public func writeTensorBoard(to folder: URL) throws(StoreError) -> URL {
    let log = try TensorBoardLog(
      folder: folder, runID: run.runID, clusters: [], now: run.startedAt)
    // An event file has scalars and nothing beside them, so that the mark of an ε that says little is in its name.
    let rules = result?.allowedRules ?? []
    try log.add(scalars.map { $0.marked(rules) })
    return log.file
  }

  /// Writes an experiment of the scenario's name and a run in it into a folder that `mlflow ui --backend-store-uri`
  /// takes, beside what is there.
  ///
  /// - Returns: the folder of the run.
  /// - Throws: `StoreError.cannotWrite`.
  public func writeMLflow(to folder: URL) throws(StoreError) -> URL {
    let experiment = Self.experimentID(run.scenario)
    let home = folder.appendingPathComponent(experiment, isDirectory: true)
    let own = home.appendingPathComponent(run.runID, isDirectory: true)
    let started = Self.milliseconds(run.startedAt)
    let ended = run.finishedAt.map(Self.milliseconds)
    try Self.write(
      yaml: [
        ("artifact_location", quoted(home.absoluteString)), ("creation_time", "\(started)"),
        ("experiment_id", "'\(experiment)'"), ("last_update_time", "\(ended ?? started)"),
        ("lifecycle_stage", "active"), ("name", quoted(run.scenario)),
      ], to: home.appendingPathComponent("meta.yaml"))
    var files: [(path: String, text: String)] = []
    for (name, points) in Dictionary(grouping: scalars, by: \.name) {
      let lines = points.sorted { $0.step < $1.step }
        .map { "\(Self.milliseconds($0.time)) \($0.value) \($0.step)" }
      files.append(("metrics/\(name)", lines.joined(separator: "\n") + "\n"))
    }
    for (name, value) in parameters {
      // MLflow takes at most 6,000 characters.
      files.append(("params/\(name.parameterName)", String(value.prefix(6000))))
    }
    let tags = [
      "mlflow.runName": "\(run.method), seed \(run.seed)", "dpflsim.run_id": run.runID,
      "dpflsim.scenario_hash": run.scenarioHash, "dpflsim.version": run.version,
      "dpflsim.result_digest": result?.resultDigest ?? "", "mlflow.source.name": "dpflsim",
      // Beside `final/epsilon_max`, which says little then.
      "dpflsim.allowed": (result?.allowedRules ?? []).joined(separator: " "),
    ]
    for (name, value) in tags where !value.isEmpty { files.append(("tags/\(name)", value)) }
    for (path, text) in files { try Self.write(text, to: own.appendingPathComponent(path)) }
    try Self.createFolder(own.appendingPathComponent("artifacts", isDirectory: true))
    // Last, so that MLflow sees a run only when it is whole.
    try Self.write(
      yaml: [
        ("artifact_uri", quoted(own.appendingPathComponent("artifacts").absoluteString)),
        ("end_time", ended.map { "\($0)" } ?? "null"), ("entry_point_name", "''"),
        ("experiment_id", "'\(experiment)'"), ("lifecycle_stage", "active"),
        ("run_id", run.runID), ("run_name", quoted("\(run.method), seed \(run.seed)")),
        ("run_uuid", run.runID), ("source_name", "''"), ("source_type", "4"),
        ("source_version", "''"), ("start_time", "\(started)"),
        ("status", "\(Self.status(run.presentStatus))"), ("tags", "[]"), ("user_id", "dpflsim"),
      ], to: own.appendingPathComponent("meta.yaml"))
    return own
  }

  /// A number of MLflow: 1 running, 3 finished, 4 failed, 5 killed.
  private static func status(_ status: RunStatus) -> Int {
    switch status {
    case .running: 1
    case .done: 3
    case .failed: 4
    case .interrupted, .stopped: 5
    }
  }

  /// MLflow's experiments have numbers; the same name always has the same one (FNV-1a, 18 digits).
  package static func experimentID(_ name: String) -> String {
    let hash = name.utf8.reduce(UInt64(0xcbf2_9ce4_8422_2325)) {
      ($0 ^ UInt64($1)) &* 0x100_0000_01b3
    }
    return "\(100_000_000_000_000_000 + hash % 800_000_000_000_000_000)"
  }

  private static func milliseconds(_ time: Date) -> Int64 {
    Int64((time.timeIntervalSince1970 * 1000).rounded())
  }

  private func quoted(_ text: String) -> String { JSONValue.string(text).text }

  private static func createFolder(_ folder: URL) throws(StoreError) {
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    } catch {
      throw .cannotWrite(path: folder.path, reason: StoreError.reason(of: error))
    }
  }

  private static func write(_ text: String, to file: URL) throws(StoreError) {
    try createFolder(file.deletingLastPathComponent())
    try AtomicFile.write(Data(text.utf8), to: file)
  }

  private static func write(yaml: [(String, String)], to file: URL) throws(StoreError) {
    try write(yaml.map { "\($0): \($1)\n" }.joined(), to: file)
  }
}

extension String {
  /// A path of the scenario as a name that trackers take: `population.clusters.0.name`.
  fileprivate var parameterName: String {
    replacing("[", with: ".").replacing("]", with: "").trackerName
  }
}
