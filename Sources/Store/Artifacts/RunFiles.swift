// The files of a run beside the store: models as safetensors, each entered with its hash.

public import Federation
public import Foundation
import Hashing
public import Tensors

extension RunStore {
  /// The folder of a run's files.
  public func folder(of runID: String) -> URL {
    filesFolder.appendingPathComponent(runID, isDirectory: true)
  }

  /// Writes a file of a run and gives the row that enters it.
  ///
  /// - Precondition: `runID` is the name of a run.
  package func write(
    _ tensors: Safetensors, kind: String, name: String, runID: String
  ) throws -> ArtifactRecord {
    try write(
      try tensors.data(), kind: kind, name: name, fileName: "\(name).safetensors", runID: runID)
  }

  /// - Precondition: `runID` is the name of a run.
  package func write(
    _ data: Data, kind: String, name: String, fileName: String, runID: String
  ) throws(StoreError) -> ArtifactRecord {
    precondition(
      RunID.isValid(runID) && RunID.isPathPart(fileName), "a file is written for a run only")
    let folder = folder(of: runID)
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    } catch {
      throw StoreError.cannotWrite(path: folder.path, reason: StoreError.reason(of: error))
    }
    try AtomicFile.write(data, to: folder.appendingPathComponent(fileName))
    return ArtifactRecord(
      runID: runID, kind: kind, name: name,
      path: "\(filesFolder.lastPathComponent)/\(runID)/\(fileName)",
      sha256: SHA256.hash(data: data).hexadecimal, bytes: data.count)
  }

  /// Reads a file of a run.
  ///
  /// - Throws: `StoreError.cannotRead` if it is gone or is not the file that was entered, and
  ///   `SafetensorsError`.
  public func tensors(of artifact: ArtifactRecord) throws -> Safetensors {
    try Safetensors(data: data(of: artifact))
  }

  /// The bytes of a file of a run; the name of its file is the last part of its path.
  ///
  /// - Throws: `StoreError.cannotRead` if it is gone or is not the file that was entered.
  func data(of artifact: ArtifactRecord) throws(StoreError) -> Data {
    let name = artifact.path.split(separator: "/").last.map(String.init) ?? ""
    let file = folder(of: artifact.runID).appendingPathComponent(name)
    guard RunID.isValid(artifact.runID), RunID.isPathPart(name),
      let data = try? Data(contentsOf: file)
    else {
      throw .cannotRead(path: file.path, reason: "no such file")
    }
    guard SHA256.hash(data: data).hexadecimal == artifact.sha256 else {
      throw .cannotRead(path: file.path, reason: "its SHA-256 is not the one stored")
    }
    return data
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
