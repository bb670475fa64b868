// Frozen features kept between runs, so that a scenario that is run again with another budget or method starts at once.

public import Federation
public import Foundation
import Hashing

/// A folder with a folder for each base model and data, which holds a file a piece: SHA-256 of what it is and its bytes.
///
/// Pieces count only for the build that made them. Where they do not fit, the oldest go.
public struct FeatureCacheFolder: FeatureCache {
  public let folder: URL
  /// Bytes that the features of one run may take on the disk, and those of all runs.
  let limits: (run: Int, total: Int)
  private let build: @Sendable () -> String?

  /// - Parameter build: tells builds apart; without one nothing is kept.
  public init(
    folder: URL, limits: (run: Int, total: Int) = (256 << 20, 1 << 30),
    build: @autoclosure @escaping @Sendable () -> String? = BuildIdentity.current
  ) {
    self.folder = folder
    self.limits = limits
    self.build = build
  }

  public func piece(_ place: Int, forKey key: String) -> Data? {
    guard let file = file(place, key), let build = build(),
      let data = try? Data(contentsOf: file, options: .mappedIfSafe),
      data.count > SHA256.byteCount
    else { return nil }
    let piece = data.dropFirst(SHA256.byteCount)
    return data.prefix(SHA256.byteCount) == seal(piece, place, key, build) ? piece : nil
  }

  /// A cache that cannot be written costs time in the next run and nothing in this one.
  public func keep(_ piece: Data, at place: Int, forKey key: String, of bytes: Int) {
    guard bytes <= limits.run, let file = file(place, key), let build = build() else { return }
    let own = file.deletingLastPathComponent()
    if !FileManager.default.fileExists(atPath: own.path) { makeRoom(for: bytes) }
    try? FileManager.default.createDirectory(at: own, withIntermediateDirectories: true)
    // No wait for the disk: a piece that is not whole does not fit its seal.
    try? (seal(piece, place, key, build) + piece).write(to: file, options: .atomic)
  }

  private func seal(_ piece: Data, _ place: Int, _ key: String, _ build: String) -> Data {
    var hash = SHA256()
    hash.update(data: Data("\(key) \(build) \(place)\n".utf8))
    hash.update(data: piece)
    return Data(hash.finalize())
  }

  /// Removes the folders that were made first until `bytes` more fit.
  private func makeRoom(for bytes: Int) {
    let manager = FileManager.default
    let names = (try? manager.contentsOfDirectory(atPath: folder.path)) ?? []
    var kept: [(folder: URL, made: Date, bytes: Int)] = []
    for name in names where name.hasPrefix("features-") {
      let own = folder.appendingPathComponent(name)
      let files = (try? manager.contentsOfDirectory(atPath: own.path)) ?? []
      let sizes = files.compactMap { file in
        (try? manager.attributesOfItem(atPath: own.appendingPathComponent(file).path))?[.size]
          as? Int
      }
      let made = (try? manager.attributesOfItem(atPath: own.path))?[.modificationDate] as? Date
      kept.append((own, made ?? .distantPast, sizes.reduce(0, +)))
    }
    kept.sort { $0.made > $1.made }
    var total = kept.reduce(bytes) { $0 + $1.bytes }
    while total > limits.total, let oldest = kept.popLast() {
      try? manager.removeItem(at: oldest.folder)
      total -= oldest.bytes
    }
  }

  /// Keys are hashes; anything else names no file.
  private func file(_ place: Int, _ key: String) -> URL? {
    guard key.utf8.count == 2 * SHA256.byteCount, key.allSatisfy(\.isHexDigit), place >= 0 else {
      return nil
    }
    return folder.appendingPathComponent("features-\(key)/\(place)")
  }
}
