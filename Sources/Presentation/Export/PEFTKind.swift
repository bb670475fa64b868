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
  /// - Parameter adapter: as it was trained.
  func peftForm(on base: PEFTBase, as adapter: any Adapter) -> PEFTForm?
}

/// The model that an adapter is loaded onto.
public struct PEFTBase: Sendable {
  /// The adapted layers, from input to output.
  public let hosts: [AdaptedHost]
  /// Layers that normalise.
  public let norms: [String]
  /// Of a model from a folder; nil where its weights are exported beside the adapter.
  public let pretrained: TransformerConfiguration?

  var hasKernels: Bool { hosts.contains(where: \.host.isKernel) }

  /// GPT-2's linear layers hold inputs x outputs, and PEFT wants to be told.
  var fansInFirst: JSONValue {
    if case .gpt2? = pretrained { true } else { false }
  }
}

/// An adapter in PEFT's words.
public struct PEFTForm: Sendable {
  /// What names of tensors on layers begin with.
  public static let prefix = "base_model.model."

  /// `peft_type`.
  public var type: String
  /// Fields of `adapter_config.json` beside the common ones.
  public var fields: [String: JSONValue]
  /// Fields that list layers, by our names; `target_modules` are all adapted layers unless they are here.
  public var modules: [String: [String]] = [:]
  /// Common fields that PEFT does not know of this kind.
  public var without: [String] = []
  /// The tensors of a host, from the values of ours by their last names.
  public var tensors: @Sendable ([String: [Float]], AdaptedHost) -> [Safetensors.Tensor] = { _, _ in
    []
  }
  /// The tensors that hosts share, from the values on the first of them.
  public var shared: @Sendable ([String: [Float]]) -> [Safetensors.Tensor] = { _ in [] }
  /// For kinds without hosts: PEFT's tensor of one of ours; nil for tensors of layers that were trained whole beside it.
  public var renamed: @Sendable (Safetensors.Tensor) -> Safetensors.Tensor? = { _ in nil }
  /// Words that the base's vocabulary needs behind its own.
  public var addedWords = 0

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
  var isKernel: Bool { if case .kernel = order { true } else { false } }
}
