// The LoRA factors, the classifier and the changed base of a language model, as a run's files hold them.

import Foundation
import Scenarios
import Tensors

/// The tensors of a stored file by name.
struct StoredTensors {
  let id: String
  let tensors: [String: Safetensors.Tensor]

  init(_ file: Safetensors?, id: String) {
    self.id = id
    tensors = Dictionary(
      (file?.tensors ?? []).map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  func floats(_ name: String) -> [Float]? {
    guard case .float32(let values)? = tensors[name]?.values else { return nil }
    return values
  }
}

/// Takes one model with LoRA apart.
struct AdapterReader {
  let own: StoredTensors
  let shared: StoredTensors
  let adapter: Scenario.Adapter

  private static let head = "classifier"

  private var usesRSLoRA: Bool { adapter.traits.factors?.useRSLoRA ?? false }

  private func tensor(_ name: String) throws(PEFTError) -> Safetensors.Tensor {
    guard let tensor = own.tensors[name] ?? shared.tensors[name] else {
      throw .missingTensor(id: own.id, name: name)
    }
    return tensor
  }

  private func floats(_ name: String) throws(PEFTError) -> [Float] {
    guard let values = own.floats(name) ?? shared.floats(name) else {
      throw .missingTensor(id: own.id, name: name)
    }
    return values
  }

  private func factors(of layer: String) throws(PEFTError) -> TransformerAdapter.Factors {
    let a = try tensor(layer + ".lora_A")
    return TransformerAdapter.Factors(
      layer: layer, rank: a.shape.first ?? 0, a: try floats(layer + ".lora_A"),
      b: try floats(layer + ".lora_B"))
  }

  /// Layers with factors.
  private var layers: [String] {
    let names = Set(own.tensors.keys).union(shared.tensors.keys)
    return names.filter { $0.hasSuffix(".lora_B") }.map { String($0.dropLast(".lora_B".count)) }
      .sorted()
  }

  /// Whether layers of the model itself have factors.
  var isBelowHead: Bool { layers != [Self.head] }

  func adapter(on configuration: TransformerConfiguration) throws -> TransformerAdapter {
    for name in own.tensors.keys.sorted()
    where !name.contains(".lora_") && !name.hasSuffix(".residual") && !name.hasPrefix(Self.head) {
      throw PEFTError.wholeTensor(id: own.id, name: name)
    }
    let adapted = layers.filter { $0 != Self.head }
    guard !adapted.isEmpty else { throw PEFTError.missingTensor(id: own.id, name: "lora_A") }
    return try TransformerAdapter(
      configuration: configuration, loraAlpha: adapter.traits.loraAlpha, usesRSLoRA: usesRSLoRA,
      factors: try adapted.map { layer throws(PEFTError) in try factors(of: layer) })
  }

  /// The classifier as it was trained, with its adapter if it has one.
  func head() throws -> Safetensors {
    var weight = try floats(Self.head + ".weight")
    if let residual = own.floats(Self.head + ".residual") {
      for place in weight.indices { weight[place] += residual[place] }
    }
    let bias = try floats(Self.head + ".bias")
    let columns = weight.count / max(bias.count, 1)
    if layers.contains(Self.head) {
      let factors = try factors(of: Self.head)
      let rank = Double(factors.rank)
      let scale = adapter.traits.loraAlpha / (usesRSLoRA ? rank.squareRoot() : rank)
      for row in bias.indices {
        for column in 0..<columns {
          let sum = (0..<factors.rank).reduce(0.0) { sum, place in
            sum + Double(factors.b[row * factors.rank + place])
              * Double(factors.a[place * columns + column])
          }
          weight[row * columns + column] += Float(scale * sum)
        }
      }
    }
    return try Safetensors(
      tensors: [
        Safetensors.Tensor(
          name: "classifier.weight", shape: [bias.count, columns], values: .float32(weight)),
        Safetensors.Tensor(
          name: "classifier.bias", shape: [bias.count], values: .float32(bias)),
      ], metadata: ["format": "pt"])
  }

  /// The pretrained weights with the residuals of this model; nil without any.
  func base(in folder: URL) throws -> ParameterStore? {
    let residuals = own.tensors.keys.filter {
      $0.hasSuffix(".residual") && !$0.hasPrefix(Self.head)
    }.sorted()
    guard !residuals.isEmpty else { return nil }
    let pretrained = try PretrainedModel(folder: folder)
    let parameters = pretrained.parameters
    var turns = false
    if case .gpt2 = pretrained.configuration { turns = true }
    var values = parameters.values
    for name in residuals {
      let weight = String(name.dropLast("residual".count)) + "weight"
      guard let entry = parameters.layout[weight], let change = own.floats(name),
        let tensor = own.tensors[name], change.count == entry.count, let rows = tensor.shape.first
      else { throw PEFTError.missingTensor(id: own.id, name: weight) }
      let columns = change.count / max(rows, 1)
      for row in 0..<rows {
        for column in 0..<columns {
          // GPT-2's files hold inputs first.
          let place = turns ? column * rows + row : row * columns + column
          values[entry.offset + place] += change[row * columns + column]
        }
      }
    }
    return ParameterStore(layout: parameters.layout, values: values)
  }
}
