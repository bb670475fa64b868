// A pretrained transformer from a Hugging Face folder: configuration and weights, all of them or an error that
// names the tensor.

public import Foundation

/// A model as a folder holds it.
public struct PretrainedModel: Sendable {
  public let configuration: TransformerConfiguration
  public let parameters: ParameterStore

  /// Reads `config.json` and `model.safetensors`.
  ///
  /// The weights are read piece by piece into one array. Names count with and without a leading `bert.` or
  /// `transformer.`; what a model of this kind may carry without using it is ignored by name.
  ///
  /// - Parameter pooler: whether an encoder's `pooler.*` is wanted; else it is ignored.
  /// - Throws: `ModelFolderError`.
  public init(folder: URL, pooler: Bool = false) throws(ModelFolderError) {
    configuration = try TransformerConfiguration(folder: folder)
    let weights = folder.appendingPathComponent("model.safetensors")
    try Self.checkWeights(folder, weights)
    let file: SafetensorsFile
    do throws(SafetensorsError) {
      file = try SafetensorsFile(file: weights)
    } catch {
      throw ModelFolderError(error, weights.path)
    }
    parameters = try ParameterStore(
      configuration: configuration, file: file, pooler: pooler, name: weights.path)
  }

  private static func checkWeights(_ folder: URL, _ weights: URL) throws(ModelFolderError) {
    let files = FileManager.default
    guard !files.fileExists(atPath: weights.path) else { return }
    let parts = folder.appendingPathComponent("model.safetensors.index.json")
    guard !files.fileExists(atPath: parts.path) else {
      throw ModelFolderError(
        .unsupported, at: folder.path,
        "has its weights in several files, which is not read; save the model as one safetensors file"
      )
    }
    throw ModelFolderError(
      .missing, at: folder.path,
      "has no model.safetensors; give the folder of a model that was saved with save_pretrained")
  }
}

extension TransformerConfiguration {
  /// Reads the `config.json` of a folder.
  ///
  /// - Throws: `ModelFolderError`.
  public init(folder: URL) throws(ModelFolderError) {
    let file = folder.appendingPathComponent("config.json")
    try self.init(json: try ModelFolder.data(of: file, limit: 1 << 20), name: file.path)
  }
}

/// Small files of a model's folder.
enum ModelFolder {
  /// All bytes of a regular file of at most `limit` bytes.
  static func data(of file: URL, limit: Int) throws(ModelFolderError) -> Data {
    let path = file.resolvingSymlinksInPath().path
    guard let attributes = try? FileManager.default.attributesOfItem(atPath: path) else {
      throw ModelFolderError(
        .missing, at: file.path, "is not there; give the folder of a Hugging Face model")
    }
    guard attributes[.type] as? FileAttributeType == .typeRegular,
      let size = attributes[.size] as? NSNumber, size.intValue <= limit
    else {
      throw ModelFolderError(
        .unreadable, at: file.path,
        "is no regular file of at most \(limit) bytes; fetch the model again")
    }
    guard let data = try? Data(contentsOf: file) else {
      throw ModelFolderError(
        .unreadable, at: file.path, "cannot be read; check its permissions")
    }
    return data
  }
}

extension ModelFolderError {
  init(_ error: SafetensorsError, _ file: String) {
    let kind: Kind = if case .unreadable = error { .unreadable } else { .malformed }
    self.init(kind, at: file, error.description)
  }
}

// MARK: - Tensors

extension ParameterStore {
  /// Reads the parameters of a model from an open file.
  ///
  /// - Parameter name: what error messages call the file.
  /// - Throws: `ModelFolderError` that names missing, surplus and misshapen tensors, or the first one with a
  ///   value that is not finite.
  public init(
    configuration: TransformerConfiguration, file: SafetensorsFile, pooler: Bool = false,
    name: String
  ) throws(ModelFolderError) {
    let naming = TensorNaming(configuration, pooler: pooler)
    guard let layout = naming.layout else {
      throw ModelFolderError(
        .malformed, at: name, "more values than are read; use a smaller model")
    }
    let found = try naming.entries(of: file, layout, name: name)
    var values = [Float](repeating: 0, count: layout.count)
    for (tensor, entry) in zip(layout.entries, found) {
      do throws(SafetensorsError) {
        try file.readFloats(of: entry, into: &values, at: tensor.offset)
      } catch {
        throw ModelFolderError(error, name)
      }
    }
    self.init(layout: layout, values: values)
  }
}

/// Which tensors of a file are which parameters.
private struct TensorNaming {
  let layout: ParameterLayout?
  private let prefix: String
  private let ignored: (String) -> Bool

  init(_ configuration: TransformerConfiguration, pooler: Bool) {
    switch configuration {
    case .bert(let bert):
      layout = bert.layout(pooler: pooler)
      prefix = "bert."
      ignored = { name in
        name == "embeddings.position_ids" || name.hasPrefix("cls.")
          || (!pooler && name.hasPrefix("pooler."))
      }
    case .gpt2(let gpt2):
      layout = gpt2.layout()
      prefix = "transformer."
      // Masks that older versions stored, and the output, which is tied to the word vectors.
      ignored = { name in
        name == "lm_head.weight"
          || (name.hasPrefix("h.")
            && (name.hasSuffix(".attn.bias") || name.hasSuffix(".attn.masked_bias")))
      }
    }
  }

  /// The name without the prefix, and as it is written today.
  private func plain(_ name: String) -> String {
    var name = name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : name
    for (old, new) in [
      ("LayerNorm.gamma", "LayerNorm.weight"), ("LayerNorm.beta", "LayerNorm.bias"),
    ]
    where name.hasSuffix(old) {
      name = name.dropLast(old.count) + new
    }
    return name
  }

  /// The entry of each parameter, in the order of the layout.
  func entries(
    of file: SafetensorsFile, _ layout: ParameterLayout, name: String
  ) throws(ModelFolderError) -> [SafetensorsFile.Entry] {
    var found: [String: SafetensorsFile.Entry] = [:]
    var twice: [String] = []
    for entry in file.entries where found.updateValue(entry, forKey: plain(entry.name)) != nil {
      twice.append(entry.name)
    }
    let missing = layout.entries.filter { found[$0.name] == nil }.map(\.name)
    let surplus = found.filter { layout[$0.key] == nil && !ignored($0.key) }.map(\.value.name)
    var misshapen: [String] = []
    var mistyped: [String] = []
    for tensor in layout.entries {
      guard let entry = found[tensor.name] else { continue }
      if entry.shape != tensor.shape {
        misshapen.append("\(entry.name) (\(entry.shape) instead of \(tensor.shape))")
      }
      if !entry.type.isFloat { mistyped.append("\(entry.name) (\(entry.type.rawValue))") }
    }
    let problems = [
      Self.problem("lacks", missing, "give the weights of the model that config.json describes"),
      Self.problem(
        "has tensors that this model has no use for:", surplus.sorted(),
        "save the plain model with save_pretrained"),
      Self.problem(
        "has tensors of another shape than config.json says:", misshapen,
        "give both files of the same model"),
      Self.problem(
        "has tensors of other types than F32, F16 and BF16:", mistyped,
        "convert the model to one of them"),
      Self.problem("has tensors under two names:", twice, "save the model again"),
    ].compactMap { $0 }.map { "\(name): \($0)." }
    guard problems.isEmpty else { throw ModelFolderError(.malformed, problems) }
    return layout.entries.compactMap { found[$0.name] }
  }

  private static func problem(_ what: String, _ names: [String], _ fix: String) -> String? {
    guard !names.isEmpty else { return nil }
    let shown = names.prefix(5).joined(separator: ", ")
    let rest = names.count > 5 ? " and \(names.count - 5) more" : ""
    return "\(what) \(shown)\(rest); \(fix)"
  }
}
