// The adapters of a language model's run as folders that PEFT loads onto the pretrained model, with the classifier,
// which stands outside of that model, in a file of its own.

import Datasets
import Federation
import Formatting
public import Foundation
import Learning
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
    /// What is left of gated layers.
    var compressed: Safetensors?
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
    let files = try ModelFiles(of: run, result, in: store)
    let stored = files.base
    let shared = StoredTensors(stored, id: run.runID)
    let metadata = PEFTExport.metadata(run, result, of: scenario)
    let kind =
      adapter.traits.factors == nil
      ? try KindExport(
        adapter, of: scenario, stored: stored ?? Safetensors(tensors: []),
        pretrained: configuration) : nil
    let larger = try kind.flatMap { try Self.base(of: $0, in: folder) }
    let gated = try kind.map { $0.gated.isEmpty ? nil : try PretrainedModel(folder: folder) } ?? nil
    models = try files.used.map { index in
      let file = try files.model(index)
      let own = files.metadata(of: index, beside: metadata)
      let named = own.merging(["dpflsim_kind": adapter.name]) { $1 }
      if let kind {
        var document = kind.configuration
        document["base_model_name_or_path"] = .string(Self.place(larger, folder))
        return Model(
          index: index, document: .object(document),
          adapter: try Safetensors(tensors: kind.tensors(file, run: run.runID), metadata: named),
          head: try kind.head(file), base: larger,
          compressed: try kind.compressed(
            file, base: { gated?.outputsFirst($0) }, metadata: named))
      }
      let reader = AdapterReader(
        own: StoredTensors(file, id: run.runID), shared: shared, adapter: adapter)
      guard reader.isBelowHead else {
        // The classifier's file is all.
        return Model(
          index: index,
          document: [
            "dpflsim_kind": .string(adapter.name),
            "dpflsim_settings": scenario.resolved["adapter"] ?? .null,
            "base_model_name_or_path": .string(Self.place(nil, folder)),
          ], adapter: try Safetensors(tensors: [], metadata: named), head: try reader.head(),
          base: nil)
      }
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

  /// The folder's model with the words that a kind adds; nil for kinds that add none.
  private static func base(of kind: KindExport, in folder: URL) throws -> Base? {
    guard kind.addedWords > 0 else { return nil }
    return try PretrainedModel(folder: folder).adding(words: kind.addedWords).map {
      Base(configuration: $0.configuration, parameters: $0.parameters)
    }
  }

  private static func place(_ base: Base?, _ folder: URL) -> String {
    base == nil ? folder.standardizedFileURL.path : besides
  }

  /// Writes a folder for each model; the pretrained one stays where it is.
  ///
  /// - Returns: the files.
  /// - Throws: `StoreError.cannotWrite`, `SafetensorsError`.
  public func write(to target: URL) throws -> [URL] {
    var files = ExportedFiles(in: target)
    for model in models {
      let name = "model-\(model.index)"
      if let base = model.base {
        try files.put(base.configuration.document, name, Self.besides, "config.json")
        try files.put(
          Safetensors(base.parameters, of: base.configuration).data(), name, Self.besides,
          "model.safetensors")
      }
      try files.put(model.document, name, "adapter_config.json")
      try files.put(model.adapter.data(), name, "adapter_model.safetensors")
      let path = Self.place(model.base, folder)
      try files.put(Data(card(model.index, path, model.document).utf8), name, "README.md")
      if let words { try files.put(words, name, "words.json") }
      if let compressed = model.compressed {
        try files.put(compressed.data(), name, "compressed.safetensors")
      }
      guard let head = model.head else { continue }
      try files.put(head.data(), name, "classifier.safetensors")
      try files.put(headDocument, name, "classifier.json")
    }
    return files.written
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
  /// A layer's weight as outputs × inputs; GPT-2's files have it the other way round.
  fileprivate func outputsFirst(_ host: HostSpec) -> [Float]? {
    guard let values = parameters[host.weight].map(Array.init) else { return nil }
    guard configuration.storesInputsFirst else { return values }
    return (0..<host.rows).flatMap { row in
      (0..<host.columns).map { values[$0 * host.rows + row] }
    }
  }

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
