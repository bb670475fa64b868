// Pretrained base models kept between runs: the public pretraining is done once for its settings.

public import Federation
public import Foundation
import Hashing
import Tensors

/// A folder with one safetensors file a base model.
///
/// A model counts only for the build that pretrained it: another one may come to other bits, and a run must
/// have the same result with the folder full or empty.
public struct BaseModelCache: ModelCache {
  public let folder: URL
  private let build: @Sendable () -> String?

  /// - Parameter build: asked for when a model is wanted, since telling builds apart reads the whole program;
  ///   without one nothing is kept.
  public init(
    folder: URL, build: @autoclosure @escaping @Sendable () -> String? = BuildIdentity.current
  ) {
    self.folder = folder
    self.build = build
  }

  /// Nil also for another build's or a damaged file: the model is then pretrained anew and the file replaced.
  public func parameters(forKey key: String) -> [Float]? {
    guard let file = file(forKey: key), let data = try? Data(contentsOf: file),
      let build = build(), let stored = try? Safetensors(data: data), stored.metadata["key"] == key,
      stored.metadata["build"] == build,
      case .float32(let values)? = stored["parameters"]?.values,
      stored.metadata["sha256"] == digest(of: values)
    else { return nil }
    return values
  }

  /// A cache that cannot be written costs time in the next run and nothing in this one, so nothing is
  /// thrown for it.
  public func store(_ parameters: [Float], forKey key: String) {
    guard let file = file(forKey: key), let build = build() else { return }
    let tensor = Safetensors.Tensor(
      name: "parameters", shape: [parameters.count], values: .float32(parameters))
    let metadata = ["key": key, "build": build, "sha256": digest(of: parameters)]
    guard let data = try? Safetensors(tensors: [tensor], metadata: metadata).data() else { return }
    try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try? AtomicFile.write(data, to: file)
  }

  /// A single wrong bit of a base model would change every result that is built on it.
  private func digest(of parameters: [Float]) -> String {
    var hash = SHA256()
    for start in stride(from: 0, to: parameters.count, by: 1024) {
      let part = parameters[start..<min(start + 1024, parameters.count)]
      hash.update(
        data: part.flatMap { value in
          (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * UInt32($0))) }
        })
    }
    return hash.finalize().hexadecimal
  }

  /// Keys are hashes; anything else names no file.
  private func file(forKey key: String) -> URL? {
    guard !key.isEmpty, key.utf8.count <= 128, key.allSatisfy(\.isHexDigit) else { return nil }
    return folder.appendingPathComponent("base-\(key).safetensors")
  }
}
