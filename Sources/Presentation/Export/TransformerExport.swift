// The adapters of a language model's run as folders that PEFT loads onto the pretrained model, with the classifier,
// which stands outside of that model, in a file of its own.

import Datasets
import Federation
import Formatting
public import Foundation
import Scenarios
public import Store
import Tensors

/// Adapters on a model from the folder of `model.path`.
public struct TransformerExport: Sendable {
  private struct Model: Sendable {
    let index: Int
    let adapter: TransformerAdapter
    /// Weight and bias; nil for decoders.
    let head: Safetensors?
    /// The pretrained weights with what a rule of aggregation folded into them; nil where they are as they were.
    let base: ParameterStore?
    let metadata: [String: String]
  }

  private let folder: URL
  private let configuration: TransformerConfiguration
  private let models: [Model]
  private let headDocument: JSONValue
  /// The card of a model of that index on that base, with this configuration.
  private let card: @Sendable (Int, String, JSONValue) -> String

  /// Reads the adapters of a run.
  ///
  /// - Throws: `PEFTError`, `StoreError`, `SafetensorsError`; `ModelFolderError` if the pretrained model is gone.
  public init(of run: RunRecord, in store: RunStore) throws {
    guard let result = try store.result(of: run) else { throw PEFTError.notFinished(id: run.runID) }
    let scenario = try store.scenario(of: run)
    guard let adapter = scenario.adapter, let path = scenario.modelPath else {
      throw PEFTError.noAdapter(id: run.runID)
    }
    guard !adapter.aggregation.traits.keepsBLocal else {
      throw PEFTError.personalFactors(id: run.runID)
    }
    folder = URL(fileURLWithPath: path, isDirectory: true)
    configuration = try TransformerConfiguration(folder: folder)
    card = {
      ModelCard(
        run: run, result: result, scenario: scenario, model: $0, base: $1,
        isPEFT: $2["peft_type"] != nil
      ).text
    }
    headDocument = Self.headDocument(
      scenario, classes: try store.start(of: run)?.partition.classNames)
    var files: [String: Safetensors] = [:]
    for artifact in try store.artifacts(of: run.runID) where artifact.kind == "model" {
      files[artifact.name] = try store.tensors(of: artifact)
    }
    let shared = StoredTensors(files["base"], id: run.runID)
    let metadata = PEFTExport.metadata(run, result, adapter)
    var models: [Model] = []
    for index in Set(result.clients.map(\.model)).sorted() {
      guard let file = files["model-\(index)"] else {
        throw PEFTError.missingTensor(id: run.runID, name: "model-\(index)")
      }
      let users = result.clients.filter { $0.model == index }.map { String($0.client) }
      let reader = AdapterReader(
        own: StoredTensors(file, id: run.runID), shared: shared, adapter: adapter)
      models.append(
        Model(
          index: index, adapter: try reader.adapter(on: configuration),
          head: scenario.model.isDecoder ? nil : try reader.head(),
          base: try reader.base(in: folder),
          metadata: metadata.merging(
            ["model": "\(index)", "clients": users.joined(separator: ",")]) { $1 }))
    }
    self.models = models
  }

  /// Writes a folder for each model; the pretrained one stays where it is.
  ///
  /// - Returns: the files.
  /// - Throws: `StoreError.cannotWrite`, `SafetensorsError`.
  public func write(to target: URL) throws -> [URL] {
    var files: [URL] = []
    func put(_ data: Data, _ parts: String...) throws(StoreError) {
      let file = parts.reduce(target) { $0.appendingPathComponent($1) }
      let parent = file.deletingLastPathComponent()
      do {
        try FileManager.default.createDirectory(at: parent, withIntermediateDirectories: true)
      } catch {
        throw .cannotWrite(path: parent.path, reason: StoreError.reason(of: error))
      }
      try AtomicFile.write(data, to: file)
      files.append(file)
    }
    for model in models {
      let name = "model-\(model.index)"
      var path = folder.standardizedFileURL.path
      if let base = model.base {
        path = "base"
        try put(Data((configuration.document.prettyText + "\n").utf8), name, path, "config.json")
        try put(
          Safetensors(base, of: configuration).data(), name, path, "model.safetensors")
      }
      let document = model.adapter.document(baseModel: path)
      try put(Data((document.prettyText + "\n").utf8), name, "adapter_config.json")
      try put(
        model.adapter.tensors(metadata: model.metadata).data(), name, "adapter_model.safetensors")
      try put(Data(card(model.index, path, document).utf8), name, "README.md")
      guard let head = model.head else { continue }
      try put(head.data(), name, "classifier.safetensors")
      try put(Data((headDocument.prettyText + "\n").utf8), name, "classifier.json")
    }
    return files
  }

  /// How the classifier is applied.
  private static func headDocument(_ scenario: Scenario, classes: [String]?) -> JSONValue {
    let pooling = (scenario.model.settings as? Scenario.BERTEncoder)?.pooling ?? .mean
    let vector =
      switch pooling {
      case .mean: "the mean of last_hidden_state over the text's tokens, [CLS] and [SEP] included"
      case .cls: "last_hidden_state of the first token"
      case .pooler: "pooler_output"
      }
    return [
      "pooling": .string(pooling.rawValue),
      "logits": .string("classifier.weight times \(vector), plus classifier.bias"),
      "classes": classes.map { .array($0.map { .string($0) }) } ?? .null,
      "max_tokens": JSONValue(scenario.model.maximumTokens),
    ]
  }
}

/// The tensors of a stored file by name.
private struct StoredTensors {
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

/// Takes one model apart.
private struct AdapterReader {
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
