// The files of a run beside the store: models as safetensors, each entered with its hash.

import Crypto
public import Federation
public import Foundation

extension RunStore {
  /// The folder of a run's files.
  public func folder(of runID: String) -> URL {
    filesFolder.appendingPathComponent(runID, isDirectory: true)
  }

  /// Writes a file of a run and gives the row that enters it.
  ///
  /// - Precondition: `runID` is the name of a run.
  func write(
    _ tensors: Safetensors, kind: String, name: String, runID: String
  ) throws -> ArtifactRecord {
    precondition(
      RunID.isValid(runID) && RunID.isPathPart(name), "a file is written for a run only")
    let folder = folder(of: runID)
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    } catch {
      throw StoreError.cannotWrite(path: folder.path, reason: StoreError.reason(of: error))
    }
    let data = try tensors.data()
    let file = folder.appendingPathComponent("\(name).safetensors")
    try AtomicFile.write(data, to: file)
    return ArtifactRecord(
      runID: runID, kind: kind, name: name,
      path: "\(filesFolder.lastPathComponent)/\(runID)/\(name).safetensors",
      sha256: SHA256.hash(data: data).hexadecimal, bytes: data.count)
  }

  /// Reads a file of a run.
  ///
  /// - Throws: `StoreError.cannotRead` if it is gone or is not the file that was entered, and
  ///   `SafetensorsError`.
  public func tensors(of artifact: ArtifactRecord) throws -> Safetensors {
    let file = folder(of: artifact.runID).appendingPathComponent("\(artifact.name).safetensors")
    guard RunID.isValid(artifact.runID), RunID.isPathPart(artifact.name),
      let data = try? Data(contentsOf: file)
    else {
      throw StoreError.cannotRead(path: file.path, reason: "no such file")
    }
    guard SHA256.hash(data: data).hexadecimal == artifact.sha256 else {
      throw StoreError.cannotRead(path: file.path, reason: "its SHA-256 is not the one stored")
    }
    return try Safetensors(data: data)
  }

  func removeFiles(of runID: String) throws(StoreError) {
    let folder = folder(of: runID)
    guard RunID.isValid(runID), FileManager.default.fileExists(atPath: folder.path) else { return }
    do {
      try FileManager.default.removeItem(at: folder)
    } catch {
      throw .cannotWrite(path: folder.path, reason: StoreError.reason(of: error))
    }
  }
}

extension Safetensors {
  /// The tensors of a trained model.
  public init(_ model: StoredModel, metadata: [String: String]) throws(SafetensorsError) {
    try self.init(
      tensors: model.tensors.map {
        Tensor(name: $0.name, shape: $0.shape, values: .float32($0.values))
      },
      metadata: metadata)
  }
}

extension Sequence<UInt8> {
  /// Two hexadecimal digits a byte.
  var hexadecimal: String {
    map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
  }
}
