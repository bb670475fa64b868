// The files of a finished run's models, as every export reads them.

import Federation
import Formatting
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

  /// The models that clients use, ascending: all of them where mixtures serve clients.
  var used: [Int] {
    let mixed = clients.compactMap(\.mixtureWeights).map(\.count).max() ?? 0
    return Set(clients.map(\.model)).union(0..<mixed).sorted()
  }

  /// The tensors of a model.
  func model(_ index: Int) throws(PEFTError) -> Safetensors {
    guard let file = files["model-\(index)"] else {
      throw .missingTensor(id: id, name: "model-\(index)")
    }
    return file
  }

  /// What a file says of a model and its clients, beside what it says of the run.
  func metadata(of model: Int, beside run: [String: String]) -> [String: String] {
    let users = clients.filter { $0.isServed(by: model) }
    var own = [
      "model": "\(model)", "clients": users.map { String($0.client) }.joined(separator: ","),
    ]
    let shares = users.compactMap { client in
      client.mixtureWeights.map { "\(client.client):\(NumberText.exact($0[model]))" }
    }
    if !shares.isEmpty { own["mixture_weights"] = shares.joined(separator: ",") }
    return run.merging(own) { $1 }
  }
}

extension ClientResult {
  /// Whether a model answers for it, alone or with the others.
  func isServed(by index: Int) -> Bool { mixtureWeights != nil || model == index }
}
