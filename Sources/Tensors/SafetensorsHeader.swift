// The header of a safetensors file from an untrusted place: every size and offset is checked before it is used.

import Foundation
import JSON

/// What a header says: where each tensor lies, and the strings that describe the file.
struct SafetensorsHeader {
  /// In increasing order of their names.
  let entries: [SafetensorsFile.Entry]
  let metadata: [String: String]

  /// - Parameters:
  ///   - text: the header without the eight bytes of its length.
  ///   - bodySize: bytes of values after it.
  init(_ text: Data, bodySize: Int) throws(SafetensorsError) {
    guard text.first == UInt8(ascii: "{") else {
      throw .invalidHeader(reason: "it does not begin with a brace")
    }
    let document: JSONValue
    do throws(DocumentError) {
      document = try JSONValue(parsing: text)
    } catch {
      throw .invalidHeader(reason: error.problems.first?.description ?? "it is no JSON")
    }
    guard case .object(var members) = document else {
      throw .invalidHeader(reason: "it is no object")
    }
    metadata = try Self.strings(members.removeValue(forKey: Safetensors.metadataKey))
    entries = try members.sorted { $0.key < $1.key }
      .map { name, value throws(SafetensorsError) in
        try SafetensorsFile.Entry(name: name, value, bodySize: bodySize)
      }
    try Self.checkLayout(entries, bodySize: bodySize)
  }

  private static func strings(_ value: JSONValue?) throws(SafetensorsError) -> [String: String] {
    guard let value else { return [:] }
    guard case .object(let pairs) = value else {
      throw .invalidHeader(reason: "\(Safetensors.metadataKey) is no object")
    }
    var strings: [String: String] = [:]
    for (key, value) in pairs {
      guard case .string(let string) = value else {
        throw .invalidHeader(
          reason: "\(Safetensors.metadataKey) holds something that is no string")
      }
      strings[key] = string
    }
    return strings
  }

  /// The tensors must cover the values from the first byte to the last, without gap or overlap.
  private static func checkLayout(
    _ entries: [SafetensorsFile.Entry], bodySize: Int
  ) throws(SafetensorsError) {
    var position = 0
    for entry in entries.sorted(by: { ($0.begin, $0.end) < ($1.begin, $1.end) }) {
      guard entry.begin == position else {
        throw .invalidLayout(
          reason: "tensor \(entry.name.debugDescription) begins at \(entry.begin), not \(position)")
      }
      position = entry.end
    }
    guard position == bodySize else {
      throw .invalidLayout(reason: "\(bodySize - position) bytes belong to no tensor")
    }
  }
}

extension SafetensorsFile.Entry {
  fileprivate init(name: String, _ value: JSONValue, bodySize: Int) throws(SafetensorsError) {
    func refusal(_ reason: String) -> SafetensorsError {
      .invalidTensor(name: name, reason: reason)
    }
    guard case .object(let members) = value,
      Set(members.keys) == ["dtype", "shape", "data_offsets"]
    else { throw refusal("it needs dtype, shape and data_offsets, and nothing else") }
    guard case .string(let typeName)? = members["dtype"], let type = ElementType(rawValue: typeName)
    else {
      let known = ElementType.allCases.map(\.rawValue).joined(separator: ", ")
      throw refusal("its type is none of \(known)")
    }
    guard let shape = Self.integers(members["shape"]), shape.count <= 32,
      let count = Safetensors.elementCount(of: shape)
    else { throw refusal("its shape is no short list of sizes") }
    guard let offsets = Self.integers(members["data_offsets"]), offsets.count == 2 else {
      throw refusal("its offsets are no pair of whole numbers")
    }
    let (begin, end) = (offsets[0], offsets[1])
    guard begin >= 0, begin <= end, end <= bodySize else {
      throw refusal("its offsets \(begin) and \(end) are outside the \(bodySize) bytes of values")
    }
    let (size, overflow) = count.multipliedReportingOverflow(by: type.width)
    guard !overflow, size == end - begin else {
      throw refusal("its shape needs other than the \(end - begin) bytes between its offsets")
    }
    self.init(name: name, type: type, shape: shape, count: count, begin: begin)
  }

  /// Whole numbers as the header must write them: 5, never 5.0.
  private static func integers(_ value: JSONValue?) -> [Int]? {
    guard case .array(let entries)? = value else { return nil }
    var numbers: [Int] = []
    for entry in entries {
      guard case .integer(let number) = entry else { return nil }
      numbers.append(number)
    }
    return numbers
  }
}
