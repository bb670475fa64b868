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
  private let hosts: [AdaptedHost]
  private let layouts: [String: TorchLayout]
  /// Base weights and adapter tensors that are not trained.
  private let stored: Safetensors
  /// What PEFT makes of the kind; nil where it has none, or none for the layers at hand.
  private let peft: PEFTForm?

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
    trained = try adapter.built(seed: scenario.seed).fitted(to: hosts)
    peft = try (adapter.settings as? any PEFTKind)?.peftForm(of: scenario, on: hosts, as: trained)
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

  /// A model's adapter file.
  func tensors(_ model: Safetensors) -> [Safetensors.Tensor] {
    guard let peft else {
      return model.tensors
        + stored.tensors.filter { !$0.name.hasSuffix(".weight") && !$0.name.hasSuffix(".bias") }
    }
    if let renamed = peft.renamed { return model.tensors.map(renamed) }
    var tensors = hosts.flatMap { peft.tensors(values(on: $0.host, model), $0) }
    // Layers that were trained whole beside the adapter.
    for tensor in model.tensors
    where tensor.name.hasSuffix(".weight") || tensor.name.hasSuffix(".bias") {
      let name = PEFTForm.prefix + tensor.name
      let host = String(tensor.name.dropLast(".weight".count))
      tensors.append(
        tensor.name.hasSuffix(".weight")
          ? layouts[host]?.weight(tensor, name: name)
            ?? Safetensors.Tensor(name: name, shape: tensor.shape, values: tensor.values)
          : Safetensors.Tensor(name: name, shape: tensor.shape, values: tensor.values))
    }
    if let first = hosts.first { tensors += peft.shared(values(on: first.host, model)) }
    return tensors
  }

  /// `adapter_config.json`.
  var configuration: JSONValue {
    let traits = adapter.traits
    func names(_ list: [String]) -> JSONValue { .array(list.map { .string($0) }) }
    var members: [String: JSONValue] = [
      "target_modules": names(adapter.targetModules), "inference_mode": true, "task_type": .null,
      "modules_to_save": adapter.modulesToSave.isEmpty ? .null : names(adapter.modulesToSave),
    ]
    guard let peft else {
      members["dpflsim_kind"] = .string(adapter.name)
      // All that the kind's function depends on.
      members["dpflsim_settings"] = scenario.resolved["adapter"]
      if traits.rank > 0 { members["r"] = .integer(traits.rank) }
      if traits.loraAlpha > 0 { members["lora_alpha"] = .number(traits.loraAlpha) }
      return .object(members)
    }
    members["peft_type"] = .string(peft.type)
    for name in peft.without { members[name] = nil }
    members.merge(peft.fields) { $1 }
    return .object(members)
  }
}
