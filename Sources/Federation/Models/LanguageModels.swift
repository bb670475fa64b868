// From a scenario's language model to tokens and weights: what the folder of a pretrained model decides.

import Datasets
import Foundation
import Hashing
package import Learning
package import Scenarios
import Tensors

extension TextRequest {
  /// Nil for scenarios without texts.
  init?(_ scenario: Scenario) {
    guard let table = scenario.data.table, let text = table.text,
      let language = scenario.model.language
    else { return nil }
    let vocabulary: Vocabulary
    if let folder = scenario.modelPath {
      vocabulary = .folder(folder, specialInText: language.specialInText)
    } else {
      vocabulary = .bytes
    }
    self.init(
      format: TextFormat(
        table: table.format, text: text, maximumTokens: language.maximumTokens,
        hasLabels: table.hasLabels),
      vocabulary: vocabulary)
  }
}

extension Scenario.Model {
  /// Whether a tensor of the model comes from the folder of pretrained weights; others begin anew.
  func comesFromFolder(_ tensor: String) -> Bool {
    guard let language, language.path != nil else { return false }
    return language.freshTensors.map { !tensor.hasPrefix($0) } ?? true
  }
}

// MARK: - Weights

extension Scenario {
  /// Parameters of a pretrained model, with what its folder lacks drawn from the seed; nil for models without a
  /// path.
  ///
  /// - Throws: `ModelFolderError`, `ArchitectureError`.
  package func pretrainedParameters(of architecture: Architecture) throws -> [Float]? {
    guard let path = modelPath else { return try ownWeights(of: architecture) }
    let pooler = (model.settings as? BERTEncoder)?.pooling == .pooler
    let pretrained = try PretrainedModel(
      folder: URL(fileURLWithPath: path, isDirectory: true), pooler: pooler)
    return try architecture.parameters(seed: seed) { pretrained.parameters[$0] }
  }

  /// SHA-256 of a data set's hash and of the files of the pretrained model that learns from it; the data set's hash
  /// itself for models without a path.
  ///
  /// - Throws: `DatasetError` if a file cannot be read.
  func contentHash(of dataset: Dataset) throws(DatasetError) -> String {
    var files: [URL] = []
    if let path = modelPath {
      let folder = URL(fileURLWithPath: path, isDirectory: true)
      files = ["config.json", "model.safetensors"].map(folder.appendingPathComponent)
    } else if let path = weightsPath {
      files = [URL(fileURLWithPath: path)]
    } else {
      return dataset.contentHash
    }
    var hash = SHA256()
    hash.update(data: Data("dpflsim pretrained 1\n\(dataset.contentHash)\n".utf8))
    for file in files {
      guard let content = try? Data(contentsOf: file, options: .alwaysMapped) else {
        throw DatasetError(
          .missing, at: file.path, "cannot be read",
          fix: modelPath == nil
            ? "give a safetensors file in model.path"
            : "give the folder of a Hugging Face model in model.path")
      }
      hash.update(data: content)
    }
    return hash.finalize().hexadecimal
  }
}

extension Dataset {
  /// Tokens of a usual text; 1 for data of other kinds.
  var usualLength: Int {
    text.map { max(1, Int($0.train.meanTokens.rounded(.up))) } ?? 1
  }
}
