// The built-in models of texts: an encoder and a decoder, whose sizes the folder of pretrained weights decides.

public import Datasets
import Foundation
public import Learning
public import Scenarios
import Tensors

extension Scenario.BERTEncoder: BuildableModel {
  public func architecture(
    for examples: ExampleShape, classes: Int, in scenario: Scenario
  ) throws -> Architecture {
    guard case .bert(let sizes)? = try scenario.transformer(for: examples) else {
      throw scenario.holdsNoModel(use: "gpt")
    }
    let kind: PoolingKind =
      switch pooling {
      case .mean: .mean
      case .cls: .cls
      case .pooler: .pooler
      }
    return try .bert(
      sizes, maximumTokens: maximumTokens, pooling: kind, classes: classes)
  }
}

extension Scenario.GPTDecoder: BuildableModel {
  public func architecture(
    for examples: ExampleShape, classes: Int, in scenario: Scenario
  ) throws -> Architecture {
    let objective =
      predicted.map { NextTokenLoss(from: $0.from, every: $0.every) } ?? NextTokenLoss()
    switch try scenario.transformer(for: examples) {
    case .gpt2(let sizes)?:
      return try .gpt(sizes, maximumTokens: maximumTokens, objective: objective)
    case nil:
      return try .gpt(
        GPT2Configuration(
          vocabularySize: examples.vocabulary, width: width, blocks: blocks, heads: heads,
          positions: maximumTokens + (scenario.adapter?.traits.softRows ?? 0)),
        maximumTokens: maximumTokens, objective: objective)
    default: throw scenario.holdsNoModel(use: "bert")
    }
  }
}

extension ExampleShape {
  /// Of texts; 0 for other examples.
  fileprivate var vocabulary: Int {
    if case .tokens(_, let vocabulary) = self { vocabulary } else { 0 }
  }
}

extension Scenario {
  /// What the folder of pretrained weights says of its model; nil without a folder.
  fileprivate func transformer(for examples: ExampleShape) throws -> TransformerConfiguration? {
    let configuration = try modelPath.map {
      try TransformerConfiguration(folder: URL(fileURLWithPath: $0, isDirectory: true))
    }
    if let size = configuration?.vocabularySize, size < examples.vocabulary {
      throw ArchitectureError(
        description: "model.path: the vocabulary has \(examples.vocabulary) words and the model "
          + "vectors for \(size); use a folder whose files belong together")
    }
    return configuration
  }

  fileprivate func holdsNoModel(use other: String) -> ArchitectureError {
    ArchitectureError(
      description: "model.path: \(model.path ?? "") does not hold a model for \"\(model.name)\"; "
        + "use \"\(other)\"")
  }
}
