// A folder with a LoRA adapter in PEFT's layout, as `export --peft` writes it.

import Federation
public import Foundation
import Kernels
package import Scenarios
import Tensors

/// A folder that is no adapter, or adapters that do not go together.
public struct MergeError: Error, Sendable, Hashable, CustomStringConvertible {
  public let description: String
  public let isMissing: Bool

  public init(_ description: String, isMissing: Bool = false) {
    self.description = description
    self.isMissing = isMissing
  }
}

/// A LoRA adapter: factors by layer, and what was trained whole beside them.
public struct AdapterFolder: Sendable {
  /// The factors of one layer.
  struct Layer: Sendable {
    /// rank × inputs and outputs × rank.
    let a: Matrix
    let b: Matrix
    let scale: Double
    /// Shapes behind the first side, such as [inputs] or [channels, 5, 5].
    let inputShape: [Int]
    let outputShape: [Int]

    var product: Matrix { b.multiplied(by: a).scaled(by: scale) }
  }

  /// As the user named it.
  public let name: String
  /// Where it was read from.
  private let folder: URL
  package let document: JSONValue
  let metadata: [String: String]
  /// By the layer's name within the model.
  let layers: [String: Layer]
  let whole: [Safetensors.Tensor]
  /// An encoder's classifier beside it; nil for other models.
  let head: AdapterHead?

  static let prefix = "base_model.model."

  /// - Parameter name: as messages call it; nil takes the folder's path.
  /// - Throws: `MergeError`, `SafetensorsError`, `DocumentError`.
  public init(_ folder: URL, name: String? = nil) throws {
    let source = name ?? folder.path
    self.name = source
    // A relative base begins inside of it.
    self.folder = URL(fileURLWithPath: folder.path, isDirectory: true)
    func data(_ name: String) throws(MergeError) -> Data {
      do {
        return try Data(contentsOf: folder.appendingPathComponent(name))
      } catch {
        throw MergeError(
          "\(source): has no \(name) that can be read; name a folder of `dpflsim export RUN --peft FOLDER`",
          isMissing: true)
      }
    }
    func reading<Value>(_ name: String, _ read: (Data) throws -> Value) throws -> Value {
      let data = try data(name)
      do {
        return try read(data)
      } catch {
        throw MergeError("\(source): \(name): \(error)")
      }
    }
    document = try reading("adapter_config.json") { try JSONValue(parsing: $0) }
    head = try AdapterHead(in: folder, name: source)
    let file = try reading("adapter_model.safetensors") { try Safetensors(data: $0) }
    guard document["peft_type"] == "LORA" else {
      guard head == nil || !file.tensors.isEmpty else {
        throw MergeError(
          "\(source): nothing but its classifier was trained, and adapters below it are merged; merge models of which "
            + "other layers were adapted")
      }
      let kind = document["dpflsim_kind"] ?? document["peft_type"]
      throw MergeError(
        "\(source): adapters of the kind \(kind?.text ?? "null") are not merged; merge low-rank ones (LORA)"
      )
    }
    metadata = file.metadata
    var factors: [String: [String: Safetensors.Tensor]] = [:]
    var whole: [Safetensors.Tensor] = []
    for tensor in file.tensors {
      guard tensor.name.hasPrefix(Self.prefix) else { continue }
      let name = tensor.name.dropFirst(Self.prefix.count)
      guard let side = ["lora_A", "lora_B"].first(where: { name.hasSuffix(".\($0).weight") }) else {
        whole.append(tensor)
        continue
      }
      factors[String(name.dropLast(side.count + 8)), default: [:]][side] = tensor
    }
    self.whole = whole
    var layers: [String: Layer] = [:]
    for (name, pair) in factors { layers[name] = try Self.layer(name, pair, document, source) }
    self.layers = layers
    guard !layers.isEmpty else { throw MergeError("\(source): holds no lora_A and lora_B") }
  }

  /// The base model as the configuration names it; nil where it names none.
  var baseName: String? {
    guard case .string(let name)? = document["base_model_name_or_path"] else { return nil }
    return name
  }

  /// The file of the base model, which the configuration names beside this folder; nil for one of another place.
  var baseFile: URL? {
    guard let name = baseName else { return nil }
    let file = URL(fileURLWithPath: name, relativeTo: folder)
      .appendingPathComponent("model.safetensors").standardizedFileURL
    return FileManager.default.fileExists(atPath: file.path) ? file : nil
  }

  /// Whether a language model lies inside of it: the pretrained one with what a rule of averaging folded into its
  /// weights.
  var hasOwnLanguageModel: Bool {
    document["base_model_name_or_path"] == "base"
      && FileManager.default.fileExists(
        atPath: folder.appendingPathComponent("base/config.json").path)
  }

  /// Where `export --peft` writes the base that all models of a run began from.
  var sharedBaseFile: URL {
    folder.deletingLastPathComponent().appendingPathComponent("base/model.safetensors")
  }

  var hasRelativeBase: Bool { baseName.map { !$0.hasPrefix("/") } ?? false }

  private static func layer(
    _ name: String, _ pair: [String: Safetensors.Tensor], _ document: JSONValue, _ source: String
  ) throws(MergeError) -> Layer {
    func matrix(_ side: String) throws(MergeError) -> (Matrix, [Int]) {
      guard let tensor = pair[side], case .float32(let values) = tensor.values,
        let rows = tensor.shape.first, rows > 0, values.allSatisfy(\.isFinite)
      else {
        throw MergeError("\(source): \(name) has no finite \(side); export the run again")
      }
      return (
        Matrix(rows: rows, columns: values.count / rows, elements: values.map(Double.init)),
        Array(tensor.shape.dropFirst())
      )
    }
    let (a, inputShape) = try matrix("lora_A")
    let (b, outputShape) = try matrix("lora_B")
    guard b.columns == a.rows else {
      throw MergeError(
        "\(source): \(name) has factors of ranks \(a.rows) and \(b.columns); export the run again")
    }
    guard let alpha = (document["alpha_pattern"]?[name] ?? document["lora_alpha"])?.double else {
      throw MergeError("\(source): lora_alpha is no number; export the run again")
    }
    guard alpha > 0, alpha.isFinite else {
      throw MergeError(
        "\(source): lora_alpha must be a number above 0, got \(alpha); export the run again")
    }
    let rank = Double(a.rows)
    let scale = alpha / (document["use_rslora"] == .bool(true) ? rank.squareRoot() : rank)
    return Layer(
      a: a, b: b, scale: scale, inputShape: inputShape, outputShape: Array(outputShape.dropFirst()))
  }
}

extension JSONValue {
  fileprivate var double: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }
}
