// Where frozen features are found that somebody has computed before: another run of this process, or one of yesterday.

import Datasets
public import Foundation
import Learning

/// Where frozen features are kept between runs, in pieces: a client's training or test part each.
///
/// Nothing of a result depends on it: a piece is the very bytes that a run would compute.
public protocol FeatureCache: Sendable {
  /// A piece that was kept under the key, with all of its bytes; nil if there is none or it is damaged.
  func piece(_ place: Int, forKey key: String) -> Data?
  /// Keeps a piece if it can.
  ///
  /// - Parameter bytes: of all pieces of the key together.
  func keep(_ piece: Data, at place: Int, forKey key: String, of bytes: Int)
}

/// The features of one run's clients, from wherever they can be had.
struct FeatureSource: Sendable {
  /// What decides all features of the run (`Population.featureKey`).
  let key: String
  /// Of runs that this process carries out.
  let shared: SharedFeatures?
  /// Of earlier processes.
  let cache: (any FeatureCache)?
  /// Bytes of the run's features.
  let bytes: Int

  /// - Parameter place: tells the pieces of a run apart.
  func features(
    of view: ClientView, at place: Int, on lane: Lane
  ) async throws -> FrozenFeatures? {
    guard let shared else { return try await compute(view, place, lane) }
    return try await shared.features(place, key: key) { try await compute(view, place, lane) }
  }

  private func compute(
    _ view: ClientView, _ place: Int, _ lane: Lane
  ) async throws -> FrozenFeatures? {
    try await lane.run { workspace in
      let network = workspace.network
      guard let cache else { return network.frozenFeatures(of: view) }
      if let known = cache.piece(place, forKey: key),
        let features = network.frozenFeatures(of: view, bytes: known.bytes)
      {
        return features
      }
      let features = network.frozenFeatures(of: view)
      features?.withBytes { bytes in
        cache.keep(
          bytes.withUnsafeBytes { Data($0) }, at: place, forKey: key, of: self.bytes)
      }
      return features
    }
  }
}
