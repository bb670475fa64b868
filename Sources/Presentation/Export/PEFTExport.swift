// The adapters of a finished run as folders that PEFT (huggingface/peft) loads: one for each model that
// clients use, and the base model beside them.
//
// Layouts are those of PyTorch: images channel-first, kernels out × in × height × width, and a dense layer
// after an image reads channel by channel. Ours are channel-last inside.

import Datasets
import Federation
public import Foundation
import Learning
import Privacy
import Scenarios
public import Store
import Tensors

/// A run that has no adapters to export.
public enum PEFTError: Error, Sendable, Hashable, CustomStringConvertible {
  case notFinished(id: String)
  case noAdapter(id: String)
  case personalFactors(id: String)
  case missingTensor(id: String, name: String)
  case wholeTensor(id: String, name: String)
  case occupied(path: String, run: String)
  case pretrainedFolder(id: String)
  case hasAdapter(id: String)
  case wholeLanguageModel(id: String)

  public var description: String {
    switch self {
    case .notFinished(let id):
      "\(id): the run did not finish, so it has no models; run the scenario again"
    case .noAdapter(let id):
      "\(id): the run trained whole models, and PEFT folders are of adapters; write them with `export --model`"
    case .hasAdapter(let id):
      "\(id): the run trained adapters beside a base model; write them with --peft"
    case .wholeLanguageModel(let id):
      "\(id): a language model that was trained whole is not written; adapt it, and write its adapters with --peft"
    case .personalFactors(let id):
      "\(id): with fedsa-lora every client keeps its own B and no cluster has an adapter; choose another "
        + "adapter.aggregation"
    case .wholeTensor(let id, let name):
      "\(id): \(name) was trained whole, and the folder of a language model holds adapters and the classifier "
        + "alone; name no other layer in adapter.modules_to_save"
    case .occupied(let path, let run):
      "\(path): holds the models of the run \(run); name another folder, or delete them with --replace"
    case .pretrainedFolder(let id):
      "\(id): its models stand on the folder of a pretrained model; write their adapters with TransformerExport"
    case .missingTensor(let id, let name):
      "\(id): its files hold no tensor \(name.debugDescription); they may come from another version of "
        + "dpflsim"
    }
  }
}

public struct PEFTExport: Sendable {
  private struct Model: Sendable {
    let index: Int
    let adapter: Safetensors
    /// Nil where the base of the run is as it was.
    let base: Safetensors?
    /// The whole model, of kinds beside LoRA that are other weights.
    var merged: Safetensors?
    /// What is left of gated layers.
    var compressed: Safetensors?
  }

  private let configuration: JSONValue
  private let base: Safetensors
  private let models: [Model]
  /// The card of a model of that index on that base, with this configuration.
  private let card: @Sendable (Int, String, JSONValue) -> String
  /// What a row must become to be an input, and what each output is called; nil where classes are numbers.
  private let inputs: JSONValue?

  /// Reads the adapters of a run; those on the folder of a pretrained model are `TransformerExport`'s.
  ///
  /// - Throws: `PEFTError`, `StoreError`, `SafetensorsError`.
  public init(of run: RunRecord, in store: RunStore) throws {
    guard let result = try store.result(of: run) else { throw PEFTError.notFinished(id: run.runID) }
    let scenario = try store.scenario(of: run)
    guard let adapter = scenario.adapter else { throw PEFTError.noAdapter(id: run.runID) }
    guard scenario.modelPath == nil else { throw PEFTError.pretrainedFolder(id: run.runID) }
    guard !adapter.aggregation.traits.keepsBLocal else {
      throw PEFTError.personalFactors(id: run.runID)
    }
    card = {
      ModelCard(
        run: run, result: result, scenario: scenario, model: $0, base: $1,
        isPEFT: $2["peft_type"] != nil
      ).text
    }
    let files = try ModelFiles(of: run, result, in: store)
    guard let stored = files.base else {
      throw PEFTError.missingTensor(id: run.runID, name: "base")
    }
    inputs = try store.start(of: run)?.partition.exportedInputs
    let layouts = try TorchLayout.layouts(of: scenario)
    func turned(_ tensor: Safetensors.Tensor, of host: String, name: String)
      -> Safetensors.Tensor
    {
      layouts[host]?.weight(tensor, name: name)
        ?? Safetensors.Tensor(name: name, shape: tensor.shape, values: tensor.values)
    }

    let metadata = Self.metadata(run, result, of: scenario)
    func baseModel(adding file: Safetensors?) throws -> Safetensors {
      var tensors: [Safetensors.Tensor] = []
      for tensor in stored.tensors
      where tensor.name.hasSuffix(".weight") || tensor.name.hasSuffix(".bias") {
        let host = String(tensor.name.dropLast(".weight".count))
        guard tensor.name.hasSuffix(".weight"), tensor.shape.count > 1 else {
          tensors.append(tensor)
          continue
        }
        let weight = file?["\(host).residual"].map(tensor.adding) ?? tensor
        tensors.append(turned(weight, of: host, name: tensor.name))
      }
      // A base that residuals were folded into is as private as the adapters.
      return try Safetensors(
        tensors: tensors, metadata: file == nil ? ["run_id": run.runID] : metadata)
    }

    base = try baseModel(adding: nil)
    guard adapter.traits.factors != nil else {
      let export = try KindExport(adapter, of: scenario, stored: stored, layouts: layouts)
      models = try files.used.map { index in
        let file = try files.model(index)
        let own = files.metadata(of: index, beside: metadata)
          .merging(["dpflsim_kind": adapter.name]) { $1 }
        return Model(
          index: index,
          adapter: try Safetensors(
            tensors: export.tensors(file, run: run.runID), metadata: own), base: nil,
          merged: try export.merged(file, metadata: own),
          compressed: try export.compressed(file, base: { _ in nil }, metadata: own))
      }
      configuration = .object(export.configuration)
      return
    }
    models = try files.used.map { index in
      let file = try files.model(index)
      var tensors: [Safetensors.Tensor] = []
      for tensor in file.tensors + stored.tensors where tensor.name.contains(".lora_") {
        let host = String(tensor.name.dropLast(".lora_A".count))
        let name = "base_model.model.\(tensor.name).weight"
        tensors.append(
          tensor.name.hasSuffix(".lora_A")
            ? turned(tensor, of: host, name: name)
            : TorchLayout.factorB(tensor, name: name, isKernel: layouts[host]?.isKernel ?? false))
      }
      // Layers that were trained whole beside the adapters.
      for tensor in file.tensors
      where !tensor.name.contains(".lora_") && !tensor.name.hasSuffix(".residual") {
        let host = String(tensor.name.dropLast(".weight".count))
        tensors.append(
          tensor.name.hasSuffix(".weight")
            ? turned(tensor, of: host, name: "base_model.model.\(tensor.name)")
            : Safetensors.Tensor(
              name: "base_model.model.\(tensor.name)", shape: tensor.shape, values: tensor.values))
      }
      guard tensors.contains(where: { $0.name.hasSuffix(".lora_A.weight") }) else {
        throw PEFTError.missingTensor(id: run.runID, name: "lora_A")
      }
      let own = files.metadata(of: index, beside: metadata)
      let changed = file.tensors.contains { $0.name.hasSuffix(".residual") }
      return Model(
        index: index, adapter: try Safetensors(tensors: tensors, metadata: own),
        base: changed ? try baseModel(adding: file) : nil)
    }
    configuration = Self.configuration(adapter)
  }

  /// Writes `base/` and a folder for each model.
  ///
  /// - Returns: the files.
  /// - Throws: `StoreError.cannotWrite`, `SafetensorsError`.
  public func write(to folder: URL) throws -> [URL] {
    var files = ExportedFiles(in: folder)
    try files.put(base.data(), "base", "model.safetensors")
    if let inputs { try files.put(inputs, "inputs.json") }
    for model in models {
      let name = "model-\(model.index)"
      var path = "../base"
      if let own = model.base {
        path = "base"
        try files.put(own.data(), name, "base", "model.safetensors")
      }
      guard case .object(var members) = configuration else { continue }
      members["base_model_name_or_path"] = .string(path)
      try files.put(.object(members), name, "adapter_config.json")
      try files.put(model.adapter.data(), name, "adapter_model.safetensors")
      try files.put(Data(card(model.index, path, configuration).utf8), name, "README.md")
      if let merged = model.merged {
        try files.put(merged.data(), name, "merged", "model.safetensors")
      }
      if let compressed = model.compressed {
        try files.put(compressed.data(), name, "compressed.safetensors")
      }
    }
    return files.written
  }

  // MARK: - What is said beside the numbers

  private static func configuration(_ adapter: Scenario.Adapter) -> JSONValue {
    let traits = adapter.traits
    var ranks: [String: JSONValue] = [:]
    for (name, rank) in zip(adapter.targetModules, traits.factors?.layerRanks ?? []) {
      ranks[name] = .integer(rank)
    }
    return [
      "peft_type": "LORA", "task_type": .null, "r": .integer(traits.rank),
      "lora_alpha": .number(traits.loraAlpha), "lora_dropout": 0, "bias": "none",
      "target_modules": .array(adapter.targetModules.map { .string($0) }),
      "use_rslora": .bool(traits.factors?.useRSLoRA ?? false), "rank_pattern": .object(ranks),
      "fan_in_fan_out": false, "inference_mode": true,
      "modules_to_save": adapter.modulesToSave.isEmpty
        ? .null : .array(adapter.modulesToSave.map { .string($0) }),
    ]
  }

  static func metadata(
    _ run: RunRecord, _ result: RunResult, of scenario: Scenario
  ) -> [String: String] {
    let multipliers = Set(result.clients.compactMap(\.noiseMultiplier)).sorted()
    return [
      "format": "pt", "run_id": run.runID, "scenario_hash": result.scenarioHash,
      "result_digest": result.resultDigest,
      "aggregation": scenario.adapter?.aggregation.name ?? "mean",
      // The largest of all clients: an adapter depends on releases of clients of other clusters too.
      "epsilon": result.epsilonMax.map { "\($0)" } ?? "none: not every client trained with privacy",
      "delta": (result.clients.map(\.delta).max()).map { "\($0)" } ?? "none",
      "accountant": Set(result.clients.compactMap(\.accountant)).sorted().joined(separator: ","),
      "allowed": (result.allowedFindings ?? []).map(\.rule).joined(separator: ","),
      "unit": result.unit.rawValue, "relation": result.relation.rawValue,
      "sampling": result.sampling,
      "noise_multiplier": multipliers.map { "\($0)" }.joined(separator: ","),
      // Runs with the same noise have no guarantee together: whoever merges must know.
      "noise_seed": scenario.isReproducible ? "\(run.seed)" : "system",
      "dpflsim_version": run.version,
    ]
  }
}

extension Safetensors.Tensor {
  fileprivate func adding(_ other: Safetensors.Tensor) -> Safetensors.Tensor {
    guard case .float32(let a) = values, case .float32(let b) = other.values, a.count == b.count
    else { return self }
    return Safetensors.Tensor(
      name: name, shape: shape, values: .float32(zip(a, b).map { $0 + $1 }))
  }
}
