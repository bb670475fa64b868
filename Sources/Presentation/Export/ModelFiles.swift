// The files of a finished run's models, as every export reads them.

import Federation
import Store
import Tensors

/// What a run stored of its models, and whose each is.
struct ModelFiles {
  private let id: String
  private let files: [String: Safetensors]
  private let clients: [ClientResult]

  /// - Throws: `StoreError`, `SafetensorsError`.
  init(of run: RunRecord, _ result: RunResult, in store: RunStore) throws {
    var files: [String: Safetensors] = [:]
    for artifact in try store.artifacts(of: run.runID) where artifact.kind == "model" {
      files[artifact.name] = try store.tensors(of: artifact)
    }
    self.files = files
    id = run.runID
    clients = result.clients
  }

  /// Frozen tensors that no pretrained folder holds; nil without adapters.
  var base: Safetensors? { files["base"] }

  /// The models that clients use, ascending.
  var used: [Int] { Set(clients.map(\.model)).sorted() }

  /// The tensors of a model.
  func model(_ index: Int) throws(PEFTError) -> Safetensors {
    guard let file = files["model-\(index)"] else {
      throw .missingTensor(id: id, name: "model-\(index)")
    }
    return file
  }

  /// What a file says of a model and its clients, beside what it says of the run.
  func metadata(of model: Int, beside run: [String: String]) -> [String: String] {
    let users = clients.filter { $0.model == model }.map { String($0.client) }
    return run.merging(["model": "\(model)", "clients": users.joined(separator: ",")]) { $1 }
  }
}
