// Adapters beside LoRA as files: in PEFT's names where PEFT has the kind (IA3, SHiRA, VeRA), else in ours with
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
  private let hosts: [AdaptedHost]
  private let layouts: [String: TorchLayout]
  /// Base weights and adapter tensors that are not trained.
  private let stored: Safetensors
  /// What PEFT's prompts want to know of the pretrained model.
  private var promptSizes: [String: Int] = [:]

  /// - Parameter stored: the run's file `base`.
  /// - Throws: `ArchitectureError` if the adapter does not fit these weights; `ModelFolderError` if the pretrained
  ///   model is gone.
  init(
    _ adapter: Scenario.Adapter, of scenario: Scenario, stored: Safetensors,
    layouts: [String: TorchLayout]
  ) throws {
    self.adapter = adapter
    self.scenario = scenario
    self.stored = stored
    self.layouts = layouts
    if case .prompt = adapter.kind, let path = scenario.modelPath {
      switch try TransformerConfiguration(folder: URL(fileURLWithPath: path, isDirectory: true)) {
      case .bert(let sizes):
        promptSizes = [
          "token_dim": sizes.width, "num_layers": sizes.blocks, "num_attention_heads": sizes.heads,
        ]
      case .gpt2(let sizes):
        promptSizes = [
          "token_dim": sizes.width, "num_layers": sizes.blocks, "num_attention_heads": sizes.heads,
        ]
      }
    }
    let modules = adapter.targetModules
    // Files hold tensors by name; layers follow one another by the numbers in their names.
    let ordered = stored.tensors.sorted {
      $0.name.compare($1.name, options: .numeric) == .orderedAscending
    }
    hosts = ordered.compactMap { tensor in
      guard tensor.name.hasSuffix(".weight"), tensor.shape.count == 2 else { return nil }
      let name = String(tensor.name.dropLast(".weight".count))
      guard
        let target = modules.firstIndex(of: name)
          ?? modules.firstIndex(where: { name.hasSuffix(".\($0)") })
      else { return nil }
      let host = HostSpec(
        name, rows: tensor.shape[0], columns: tensor.shape[1],
        order: layouts[name]?.order ?? .plain)
      return AdaptedHost(host, target: target)
    }
    trained = try adapter.trained(seed: scenario.seed).fitted(to: hosts)
  }

  private func floats(_ tensor: Safetensors.Tensor?) -> [Float]? {
    guard case .float32(let values)? = tensor?.values else { return nil }
    return values
  }

  /// The adapter's tensors on a host by their last names; shared ones lie with another host.
  private func values(on host: HostSpec, _ model: Safetensors) -> [String: [Float]] {
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

  /// The base with what a model's adapter does to it, in PyTorch's layout; nil where the kind does not merge, or the
  /// base is in another folder.
  func merged(_ model: Safetensors, metadata: [String: String]) throws -> Safetensors? {
    guard trained.isMergeable, scenario.modelPath == nil else { return nil }
    var weights: [String: [Float]] = [:]
    for tensor in stored.tensors { weights[tensor.name] = floats(model[tensor.name] ?? tensor) }
    for adapted in hosts {
      let host = adapted.host
      guard let weight = weights[host.weight] else { continue }
      var both = HostWeights(weight: weight, bias: weights["\(host.name).bias"] ?? [])
      trained.merge(values(on: host, model), into: &both, on: host, target: adapted.target)
      weights[host.weight] = both.weight
      weights["\(host.name).bias"] = both.bias.isEmpty ? nil : both.bias
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

  // MARK: - PEFT

  private static let prefix = "base_model.model."

  /// As PEFT calls the kind; nil where it has none, or none for the layers at hand.
  var peftType: String? {
    if case .prompt = adapter.kind { return scenario.modelPath == nil ? nil : "PROMPT_TUNING" }
    guard scenario.modelPath == nil else { return nil }
    let kernels = hosts.filter { if case .kernel = $0.host.order { true } else { false } }
    switch adapter.kind {
    case .ia3(let inputs):
      // PEFT scales a convolution's input channels, not its places.
      return kernels.contains { inputs.contains(adapter.targetModules[$0.target]) } ? nil : "IA3"
    case .sparse: return kernels.isEmpty ? "SHIRA" : nil
    case .veRA: return kernels.isEmpty ? "VERA" : nil
    default: return nil
    }
  }

  /// A model's adapter file.
  func tensors(_ model: Safetensors) -> [Safetensors.Tensor] {
    guard peftType != nil else {
      return model.tensors
        + stored.tensors.filter { !$0.name.hasSuffix(".weight") && !$0.name.hasSuffix(".bias") }
    }
    if case .prompt = adapter.kind { return prompt(model) }
    var tensors = hosts.flatMap { peft(values(on: $0.host, model), on: $0.host) }
    // Layers that were trained whole beside the adapter.
    for tensor in model.tensors
    where tensor.name.hasSuffix(".weight") || tensor.name.hasSuffix(".bias") {
      let name = Self.prefix + tensor.name
      let host = String(tensor.name.dropLast(".weight".count))
      tensors.append(
        tensor.name.hasSuffix(".weight")
          ? layouts[host]?.weight(tensor, name: name)
            ?? Safetensors.Tensor(name: name, shape: tensor.shape, values: tensor.values)
          : Safetensors.Tensor(name: name, shape: tensor.shape, values: tensor.values))
    }
    if case .veRA = adapter.kind, let first = hosts.first {
      let shared = values(on: first.host, model)
      for (name, rows) in [("vera_A", adapter.r), ("vera_B", nil)] {
        guard let values = shared[name] else { continue }
        let height = rows ?? values.count / max(adapter.r, 1)
        tensors.append(
          Safetensors.Tensor(
            name: "base_model.\(name)", shape: [height, values.count / max(height, 1)],
            values: .float32(values)))
      }
    }
    return tensors
  }

  /// PEFT reads the rows under a name of their own; what was trained beside them (a classifier) keeps its names.
  private func prompt(_ model: Safetensors) -> [Safetensors.Tensor] {
    model.tensors.map { tensor in
      tensor.name.hasSuffix(".prompt_embeddings")
        ? Safetensors.Tensor(
          name: "prompt_embeddings", shape: tensor.shape, values: tensor.values) : tensor
    }
  }

  private func peft(_ values: [String: [Float]], on host: HostSpec) -> [Safetensors.Tensor] {
    func tensor(_ name: String, _ shape: [Int], _ values: [Float]?) -> Safetensors.Tensor? {
      values.map {
        Safetensors.Tensor(
          name: "\(Self.prefix)\(host.name).\(name)", shape: shape, values: .float32($0))
      }
    }
    let columns = TorchLayout.columns(of: host)
    switch adapter.kind {
    case .ia3:
      guard let scales = values["ia3_l"] else { return [] }
      if case .kernel = host.order {
        return [tensor("ia3_l", [1, host.rows, 1, 1], scales)].compactMap { $0 }
      }
      let isInput = scalesInputs(host)
      var turned = scales
      if isInput { for (ours, theirs) in columns.enumerated() { turned[theirs] = scales[ours] } }
      return [tensor("ia3_l", isInput ? [1, scales.count] : [scales.count, 1], turned)]
        .compactMap { $0 }
    case .sparse:
      guard let sparse = trained as? SparseAdapter else { return [] }
      let places = sparse.places(on: host, values)
      let rows = places.map { Int32($0 / host.columns) }
      let turned = places.map { Int32(columns[$0 % host.columns]) }
      return [
        tensor("shira_weight", [places.count], values["shira_weight"]),
        Safetensors.Tensor(
          name: "\(Self.prefix)\(host.name).shira_indices", shape: [2, places.count],
          values: .int32(rows + turned)),
      ].compactMap { $0 }
    case .veRA:
      return [
        tensor("vera_lambda_b", [host.rows], values["vera_lambda_b"]),
        tensor("vera_lambda_d", [adapter.r], values["vera_lambda_d"]),
      ].compactMap { $0 }
    default: return []
    }
  }

  private func scalesInputs(_ host: HostSpec) -> Bool {
    guard case .ia3(let inputs) = adapter.kind,
      let target = hosts.first(where: { $0.host == host })?.target
    else { return false }
    return inputs.contains(adapter.targetModules[target])
  }

  /// `adapter_config.json`.
  var configuration: JSONValue {
    func names(_ list: [String]) -> JSONValue { .array(list.map { .string($0) }) }
    var members: [String: JSONValue] = [
      "target_modules": names(adapter.targetModules), "inference_mode": true, "task_type": .null,
      "modules_to_save": adapter.modulesToSave.isEmpty ? .null : names(adapter.modulesToSave),
    ]
    guard let type = peftType else {
      members["dpflsim_kind"] = .string(adapter.kind.name)
      if adapter.r > 0 { members["r"] = .integer(adapter.r) }
      if adapter.loraAlpha > 0 { members["lora_alpha"] = .number(adapter.loraAlpha) }
      return .object(members)
    }
    members["peft_type"] = .string(type)
    if case .prompt(let rows) = adapter.kind {
      members["num_virtual_tokens"] = .integer(rows)
      members["prompt_tuning_init"] = "RANDOM"
      members["num_transformer_submodules"] = 1
      members["task_type"] = scenario.model.isDecoder ? "CAUSAL_LM" : "FEATURE_EXTRACTION"
      members["target_modules"] = nil
      members["modules_to_save"] = nil
      for (name, size) in promptSizes { members[name] = .integer(size) }
    }
    switch adapter.kind {
    case .ia3(let inputs): members["feedforward_modules"] = names(inputs)
    case .sparse:
      members["r"] = .integer(adapter.r)
      // A name that PEFT knows; the places are in the file.
      members["mask_type"] = "random"
      members["random_seed"] = .null
    case .veRA:
      members["r"] = .integer(adapter.r)
      members["d_initial"] = .number(0.1)
      members["save_projection"] = true
    default: break
    }
    return .object(members)
  }
}
