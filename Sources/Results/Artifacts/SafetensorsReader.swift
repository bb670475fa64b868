// Reads safetensors files from untrusted places: every size and offset is checked before it is used.

public import Foundation
import Scenarios

extension Safetensors {
  /// Reads a whole file.
  ///
  /// The types F32, F64, I64 and U8 are read; any other type is refused, not skipped.
  ///
  /// - Throws: `SafetensorsError`.
  public init(data: Data) throws(SafetensorsError) {
    let bytes = [UInt8](data)
    guard bytes.count >= 8 else { throw .truncated(bytes: bytes.count) }
    let claimed = Self.integer(bytes, at: 0)
    guard claimed <= UInt64(min(Self.largestHeader, bytes.count - 8)) else {
      throw .headerTooLarge(bytes: claimed)
    }
    let bodyStart = 8 + Int(claimed)
    let header = try Self.header(Data(bytes[8..<bodyStart]))
    let entries = try header.tensors.map { name, value throws(SafetensorsError) in
      try Entry(name: name, value, bodySize: bytes.count - bodyStart)
    }
    try Entry.checkLayout(entries, bodySize: bytes.count - bodyStart)
    var tensors: [Tensor] = []
    for entry in entries {
      let range = bodyStart + entry.begin..<bodyStart + entry.end
      tensors.append(
        Tensor(
          name: entry.name, shape: entry.shape,
          values: Self.values(bytes[range], type: entry.type, count: entry.count)))
    }
    try self.init(tensors: tensors, metadata: header.metadata)
  }

  /// Splits the header into its tensors and its strings.
  private static func header(
    _ text: Data
  ) throws(SafetensorsError) -> (tensors: [(String, JSONValue)], metadata: [String: String]) {
    guard text.first == UInt8(ascii: "{") else {
      throw .invalidHeader(reason: "it does not begin with a brace")
    }
    let document: JSONValue
    do throws(ScenarioError) {
      document = try JSONValue(parsing: text)
    } catch {
      throw .invalidHeader(reason: error.problems.first?.description ?? "it is no JSON")
    }
    guard case .object(var members) = document else {
      throw .invalidHeader(reason: "it is no object")
    }
    var metadata: [String: String] = [:]
    if let strings = members.removeValue(forKey: metadataKey) {
      guard case .object(let pairs) = strings else {
        throw .invalidHeader(reason: "\(metadataKey) is no object")
      }
      for (key, value) in pairs {
        guard case .string(let string) = value else {
          throw .invalidHeader(reason: "\(metadataKey) holds something that is no string")
        }
        metadata[key] = string
      }
    }
    return (members.sorted { $0.key < $1.key }, metadata)
  }

  private static func values(_ bytes: ArraySlice<UInt8>, type: String, count: Int) -> Values {
    let start = bytes.startIndex
    let bytes = Array(bytes[start...])
    switch type {
    case "F32":
      return .float32((0..<count).map { Float(bitPattern: short(bytes, at: 4 * $0)) })
    case "F64":
      return .float64((0..<count).map { Double(bitPattern: integer(bytes, at: 8 * $0)) })
    case "I64":
      return .int64((0..<count).map { Int64(bitPattern: integer(bytes, at: 8 * $0)) })
    default:
      return .uint8(bytes)
    }
  }

  private static func short(_ bytes: [UInt8], at position: Int) -> UInt32 {
    var value: UInt32 = 0
    for index in (0..<4).reversed() { value = value << 8 | UInt32(bytes[position + index]) }
    return value
  }

  private static func integer(_ bytes: [UInt8], at position: Int) -> UInt64 {
    var value: UInt64 = 0
    for index in (0..<8).reversed() { value = value << 8 | UInt64(bytes[position + index]) }
    return value
  }
}

/// One tensor as the header describes it.
private struct Entry {
  let name: String
  let type: String
  let shape: [Int]
  let count: Int
  let begin: Int
  let end: Int

  init(name: String, _ value: JSONValue, bodySize: Int) throws(SafetensorsError) {
    func refusal(_ reason: String) -> SafetensorsError {
      .invalidTensor(name: name, reason: reason)
    }
    guard case .object(let members) = value,
      Set(members.keys) == ["dtype", "shape", "data_offsets"]
    else { throw refusal("it needs dtype, shape and data_offsets, and nothing else") }
    guard case .string(let type)? = members["dtype"],
      let width = Safetensors.Values.width(ofType: type)
    else { throw refusal("its type is none of F32, F64, I64 and U8") }
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
    let (size, overflow) = count.multipliedReportingOverflow(by: width)
    guard !overflow, size == end - begin else {
      throw refusal("its shape needs other than the \(end - begin) bytes between its offsets")
    }
    self.name = name
    self.type = type
    self.shape = shape
    self.count = count
    self.begin = begin
    self.end = end
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

  /// The tensors must cover the values from the first byte to the last, without gap or overlap.
  static func checkLayout(_ entries: [Entry], bodySize: Int) throws(SafetensorsError) {
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
