// From a scenario's language model to tokens, layers and weights: what the folder of a pretrained model decides.

import Crypto
import Datasets
import Foundation
package import Learning
package import Scenarios
import Tensors

extension TextRequest {
  /// Nil for scenarios without texts.
  init?(_ scenario: Scenario) {
    guard let table = scenario.data.table, let text = table.text,
      let maximum = scenario.model.maximumTokens
    else { return nil }
    let vocabulary: Vocabulary
    if let folder = scenario.modelPath {
      vocabulary = .folder(folder, specialInText: scenario.model.readsSpecialTokens)
    } else {
      vocabulary = .bytes
    }
    self.init(
      format: TextFormat(
        table: table.format, text: text, maximumTokens: maximum, hasLabels: table.hasLabels),
      vocabulary: vocabulary)
  }
}

extension Scenario.Model {
  fileprivate var readsSpecialTokens: Bool {
    switch architecture {
    case .bert(let encoder): encoder.specialInText
    case .gpt(let decoder): decoder.specialInText
    case .cnn, .mlp, .logistic, .resnet: false
    }
  }

  /// Whether a tensor of the model comes from the folder of pretrained weights; others begin anew.
  func comesFromFolder(_ tensor: String) -> Bool {
    switch architecture {
    case .bert: !tensor.hasPrefix("classifier.")
    case .gpt(let decoder): decoder.path != nil
    case .cnn, .mlp, .logistic, .resnet: false
    }
  }
}

// MARK: - Layers

extension Architecture {
  /// The language model of a scenario on texts of a vocabulary.
  ///
  /// - Throws: `ModelFolderError` for a folder that cannot be used; `ArchitectureError` where its model does not fit
  ///   the scenario.
  init(language scenario: Scenario, vocabulary: Int, classes: Int) throws {
    let configuration = try scenario.modelPath.map {
      try TransformerConfiguration(folder: URL(fileURLWithPath: $0, isDirectory: true))
    }
    if let size = configuration?.vocabularySize, size < vocabulary {
      throw ArchitectureError(
        description: "model.path: the vocabulary has \(vocabulary) words and the model vectors for "
          + "\(size); use a folder whose files belong together")
    }
    switch (scenario.model.architecture, configuration) {
    case (.bert(let encoder), .bert(let sizes)?):
      let pooling: PoolingKind =
        switch encoder.pooling {
        case .mean: .mean
        case .cls: .cls
        case .pooler: .pooler
        }
      self = try .bert(
        EncoderSizes(sizes), maximumTokens: encoder.maximumTokens, pooling: pooling,
        classes: classes)
    case (.gpt(let decoder), .gpt2(let sizes)?):
      self = try .gpt(DecoderSizes(sizes), maximumTokens: decoder.maximumTokens)
    case (.gpt(let decoder), nil):
      self = try .gpt(
        DecoderSizes(
          vocabulary: vocabulary, width: decoder.width, blocks: decoder.blocks,
          heads: decoder.heads, inner: 4 * decoder.width,
          positions: decoder.maximumTokens + (scenario.adapter?.kind.softRows ?? 0)),
        maximumTokens: decoder.maximumTokens)
    default:
      throw ArchitectureError(
        description: "model.path: \(scenario.model.path ?? "") does not hold a model for "
          + "\"\(scenario.model.name)\"; use \(scenario.model.isDecoder ? "\"bert\"" : "\"gpt\"")")
    }
  }
}

extension EncoderSizes {
  init(_ configuration: BERTConfiguration) {
    self.init(
      vocabulary: configuration.vocabularySize, width: configuration.width,
      blocks: configuration.blocks, heads: configuration.heads, inner: configuration.innerWidth,
      positions: configuration.positions, types: configuration.tokenTypes,
      epsilon: Float(configuration.layerNormEpsilon))
  }
}

extension DecoderSizes {
  init(_ configuration: GPT2Configuration) {
    self.init(
      vocabulary: configuration.vocabularySize, width: configuration.width,
      blocks: configuration.blocks, heads: configuration.heads, inner: configuration.innerWidth,
      positions: configuration.positions, epsilon: Float(configuration.layerNormEpsilon))
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
    var pooler = false
    if case .bert(let encoder) = model.architecture { pooler = encoder.pooling == .pooler }
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
          mend: modelPath == nil
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
