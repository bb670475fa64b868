// The kinds of adapters beside LoRA that PEFT has too, in its names and layouts (read from peft 0.21).

import Federation
public import Learning
public import Scenarios
import Tensors

extension Scenario.Adapter.IA3: PEFTKind {
  public func peftForm(on base: PEFTBase, as adapter: any Adapter) -> PEFTForm? {
    let inputs = Set(feedforwardModules)
    let modules = traits.targetModules
    let scaled = Set(modules.indices.filter { inputs.contains(modules[$0]) })
    // PEFT scales a convolution's input channels, not its places.
    guard !base.hosts.contains(where: { $0.host.isKernel && scaled.contains($0.target) })
    else { return nil }
    var form = PEFTForm("IA3", fields: ["fan_in_fan_out": base.fansInFirst])
    form.modules["feedforward_modules"] = base.hosts.filter { scaled.contains($0.target) }
      .map(\.host.name)
    form.tensors = { values, adapted in
      guard let scales = values["ia3_l"] else { return [] }
      let host = adapted.host
      if host.isKernel {
        return PEFTForm.tensor("ia3_l", on: host, shape: [1, host.rows, 1, 1], scales)
      }
      let isInput = scaled.contains(adapted.target)
      let turned =
        isInput
        ? TorchLayout.turned(scales, columns: TorchLayout.columns(of: host)) : scales
      return PEFTForm.tensor(
        "ia3_l", on: host, shape: isInput ? [1, scales.count] : [scales.count, 1], turned)
    }
    return form
  }
}

extension Scenario.Adapter.SparseUpdate: PEFTKind {
  public func peftForm(on base: PEFTBase, as adapter: any Adapter) -> PEFTForm? {
    // PEFT has masks on `torch.nn.Linear` alone, which GPT-2's layers are not.
    guard !base.hasKernels, base.fansInFirst == false, let sparse = adapter as? SparseAdapter
    else { return nil }
    // A name that PEFT knows; the places are in the file.
    var form = PEFTForm(
      "SHIRA",
      fields: ["r": .integer(traits.rank), "mask_type": "random", "random_seed": .null])
    form.tensors = { values, adapted in
      let host = adapted.host
      let indices = sparse.indices(
        on: host, values, name: "\(PEFTForm.prefix)\(host.name).shira_indices")
      return PEFTForm.tensor(
        "shira_weight", on: host, shape: [indices.shape[1]], values["shira_weight"]) + [indices]
    }
    return form
  }
}

extension SparseAdapter {
  /// The mask as rows, then columns, of the weight as PyTorch has it.
  func indices(on host: HostSpec, _ values: [String: [Float]], name: String) -> Safetensors.Tensor {
    let columns = TorchLayout.columns(of: host)
    let places = places(on: host, values)
    return Safetensors.Tensor(
      name: name, shape: [2, places.count],
      values: .int32(
        places.map { Int32($0 / host.columns) } + places.map { Int32(columns[$0 % host.columns]) }))
  }
}

extension Scenario.Adapter.VeRA: PEFTKind {
  public func peftForm(on base: PEFTBase, as adapter: any Adapter) -> PEFTForm? {
    // All layers share A, whose columns have to lie as PyTorch has them.
    let orders = Set(base.hosts.map(\.host.order))
    guard !base.hasKernels, orders.count == 1,
      let widest = base.hosts.map(\.host).max(by: { $0.columns < $1.columns }),
      widest.order == .plain || Set(base.hosts.map(\.host.columns)).count == 1
    else { return nil }
    let rank = traits.rank
    let columns = TorchLayout.columns(of: widest)
    var form = PEFTForm(
      "VERA",
      fields: [
        "r": .integer(rank), "d_initial": .number(0.1), "save_projection": true,
        "fan_in_fan_out": base.fansInFirst,
      ])
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
        let isA = name == "vera_A" && values.count == rank * columns.count
        return Safetensors.Tensor(
          name: "base_model.\(name)", shape: [height, values.count / max(height, 1)],
          values: .float32(isA ? TorchLayout.turned(values, columns: columns) : values))
      }
    }
    return form
  }
}

extension Scenario.Adapter.LoRTA: PEFTKind {
  /// Low-rank factors of each layer: all share A, and B is made for the layer from the tensor's other factors.
  public func peftForm(on base: PEFTBase, as adapter: any Adapter) -> PEFTForm? {
    guard !base.hasKernels, !base.hosts.isEmpty, let tensor = adapter as? LoRTAAdapter
    else { return nil }
    var form = PEFTForm(
      "LORA",
      fields: [
        "r": .integer(tensor.rank), "lora_alpha": .number(tensor.loraAlpha), "lora_dropout": 0,
        "bias": "none", "use_rslora": false, "fan_in_fan_out": base.fansInFirst,
      ])
    form.tensors = { values, adapted in
      let host = adapted.host
      guard let factors = tensor.factors(values, on: host, target: adapted.target) else {
        return []
      }
      let a = TorchLayout.turned(factors.a, columns: TorchLayout.columns(of: host))
      return PEFTForm.tensor("lora_A.weight", on: host, shape: [tensor.rank, host.columns], a)
        + PEFTForm.tensor("lora_B.weight", on: host, shape: [host.rows, tensor.rank], factors.b)
    }
    return form
  }
}

extension Scenario.Adapter.LayerNorm: PEFTKind {
  public func peftForm(on base: PEFTBase, as adapter: any Adapter) -> PEFTForm? {
    var form = PEFTForm("LN_TUNING")
    form.modules["target_modules"] = base.norms
    let norms = Set(base.norms)
    form.renamed = { tensor in
      guard let cut = tensor.name.lastIndex(of: "."), norms.contains(String(tensor.name[..<cut]))
      else { return nil }
      return Safetensors.Tensor(
        name: "\(PEFTForm.prefix)\(tensor.name[..<cut]).ln_tuning_layers\(tensor.name[cut...])",
        shape: tensor.shape, values: tensor.values)
    }
    return form
  }
}

extension Scenario.Adapter.Prompt: PEFTKind {
  public func peftForm(on base: PEFTBase, as adapter: any Adapter) -> PEFTForm? {
    let (width, blocks, heads, task): (Int, Int, Int, JSONValue)
    switch base.pretrained {
    case .bert(let sizes)?:
      (width, blocks, heads, task) = (
        sizes.width, sizes.blocks, sizes.heads, "FEATURE_EXTRACTION"
      )
    case .gpt2(let sizes)?:
      (width, blocks, heads, task) = (sizes.width, sizes.blocks, sizes.heads, "CAUSAL_LM")
    case nil: return nil
    }
    var form = PEFTForm(
      "PROMPT_TUNING",
      fields: [
        "num_virtual_tokens": .integer(rows), "prompt_tuning_init": "RANDOM",
        "num_transformer_submodules": 1, "task_type": task, "token_dim": .integer(width),
        "num_layers": .integer(blocks), "num_attention_heads": .integer(heads),
      ])
    form.without = ["target_modules", "modules_to_save"]
    form.renamed = { tensor in
      tensor.name.hasSuffix(".prompt_embeddings")
        ? Safetensors.Tensor(
          name: "prompt_embeddings", shape: tensor.shape, values: tensor.values) : nil
    }
    return form
  }
}

extension Scenario.Adapter.PlanningTokens: PEFTKind {
  public func peftForm(on base: PEFTBase, as adapter: any Adapter) -> PEFTForm? {
    guard case .gpt2(let sizes)? = base.pretrained else { return nil }
    let first = sizes.vocabularySize
    var form = PEFTForm(
      "TRAINABLE_TOKENS",
      fields: ["token_indices": .array((first..<first + count).map { .integer($0) })])
    form.modules["target_modules"] = ["wte"]
    form.without = ["modules_to_save"]
    form.addedWords = count
    // Despite its name PEFT's tensor holds the rows themselves.
    form.renamed = { tensor in
      tensor.name.hasSuffix(".trainable_tokens_delta")
        ? Safetensors.Tensor(
          name: "\(PEFTForm.prefix)wte.trainable_tokens_delta", shape: tensor.shape,
          values: tensor.values) : nil
    }
    return form
  }
}
