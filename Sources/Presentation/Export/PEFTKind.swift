// How PEFT calls the kinds of adapters beside LoRA that it has too, and lays them out.

import Federation
import Foundation
public import Learning
public import Scenarios
public import Tensors

/// A kind of adapter that PEFT reads.
public protocol PEFTKind: AdapterSettings {
  /// Nil where PEFT's kind does not fit these layers.
  ///
  /// - Parameters:
  ///   - hosts: the adapted ones, from input to output.
  ///   - adapter: as it was trained.
  /// - Throws: `ModelFolderError` if the pretrained model is gone.
  func peftForm(
    of scenario: Scenario, on hosts: [AdaptedHost], as adapter: any Adapter
  ) throws -> PEFTForm?
}

/// An adapter in PEFT's words.
public struct PEFTForm: Sendable {
  /// What names of tensors on layers begin with.
  public static let prefix = "base_model.model."

  /// `peft_type`.
  public var type: String
  /// Fields of `adapter_config.json` beside the common ones.
  public var fields: [String: JSONValue]
  /// Common fields that PEFT does not know of this kind.
  public var without: [String] = []
  /// The tensors of a host, from the values of ours by their last names.
  public var tensors: @Sendable ([String: [Float]], AdaptedHost) -> [Safetensors.Tensor] = { _, _ in
    []
  }
  /// The tensors that hosts share, from the values on the first of them.
  public var shared: @Sendable ([String: [Float]]) -> [Safetensors.Tensor] = { _ in [] }
  /// For kinds without hosts: PEFT's tensor of one of ours.
  public var renamed: (@Sendable (Safetensors.Tensor) -> Safetensors.Tensor)?

  public init(_ type: String, fields: [String: JSONValue] = [:]) {
    self.type = type
    self.fields = fields
  }

  /// A tensor of a host.
  public static func tensor(
    _ name: String, on host: HostSpec, shape: [Int], _ values: [Float]?
  ) -> [Safetensors.Tensor] {
    values.map {
      [
        Safetensors.Tensor(
          name: "\(prefix)\(host.name).\(name)", shape: shape, values: .float32($0))
      ]
    } ?? []
  }
}

extension HostSpec {
  fileprivate var isKernel: Bool { if case .kernel = order { true } else { false } }
}

// MARK: - Kinds

extension Scenario.Adapter.IA3: PEFTKind {
  public func peftForm(
    of scenario: Scenario, on hosts: [AdaptedHost], as adapter: any Adapter
  ) -> PEFTForm? {
    let inputs = Set(feedforwardModules)
    let modules = traits.targetModules
    let scaled = Set(modules.indices.filter { inputs.contains(modules[$0]) })
    guard scenario.modelPath == nil,
      // PEFT scales a convolution's input channels, not its places.
      !hosts.contains(where: { $0.host.isKernel && scaled.contains($0.target) })
    else { return nil }
    var form = PEFTForm(
      "IA3",
      fields: ["feedforward_modules": .array(feedforwardModules.map { .string($0) })])
    form.tensors = { values, adapted in
      guard let scales = values["ia3_l"] else { return [] }
      let host = adapted.host
      if host.isKernel {
        return PEFTForm.tensor("ia3_l", on: host, shape: [1, host.rows, 1, 1], scales)
      }
      let isInput = scaled.contains(adapted.target)
      var turned = scales
      if isInput {
        for (ours, theirs) in TorchLayout.columns(of: host).enumerated() {
          turned[theirs] = scales[ours]
        }
      }
      return PEFTForm.tensor(
        "ia3_l", on: host, shape: isInput ? [1, scales.count] : [scales.count, 1], turned)
    }
    return form
  }
}

extension Scenario.Adapter.SparseUpdate: PEFTKind {
  public func peftForm(
    of scenario: Scenario, on hosts: [AdaptedHost], as adapter: any Adapter
  ) -> PEFTForm? {
    guard scenario.modelPath == nil, !hosts.contains(where: \.host.isKernel),
      let sparse = adapter as? SparseAdapter
    else { return nil }
    // A name that PEFT knows; the places are in the file.
    var form = PEFTForm(
      "SHIRA",
      fields: ["r": .integer(traits.rank), "mask_type": "random", "random_seed": .null])
    form.tensors = { values, adapted in
      let host = adapted.host
      let columns = TorchLayout.columns(of: host)
      let places = sparse.places(on: host, values)
      let rows = places.map { Int32($0 / host.columns) }
      let turned = places.map { Int32(columns[$0 % host.columns]) }
      return PEFTForm.tensor(
        "shira_weight", on: host, shape: [places.count], values["shira_weight"]) + [
          Safetensors.Tensor(
            name: "\(PEFTForm.prefix)\(host.name).shira_indices", shape: [2, places.count],
            values: .int32(rows + turned))
        ]
    }
    return form
  }
}

extension Scenario.Adapter.VeRA: PEFTKind {
  public func peftForm(
    of scenario: Scenario, on hosts: [AdaptedHost], as adapter: any Adapter
  ) -> PEFTForm? {
    guard scenario.modelPath == nil, !hosts.contains(where: \.host.isKernel) else { return nil }
    let rank = traits.rank
    var form = PEFTForm(
      "VERA",
      fields: ["r": .integer(rank), "d_initial": .number(0.1), "save_projection": true])
    form.tensors = { values, adapted in
      let host = adapted.host
      return PEFTForm.tensor(
        "vera_lambda_b", on: host, shape: [host.rows], values["vera_lambda_b"])
        + PEFTForm.tensor("vera_lambda_d", on: host, shape: [rank], values["vera_lambda_d"])
    }
    form.shared = { values in
      [("vera_A", rank), ("vera_B", nil)].compactMap { name, rows in
        guard let values = values[name] else { return nil }
        let height = rows ?? values.count / max(rank, 1)
        return Safetensors.Tensor(
          name: "base_model.\(name)", shape: [height, values.count / max(height, 1)],
          values: .float32(values))
      }
    }
    return form
  }
}

extension Scenario.Adapter.Prompt: PEFTKind {
  public func peftForm(
    of scenario: Scenario, on hosts: [AdaptedHost], as adapter: any Adapter
  ) throws -> PEFTForm? {
    guard let path = scenario.modelPath else { return nil }
    let configuration = try TransformerConfiguration(
      folder: URL(fileURLWithPath: path, isDirectory: true))
    let (width, blocks, heads) =
      switch configuration {
      case .bert(let sizes): (sizes.width, sizes.blocks, sizes.heads)
      case .gpt2(let sizes): (sizes.width, sizes.blocks, sizes.heads)
      }
    var form = PEFTForm(
      "PROMPT_TUNING",
      fields: [
        "num_virtual_tokens": .integer(rows), "prompt_tuning_init": "RANDOM",
        "num_transformer_submodules": 1,
        "task_type": scenario.model.isDecoder ? "CAUSAL_LM" : "FEATURE_EXTRACTION",
        "token_dim": .integer(width), "num_layers": .integer(blocks),
        "num_attention_heads": .integer(heads),
      ])
    form.without = ["target_modules", "modules_to_save"]
    // PEFT reads the rows under a name of their own; what was trained beside them (a classifier) keeps its names.
    form.renamed = { tensor in
      tensor.name.hasSuffix(".prompt_embeddings")
        ? Safetensors.Tensor(
          name: "prompt_embeddings", shape: tensor.shape, values: tensor.values) : tensor
    }
    return form
  }
}
