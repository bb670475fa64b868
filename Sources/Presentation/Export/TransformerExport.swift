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
    /// `adapter_config.json`.
    let document: JSONValue
    let adapter: Safetensors
    /// Weight and bias; nil for decoders.
    let head: Safetensors?
    /// Other weights than those of the folder: with what a rule of aggregation folded into them, or with more words;
    /// nil where they are as they were.
    let base: Base?
  }

  private struct Base: Sendable {
    let configuration: TransformerConfiguration
    let parameters: ParameterStore
  }

  private let folder: URL
  private let models: [Model]
  private let headDocument: JSONValue
  /// Where added words go in a text; nil without any.
  private let words: JSONValue?
  /// The card of a model of that index on that base, with this configuration.
  private let card: @Sendable (Int, String, JSONValue) -> String

  /// What `base_model_name_or_path` says of weights beside the adapter.
  private static let besides = "base"

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
    let folder = URL(fileURLWithPath: path, isDirectory: true)
    self.folder = folder
    let configuration = try TransformerConfiguration(folder: folder)
    card = {
      ModelCard(
        run: run, result: result, scenario: scenario, model: $0, base: $1,
        isPEFT: $2["peft_type"] != nil
      ).text
    }
    headDocument = Self.headDocument(
      scenario, classes: try store.start(of: run)?.partition.classNames)
    words = Self.wordsDocument(adapter, on: configuration)
    var files: [String: Safetensors] = [:]
    for artifact in try store.artifacts(of: run.runID) where artifact.kind == "model" {
      files[artifact.name] = try store.tensors(of: artifact)
    }
    let stored = files["base"]
    let metadata = PEFTExport.metadata(run, result, adapter)
    let kind =
      adapter.traits.factors == nil
      ? try KindExport(
        adapter, of: scenario, stored: stored ?? Safetensors(tensors: []),
        pretrained: configuration) : nil
    models = try Set(result.clients.map(\.model)).sorted().map { index in
      guard let file = files["model-\(index)"] else {
        throw PEFTError.missingTensor(id: run.runID, name: "model-\(index)")
      }
      let users = result.clients.filter { $0.model == index }.map { String($0.client) }
      let own = metadata.merging(["model": "\(index)", "clients": users.joined(separator: ",")]) {
        $1
      }
      if let kind {
        let named = own.merging(["dpflsim_kind": adapter.name]) { $1 }
        return try Self.model(index, of: kind, file, run: run.runID, named, folder, configuration)
      }
      let reader = AdapterReader(
        own: StoredTensors(file, id: run.runID), shared: StoredTensors(stored, id: run.runID),
        adapter: adapter)
      let factors = try reader.adapter(on: configuration)
      let base = try reader.base(in: folder).map {
        Base(configuration: configuration, parameters: $0)
      }
      return Model(
        index: index, document: factors.document(baseModel: Self.place(base, folder)),
        adapter: try factors.tensors(metadata: own),
        head: scenario.model.isDecoder ? nil : try reader.head(), base: base)
    }
  }

  /// A model with an adapter of a kind beside LoRA.
  private static func model(
    _ index: Int, of kind: KindExport, _ file: Safetensors, run: String,
    _ metadata: [String: String], _ folder: URL, _ configuration: TransformerConfiguration
  ) throws -> Model {
    let base =
      kind.addedWords > 0
      ? try PretrainedModel(folder: folder).adding(words: kind.addedWords).map {
        Base(configuration: $0.configuration, parameters: $0.parameters)
      } : nil
    var document = kind.configuration
    document["base_model_name_or_path"] = .string(place(base, folder))
    return Model(
      index: index, document: .object(document),
      adapter: try Safetensors(tensors: kind.tensors(file, run: run), metadata: metadata),
      head: try kind.head(file), base: base)
  }

  private static func place(_ base: Base?, _ folder: URL) -> String {
    base == nil ? folder.standardizedFileURL.path : besides
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
    func put(_ document: JSONValue, _ parts: String...) throws(StoreError) {
      let data = Data((document.prettyText + "\n").utf8)
      try put(data, parts.joined(separator: "/"))
    }
    for model in models {
      let name = "model-\(model.index)"
      if let base = model.base {
        try put(base.configuration.document, name, Self.besides, "config.json")
        try put(
          Safetensors(base.parameters, of: base.configuration).data(), name, Self.besides,
          "model.safetensors")
      }
      try put(model.document, name, "adapter_config.json")
      try put(model.adapter.data(), name, "adapter_model.safetensors")
      let path = Self.place(model.base, folder)
      try put(Data(card(model.index, path, model.document).utf8), name, "README.md")
      if let words { try put(words, name, "words.json") }
      guard let head = model.head else { continue }
      try put(head.data(), name, "classifier.safetensors")
      try put(headDocument, name, "classifier.json")
    }
    return files
  }

  /// How the classifier is applied.
  private static func headDocument(_ scenario: Scenario, classes: [String]?) -> JSONValue {
    let pooling = (scenario.model.settings as? Scenario.BERTEncoder)?.pooling ?? .mean
    let rows = (scenario.adapter?.settings as? Scenario.Adapter.Prompt)?.rows ?? 0
    let behind = rows == 0 ? "" : ", which begin behind the \(rows) rows of the prompt"
    let vector =
      switch pooling {
      case .mean:
        "the mean of last_hidden_state over the text's tokens, [CLS] and [SEP] included\(behind)"
      case .cls: "last_hidden_state of the first of the text's tokens\(behind)"
      case .pooler: "the pooler's output for the first of the text's tokens\(behind)"
      }
    return [
      "pooling": .string(pooling.rawValue), "skipped_rows": .integer(rows),
      "logits": .string("classifier.weight times \(vector), plus classifier.bias"),
      "classes": classes.map { .array($0.map { .string($0) }) } ?? .null,
      "max_tokens": JSONValue(scenario.model.maximumTokens),
    ]
  }

  /// Where the words of `planning-tokens` go.
  private static func wordsDocument(
    _ adapter: Scenario.Adapter, on configuration: TransformerConfiguration
  ) -> JSONValue? {
    guard let tokens = adapter.settings as? Scenario.Adapter.PlanningTokens else { return nil }
    let first = configuration.vocabularySize
    return [
      "ids": .array((first..<first + tokens.count).map { .integer($0) }),
      "after": .integer(tokens.after),
      "place": .string(
        "the ids go behind the first \(tokens.after) of a text's own, behind the last of a shorter text"
      ),
    ]
  }
}

extension PretrainedModel {
  /// The model with so many words more, whose vectors are zero; nil for an encoder.
  fileprivate func adding(words: Int) -> (
    configuration: TransformerConfiguration, parameters: ParameterStore
  )? {
    guard case .gpt2(let sizes) = configuration else { return nil }
    let larger = GPT2Configuration(
      vocabularySize: sizes.vocabularySize + words, width: sizes.width, blocks: sizes.blocks,
      heads: sizes.heads, innerWidth: sizes.innerWidth, positions: sizes.positions,
      layerNormEpsilon: sizes.layerNormEpsilon)
    // Words come first.
    guard let layout = larger.layout() else { return nil }
    var values = parameters.values
    values.insert(
      contentsOf: [Float](repeating: 0, count: words * sizes.width),
      at: sizes.vocabularySize * sizes.width)
    return (.gpt2(larger), ParameterStore(layout: layout, values: values))
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
