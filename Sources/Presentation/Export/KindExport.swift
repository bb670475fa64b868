// Adapters beside LoRA as files: in PEFT's names where PEFT has the kind (`PEFTKind`), else in ours with
// `dpflsim_kind` in the configuration; and the whole model that they amount to, where they are other weights.

import Federation
import Foundation
import Learning
import Scenarios
import Tensors

/// The adapters of a run's models, and what they make of the base.
struct KindExport {
  private let scenario: Scenario
  private let adapter: Scenario.Adapter
  private let trained: any Adapter
  /// All adapted layers, from input to output.
  private let hosts: [AdaptedHost]
  private let layouts: [String: TorchLayout]
  /// Base weights that no folder holds, and adapter tensors that are not trained.
  private let stored: Safetensors
  private let pretrained: TransformerConfiguration?
  /// The adapted layers of the adapter's file: all but a classifier that is merged into its own.
  private let exported: [AdaptedHost]
  /// What PEFT makes of the kind; nil where it has none, or none for the layers at hand.
  private let peft: PEFTForm?

  /// An encoder's classifier, which stands outside of the model that PEFT loads.
  private static let head = "classifier"

  /// - Parameters:
  ///   - stored: the run's file `base`.
  ///   - pretrained: the model whose folder holds the other weights.
  /// - Throws: `ArchitectureError` if the adapter does not fit these weights.
  init(
    _ adapter: Scenario.Adapter, of scenario: Scenario, stored: Safetensors,
    layouts: [String: TorchLayout] = [:], pretrained: TransformerConfiguration? = nil
  ) throws {
    self.adapter = adapter
    self.scenario = scenario
    self.stored = stored
    self.layouts = layouts
    self.pretrained = pretrained
    let modules = adapter.targetModules
    // Files hold tensors by name; layers follow one another by the numbers in their names.
    let fresh = stored.tensors.sorted {
      $0.name.compare($1.name, options: .numeric) == .orderedAscending
    }
    let pooling = (scenario.model.settings as? Scenario.BERTEncoder)?.pooling
    let shapes =
      (pretrained?.shapes(pooler: pooling == .pooler) ?? [])
      + fresh.map { (name: $0.name, shape: $0.shape) }
    let layers = shapes.filter { $0.name.hasSuffix(".weight") && !$0.name.contains("embeddings") }
      .map { (name: String($0.name.dropLast(".weight".count)), shape: $0.shape) }
    hosts = layers.compactMap { name, shape in
      guard shape.count == 2,
        let target = modules.firstIndex(of: name)
          ?? modules.firstIndex(where: { name.hasSuffix(".\($0)") })
      else { return nil }
      let host = HostSpec(
        name, rows: shape[0], columns: shape[1], order: layouts[name]?.order ?? .plain)
      return AdaptedHost(host, target: target)
    }
    trained = try adapter.built(seed: scenario.seed).fitted(to: hosts)
    let isApart = scenario.isHeadApart && trained.isMergeable
    let base = PEFTBase(
      hosts: hosts.filter { !isApart || $0.host.name != Self.head },
      norms: shapes.filter { $0.name.hasSuffix(".weight") && $0.shape.count == 1 }
        .map { String($0.name.dropLast(".weight".count)) },
      pretrained: pretrained)
    // A kind on the classifier alone, which is merged into its own file, leaves PEFT nothing to load.
    let isOnHead = base.hosts.isEmpty && !hosts.isEmpty
    peft = isOnHead ? nil : (adapter.settings as? any PEFTKind)?.peftForm(on: base, as: trained)
    exported = base.hosts
  }

  /// Words that PEFT's adapter needs behind the base's vocabulary.
  var addedWords: Int { peft?.addedWords ?? 0 }

  private func floats(_ tensor: Safetensors.Tensor?) -> [Float]? {
    guard case .float32(let values)? = tensor?.values else { return nil }
    return values
  }

  /// The adapter's tensors on a host by their last names; shared ones lie with another host.
  func values(on host: HostSpec, _ model: Safetensors) -> [String: [Float]] {
    var values: [String: [Float]] = [:]
    for tensor in stored.tensors + model.tensors {
      guard let cut = tensor.name.lastIndex(of: ".") else { continue }
      let (owner, name) = (
        tensor.name[..<cut], String(tensor.name[tensor.name.index(after: cut)...])
      )
      guard name != "weight", name != "bias" else { continue }
      if owner == host.name || values[name] == nil { values[name] = floats(tensor) }
    }
    return values
  }

  // MARK: - Merged

  /// Hosts whose rows and columns have gates.
  var gated: [AdaptedHost] { trained is FineGatesAdapter ? hosts : [] }

  /// A host's weights with what a model's adapter does to them; nil where they are not among the stored ones.
  ///
  /// - Parameter base: its frozen weight where it is not stored.
  func merged(
    _ adapted: AdaptedHost, _ model: Safetensors, base: [Float]? = nil
  ) -> HostWeights? {
    let host = adapted.host
    func own(_ name: String) -> [Float]? { floats(model[name] ?? stored[name]) }
    guard let weight = own(host.weight) ?? base else { return nil }
    var both = HostWeights(weight: weight, bias: own("\(host.name).bias") ?? [])
    trained.merge(values(on: host, model), into: &both, on: host, target: adapted.target)
    return both
  }

  /// The base with what a model's adapter does to it, in PyTorch's layout; nil where the kind does not merge, or the
  /// base is in another folder.
  func merged(_ model: Safetensors, metadata: [String: String]) throws -> Safetensors? {
    guard trained.isMergeable, pretrained == nil else { return nil }
    var weights: [String: [Float]] = [:]
    for tensor in stored.tensors { weights[tensor.name] = floats(model[tensor.name] ?? tensor) }
    for adapted in hosts {
      guard let both = merged(adapted, model) else { continue }
      weights[adapted.host.weight] = both.weight
      weights["\(adapted.host.name).bias"] = both.bias.isEmpty ? nil : both.bias
    }
    let tensors = stored.tensors.compactMap { tensor -> Safetensors.Tensor? in
      guard tensor.name.hasSuffix(".weight") || tensor.name.hasSuffix(".bias"),
        let values = weights[tensor.name]
      else { return nil }
      let plain = Safetensors.Tensor(
        name: tensor.name, shape: tensor.shape, values: .float32(values))
      let host = String(tensor.name.dropLast(".weight".count))
      guard tensor.name.hasSuffix(".weight"), tensor.shape.count == 2 else { return plain }
      return layouts[host]?.weight(plain, name: tensor.name) ?? plain
    }
    return try Safetensors(tensors: tensors, metadata: metadata)
  }

  /// A language model's classifier as it was trained, merged where its adapter merges; nil without one.
  func head(_ model: Safetensors) throws -> Safetensors? {
    guard scenario.isHeadApart else { return nil }
    let names = ["weight", "bias"].map { "\(Self.head).\($0)" }
    let tensors = names.compactMap { model[$0] ?? stored[$0] }
    guard let adapted = hosts.first(where: { $0.host.name == Self.head }), trained.isMergeable,
      let both = merged(adapted, model)
    else { return try Safetensors(tensors: tensors, metadata: ["format": "pt"]) }
    return try Safetensors(
      tensors: zip(tensors, [both.weight, both.bias]).map { tensor, values in
        Safetensors.Tensor(name: tensor.name, shape: tensor.shape, values: .float32(values))
      }, metadata: ["format": "pt"])
  }

  // MARK: - Files

  /// What names of a decoder's layers begin with in the class that PEFT loads.
  private var layerPrefix: String {
    if case .gpt2? = pretrained { "transformer." } else { "" }
  }

  /// A model's adapter file.
  ///
  /// - Throws: `PEFTError.wholeTensor` for layers of a pretrained model that were trained whole beside it.
  func tensors(_ model: Safetensors, run: String) throws(PEFTError) -> [Safetensors.Tensor] {
    func isWeight(_ tensor: Safetensors.Tensor) -> Bool {
      tensor.name.hasSuffix(".weight") || tensor.name.hasSuffix(".bias")
    }
    let own = model.tensors.filter { !isHead($0) }
    guard let peft else {
      let kept = own.map { isWeight($0) ? turned($0, name: $0.name) : $0 }
      return kept + stored.tensors.filter { !isWeight($0) && !isHead($0) } + masks(model)
    }
    var tensors = exported.flatMap { peft.tensors(values(on: $0.host, model), $0) }
    for tensor in own {
      if let renamed = peft.renamed(tensor) {
        tensors.append(renamed)
        continue
      }
      // Layers that were trained whole beside the adapter.
      guard isWeight(tensor) else { continue }
      guard pretrained == nil else { throw .wholeTensor(id: run, name: tensor.name) }
      tensors.append(turned(tensor, name: PEFTForm.prefix + tensor.name))
    }
    if let first = exported.first { tensors += peft.shared(values(on: first.host, model)) }
    return tensors.map { tensor in
      guard !layerPrefix.isEmpty, tensor.name.hasPrefix(PEFTForm.prefix) else { return tensor }
      return Safetensors.Tensor(
        name: PEFTForm.prefix + layerPrefix + tensor.name.dropFirst(PEFTForm.prefix.count),
        shape: tensor.shape, values: tensor.values)
    }
  }

  /// A weight or a bias under a name, as PyTorch has it.
  private func turned(_ tensor: Safetensors.Tensor, name: String) -> Safetensors.Tensor {
    let host = String(tensor.name.dropLast(".weight".count))
    let plain = Safetensors.Tensor(name: name, shape: tensor.shape, values: tensor.values)
    return tensor.name.hasSuffix(".weight")
      ? layouts[host]?.weight(tensor, name: name) ?? plain : plain
  }

  /// Where the values of `sparse` stand, which our generator drew; none for other kinds.
  private func masks(_ model: Safetensors) -> [Safetensors.Tensor] {
    guard let sparse = trained as? SparseAdapter else { return [] }
    return exported.map {
      sparse.indices(on: $0.host, values(on: $0.host, model), name: "\($0.host.name).shira_indices")
    }
  }

  /// Whether a tensor is in the classifier's own file.
  private func isHead(_ tensor: Safetensors.Tensor) -> Bool {
    guard scenario.isHeadApart, tensor.name.hasPrefix("\(Self.head).") else { return false }
    return trained.isMergeable || tensor.name.hasSuffix(".weight") || tensor.name.hasSuffix(".bias")
  }

  /// `adapter_config.json`, but for where the base lies.
  var configuration: [String: JSONValue] {
    func names(_ list: [String], prefix: String = "") -> JSONValue {
      .array(list.map { .string(prefix + $0) })
    }
    let isSaved = !adapter.modulesToSave.isEmpty && pretrained == nil
    var members: [String: JSONValue] = [
      "inference_mode": true, "task_type": .null,
      "modules_to_save": isSaved ? names(adapter.modulesToSave) : .null,
    ]
    if let pretrained {
      members["task_type"] =
        if case .gpt2 = pretrained { "CAUSAL_LM" } else { "FEATURE_EXTRACTION" }
    }
    guard let peft else {
      members["target_modules"] = names(adapter.targetModules)
      members["dpflsim_kind"] = .string(adapter.name)
      // All that the kind's function depends on.
      members["dpflsim_settings"] = scenario.resolved["adapter"]
      return members
    }
    members["peft_type"] = .string(peft.type)
    members["target_modules"] = names(exported.map(\.host.name), prefix: layerPrefix)
    for (name, layers) in peft.modules { members[name] = names(layers, prefix: layerPrefix) }
    for name in peft.without { members[name] = nil }
    return members.merging(peft.fields) { $1 }
  }
}

extension Scenario {
  /// Whether the classifier has a file of its own, since the model that PEFT loads ends below it.
  fileprivate var isHeadApart: Bool { modelPath != nil && !model.isDecoder }
}

extension TransformerConfiguration {
  /// The tensors of the folder in the model's order, weights as outputs x inputs.
  fileprivate func shapes(pooler: Bool) -> [(name: String, shape: [Int])] {
    let layout =
      switch self {
      case .bert(let sizes): sizes.layout(pooler: pooler)
      case .gpt2(let sizes): sizes.layout()
      }
    return (layout?.entries ?? []).filter { !["wte.weight", "wpe.weight"].contains($0.name) }.map {
      (
        name: $0.name,
        shape: $0.shape.count == 2 && storesInputsFirst ? $0.shape.reversed() : $0.shape
      )
    }
  }
}
