// Frozen features that several runs have in common, such as the cells of a sweep that differ in method and budget.

import Datasets
import Foundation
import Hashing
import Learning
import Scenarios

/// Keeps the frozen features of the runs that asked last: those of one seed, data set and model.
///
/// Nothing of a result depends on it: shared features are the very numbers that each run would compute.
public actor SharedFeatures {
  private var key = ""
  private var known: [Int: Task<FrozenFeatures?, any Error>] = [:]

  public init() {}

  /// Whether another run has asked for features of this key, which are then better computed from the other end.
  func isUsed(for key: String) -> Bool { self.key == key && !known.isEmpty }

  /// The features of a part of a client's data: of the run that was the first to ask.
  func features(
    _ place: Int, key: String,
    compute: @escaping @Sendable () async throws -> FrozenFeatures?
  ) async throws -> FrozenFeatures? {
    if self.key != key {
      self.key = key
      known = [:]
    }
    if let task = known[place] { return try await task.value }
    let task = Task { try await compute() }
    known[place] = task
    return try await task.value
  }
}

extension Population {
  /// What decides the frozen features of all clients.
  ///
  /// - Parameter base: the parameters of the base model.
  func featureKey(base: [Float]) -> String {
    var hash = SHA256()
    base.withUnsafeBytes { hash.update(bufferPointer: $0) }
    for part in [
      scaledHash, partition.digest, scenario.arithmetic.rawValue, "\(scenario.seed)",
      scenario.resolved["model"]?.text ?? "", scenario.resolved["adapter"]?.text ?? "",
      "\(scenario.population.clusters.map(\.shift))",
    ] {
      hash.update(data: Data("\(part)\n".utf8))
    }
    return hash.finalize().hexadecimal
  }
}
