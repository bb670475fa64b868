// Writes a run's adapters, and makes sure that a folder of exported adapters or models holds those of one run.

public import Foundation
import Scenarios
public import Store
import Tensors

/// A folder that `export --peft` or `--model` writes to.
public enum AdapterFolders {
  /// Writes the adapters of a run: on the folder of its pretrained model, or with their base beside them.
  ///
  /// - Returns: the files.
  /// - Throws: what `TransformerExport` and `PEFTExport` throw.
  public static func write(
    _ run: RunRecord, in store: RunStore, to folder: URL
  ) throws -> [URL] {
    try store.scenario(of: run).modelPath == nil
      ? PEFTExport(of: run, in: store).write(to: folder)
      : TransformerExport(of: run, in: store).write(to: folder)
  }

  /// Refuses a folder with adapters of another run, or takes them away.
  ///
  /// - Parameters:
  ///   - replacing: whether adapters of other runs are deleted; nothing else in the folder is touched.
  /// - Throws: `PEFTError.occupied`; `StoreError.cannotWrite` if they cannot be deleted.
  public static func prepare(_ folder: URL, for runID: String, replacing: Bool) throws {
    let others = models(in: folder).filter { $0.run != runID }
    guard let other = others.first else { return }
    guard replacing else { throw PEFTError.occupied(path: folder.path, run: other.run) }
    let beside = ["base", "inputs.json"].map { folder.appendingPathComponent($0) }
    for place in others.map(\.folder) + beside
    where FileManager.default.fileExists(atPath: place.path) {
      do {
        try FileManager.default.removeItem(at: place)
      } catch {
        throw StoreError.cannotWrite(path: place.path, reason: StoreError.reason(of: error))
      }
    }
  }

  /// The folders of models of any run.
  private static func models(in folder: URL) -> [(folder: URL, run: String)] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return names.sorted().compactMap { name in
      guard name.hasPrefix("model-"), Int(name.dropFirst("model-".count)) != nil else { return nil }
      let model = folder.appendingPathComponent(name)
      let files = ["adapter_model.safetensors", "model.safetensors"]
        .map { model.appendingPathComponent($0) }
      return files.lazy.compactMap { try? SafetensorsFile(file: $0).metadata["run_id"] }.first
        .map { (model, $0) }
    }
  }
}
