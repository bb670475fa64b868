// The parameters of a whole model from an adapter's folder: those of the base that it stands on, and what it makes of
// them.

import Foundation
import Kernels
import Learning
import Scenarios
import Tensors

extension AdapterFolder {
  /// The whole base model in our layout, from `base_model_name_or_path`. What a pretrained model lacks, an encoder's
  /// classifier, is as the scenario's run began with it: drawn from its seed.
  ///
  /// - Throws: `MergeError`, `SafetensorsError`, `ModelFolderError`, `ArchitectureError`.
  func baseParameters(of architecture: Architecture, in scenario: Scenario) throws -> [Float] {
    guard scenario.modelPath != nil else {
      return try parameters(of: architecture, from: baseFile)
    }
    guard let file = baseFile else { throw missingBase }
    let pretrained = try PretrainedModel(
      folder: file.deletingLastPathComponent(),
      pooler: architecture.slot("pooler.dense.weight") != nil)
    return try architecture.parameters(seed: scenario.seed) { pretrained.parameters[$0] }
  }

  /// The same from a file that holds all of them.
  func parameters(of architecture: Architecture, from file: URL?) throws -> [Float] {
    guard let file, let data = try? Data(contentsOf: file) else { throw missingBase }
    let tensors = try Safetensors(data: data)
    return try architecture.slots.flatMap { slot -> [Float] in
      guard case .float32(let values)? = tensors[slot.name]?.values, values.count == slot.count
      else {
        throw MergeError("\(name): its base has no \(slot.name) of \(slot.count) numbers")
      }
      return Self.turned(values, slot, of: architecture)
    }
  }

  private var missingBase: MergeError {
    MergeError("\(name): its base model is not in base_model_name_or_path")
  }

  /// The base with s B A added, and with what was trained whole, an encoder's classifier too, in place of its own.
  func adapting(
    _ base: [Float], of architecture: Architecture
  ) throws(MergeError) -> [Float] {
    var parameters = base
    let saved = whole.map { (String($0.name.dropFirst(Self.prefix.count)), $0.values) }
    for (name, values) in saved + (head?.tensors ?? []).map({ ($0.name, $0.values) }) {
      guard let slot = architecture.slot(name), case .float32(let values) = values,
        values.count == slot.count
      else { throw MergeError("\(self.name): \(name) is no tensor of the run's model") }
      parameters.replaceSubrange(slot.range, with: Self.turned(values, slot, of: architecture))
    }
    for (name, layer) in layers {
      guard let slot = Self.weight(name, of: architecture),
        slot.count == layer.b.rows * layer.a.columns
      else { throw MergeError("\(self.name): \(name) is no layer of the run's model") }
      let change = Self.turned(layer.product.elements.map { Float($0) }, slot, of: architecture)
      for (place, value) in zip(slot.range, change) { parameters[place] += value }
    }
    return parameters
  }

  /// The weight of a layer, which the class that PEFT loads may have under a longer name.
  private static func weight(_ layer: String, of architecture: Architecture) -> ParameterSlot? {
    let decoder = "transformer."
    return architecture.slot("\(layer).weight")
      ?? (layer.hasPrefix(decoder)
        ? architecture.slot("\(layer.dropFirst(decoder.count)).weight") : nil)
  }

  /// Weights in our order of columns from PyTorch's.
  private static func turned(
    _ values: [Float], _ slot: ParameterSlot, of architecture: Architecture
  ) -> [Float] {
    guard let host = architecture.hosts.first(where: { $0.weight == slot.name }) else {
      return values
    }
    let channels =
      switch host.order {
      case .plain: 1
      case .image(let channels), .kernel(_, let channels): channels
      }
    guard channels > 1 else { return values }
    let places = host.columns / channels
    return values.indices.map { index in
      let (row, column) = (index / host.columns, index % host.columns)
      return values[row * host.columns + column % channels * places + column / channels]
    }
  }
}
