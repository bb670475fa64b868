// The updates that a run released, kept on demand: a safetensors file and a JSON index for each pass over the clients.

package import Federation
import Formatting
import Foundation
import GRDB
import JSON
import Privacy
import Scenarios
import Tensors

extension ArtifactRecord {
  /// Of the file with the numbers, and of its index.
  static let updateKind = "update"
  static let updateIndexKind = "update-index"
}

extension RunStore {
  /// Writes what one pass released, and enters both files.
  ///
  /// - Parameter repeats: whether a round that is done again releases the same bits, which then take the place of the
  ///   earlier ones; if not, both were released and both are kept.
  package func write(
    _ released: ReleasedUpdates, of runID: String, scenarioHash: String, repeats: Bool
  ) throws {
    guard !released.updates.isEmpty else { return }
    var name = String(format: "round-%06d", released.round)
    if released.part > 1 { name += "-part-\(released.part)" }
    if !repeats {
      let known = Set(
        try artifacts(of: runID).filter { $0.kind == ArtifactRecord.updateKind }.map(\.name))
      let first = name
      var time = 2
      while known.contains(name) {
        name = "\(first)-again-\(time)"
        time += 1
      }
    }
    let tensors = try Safetensors(
      tensors: zip(released.updates, released.tensorNames).map { update, name in
        Safetensors.Tensor(
          name: name, shape: [update.values.count], values: .float32(update.values))
      }, metadata: ["format": "dpflsim-updates", "run_id": runID, "scenario_hash": scenarioHash])
    let files = [
      try write(
        try tensors.data(), kind: ArtifactRecord.updateKind, name: name,
        fileName: "updates-\(name).safetensors", runID: runID),
      try write(
        Data(released.index(runID: runID, scenarioHash: scenarioHash).prettyText.utf8),
        kind: ArtifactRecord.updateIndexKind, name: name, fileName: "updates-\(name).json",
        runID: runID),
    ]
    try write { database in
      for file in files { try file.insert(database, onConflict: .replace) }
    }
  }
}

extension ReleasedUpdates {
  /// The names of the updates in the file: that of the client, and of the model where a client sent several.
  var tensorNames: [String] {
    let times = Dictionary(grouping: updates.compactMap(\.client)) { $0 }.mapValues(\.count)
    return updates.map { update in
      guard let client = update.client else { return "model-\(update.model)" }
      return times[client] == 1 ? "client-\(client)" : "client-\(client)-model-\(update.model)"
    }
  }

  /// What stands beside the numbers; docs/store.md describes it.
  func index(runID: String, scenarioHash: String) -> JSONValue {
    [
      "format": "dpflsim-updates", "version": 1, "run_id": .string(runID),
      "scenario_hash": .string(scenarioHash), "round": .integer(round), "part": .integer(part),
      "stage": .string(stage.rawValue),
      "updates": .array(
        zip(updates, tensorNames).map { update, name in
          [
            "tensor": .string(name), "client": JSONValue(update.client),
            "model": .integer(update.model), "parameters": .integer(update.values.count),
            "releases": .array(update.entries.map(Self.document)),
            "thresholds": update.thresholds.map { .array($0.map { .number(Double($0)) }) } ?? .null,
            "posterior": update.posterior.map { .array($0.map { .number($0) }) } ?? .null,
          ]
        }),
    ]
  }

  private static func document(_ entry: LedgerEntry) -> JSONValue {
    [
      "purpose": .string(entry.purpose.rawValue), "mechanism": .string(entry.mechanism.rawValue),
      "count": .integer(entry.count), "noise_multiplier": JSONValue(entry.noiseMultiplier),
      "sample_rate": .number(entry.sampleRate),
      "selection_epsilon": JSONValue(entry.selectionEpsilon),
      "sensitivity": .number(entry.sensitivity), "max_grad_norm": JSONValue(entry.maxGradNorm),
      "rank": JSONValue(entry.rank), "dimension": JSONValue(entry.dimension),
      "threshold_noise_multiplier": JSONValue(entry.thresholdNoiseMultiplier),
    ]
  }
}
