// The classifier of an encoder, which stands outside of the model that PEFT loads: in files of its own beside the adapter.

import Foundation
import Scenarios
import Store
import Tensors

/// A classifier beside an adapter.
struct AdapterHead: Sendable {
  let tensors: [Safetensors.Tensor]
  /// How it is applied; nil where nobody says.
  let document: JSONValue?

  private static let weights = "classifier.safetensors"
  private static let description = "classifier.json"

  /// Nil for a folder without one.
  ///
  /// - Parameter name: what messages call the folder.
  /// - Throws: `MergeError`, `SafetensorsError`, `DocumentError`.
  init?(in folder: URL, name: String) throws {
    func data(_ file: String) throws(MergeError) -> Data? {
      let url = folder.appendingPathComponent(file)
      guard FileManager.default.fileExists(atPath: url.path) else { return nil }
      do {
        return try Data(contentsOf: url)
      } catch {
        throw MergeError("\(name): its \(file) cannot be read; export the run again")
      }
    }
    guard let weights = try data(Self.weights) else { return nil }
    tensors = try Safetensors(data: weights).tensors
    document = try data(Self.description).map { try JSONValue(parsing: $0) }
    for tensor in tensors {
      guard case .float32(let values) = tensor.values, values.allSatisfy(\.isFinite) else {
        throw MergeError(
          "\(name): \(tensor.name) of its \(Self.weights) has no finite numbers; export the run again"
        )
      }
    }
  }

  /// The mean of the parts' classifiers, as of all that is trained whole; nil where no part has one.
  ///
  /// - Throws: `MergeError` for classifiers that do not go together.
  init?(meanOf parts: [AdapterFolder]) throws(MergeError) {
    guard let first = parts.first else { return nil }
    for part in parts.dropFirst() {
      guard (part.head == nil) == (first.head == nil) else {
        let (owner, other) = part.head == nil ? (first, part) : (part, first)
        throw MergeError(
          "\(other.name): has no \(Self.weights), and \(owner.name) has one; merge adapters of one kind of model"
        )
      }
      for key in ["pooling", "skipped_rows", "classes"] {
        let own = part.head?.document?[key] ?? .null
        let firsts = first.head?.document?[key] ?? .null
        guard own == firsts || own == .null || firsts == .null else {
          throw MergeError(
            "\(part.name): its classifier has \(key) \(own.text) and that of \(first.name) \(firsts.text); "
              + "merge classifiers of one kind")
        }
      }
    }
    guard let head = first.head else { return nil }
    tensors = try parts.mean { $0.head?.tensors ?? [] }
    document = head.document
  }

  /// Names and contents of its files.
  ///
  /// - Throws: `SafetensorsError`.
  func files() throws -> [(name: String, data: Data)] {
    let weights = try Safetensors(tensors: tensors, metadata: ["format": "pt"]).data()
    return [(Self.weights, weights)]
      + (document.map { [(Self.description, Data(($0.prettyText + "\n").utf8))] } ?? [])
  }

  /// Takes what is left of another adapter's classifier out of a folder that was written over.
  ///
  /// - Parameter written: what belongs there.
  /// - Throws: `StoreError.cannotWrite`.
  static func removeOthers(than written: [URL], from folder: URL) throws(StoreError) {
    for name in [weights, description]
    where !written.contains(where: { $0.lastPathComponent == name }) {
      let file = folder.appendingPathComponent(name)
      guard FileManager.default.fileExists(atPath: file.path) else { continue }
      do {
        try FileManager.default.removeItem(at: file)
      } catch {
        throw .cannotWrite(path: file.path, reason: StoreError.reason(of: error))
      }
    }
  }
}

extension [AdapterFolder] {
  /// The mean of tensors that all parts have.
  ///
  /// - Throws: `MergeError` for a part without one of the first part's.
  func mean(
    of tensors: (AdapterFolder) -> [Safetensors.Tensor]
  ) throws(MergeError) -> [Safetensors.Tensor] {
    guard let first else { return [] }
    var result: [Safetensors.Tensor] = []
    for tensor in tensors(first) {
      var sum = [Double](repeating: 0, count: tensor.values.count)
      for part in self {
        guard let other = tensors(part).first(where: { $0.name == tensor.name }),
          other.shape == tensor.shape, case .float32(let values) = other.values
        else {
          throw MergeError(
            "\(part.name): has no \(tensor.name) of the same shape as \(first.name); heads of different "
              + "labels are not merged")
        }
        for i in sum.indices { sum[i] += Double(values[i]) }
      }
      result.append(
        Safetensors.Tensor(
          name: tensor.name, shape: tensor.shape,
          values: .float32(sum.map { Float($0 / Double(count)) })))
    }
    return result
  }
}
