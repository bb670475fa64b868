// Writes safetensors files: the same tensors and strings always give the same bytes.

public import Foundation
import JSON

extension Safetensors {
  /// The file as bytes.
  ///
  /// Tensors lie in the order of their names; blanks fill the header up to a multiple of eight bytes,
  /// so that a reader can map the values into memory.
  ///
  /// - Throws: `headerTooLarge` beyond four million bytes of names and strings.
  public func data() throws(SafetensorsError) -> Data {
    var members: [String: JSONValue] = [:]
    var offset = 0
    for tensor in tensors {
      let end = offset + tensor.values.byteCount
      members[tensor.name] = [
        "dtype": .string(tensor.values.typeName),
        "shape": .array(tensor.shape.map { .integer($0) }),
        "data_offsets": [.integer(offset), .integer(end)],
      ]
      offset = end
    }
    if !metadata.isEmpty {
      members[Self.metadataKey] = .object(metadata.mapValues { .string($0) })
    }
    var header = [UInt8](JSONValue.object(members).text.utf8)
    while header.count % 8 != 0 { header.append(UInt8(ascii: " ")) }
    guard header.count <= Self.largestHeader else {
      throw .headerTooLarge(bytes: UInt64(header.count))
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(8 + header.count + offset)
    UInt64(header.count).appendLittleEndian(to: &bytes)
    bytes += header
    for tensor in tensors { tensor.values.append(to: &bytes) }
    return Data(bytes)
  }
}

extension Safetensors.Values {
  fileprivate var byteCount: Int {
    switch self {
    case .float32(let values): 4 * values.count
    case .float64(let values): 8 * values.count
    case .int32(let values): 4 * values.count
    case .int64(let values): 8 * values.count
    case .uint8(let values): values.count
    }
  }

  fileprivate func append(to bytes: inout [UInt8]) {
    switch self {
    case .float32(let values):
      for value in values { value.bitPattern.appendLittleEndian(to: &bytes) }
    case .float64(let values):
      for value in values { value.bitPattern.appendLittleEndian(to: &bytes) }
    case .int32(let values):
      for value in values { UInt32(bitPattern: value).appendLittleEndian(to: &bytes) }
    case .int64(let values):
      for value in values { UInt64(bitPattern: value).appendLittleEndian(to: &bytes) }
    case .uint8(let values): bytes += values
    }
  }
}

extension FixedWidthInteger {
  fileprivate func appendLittleEndian(to bytes: inout [UInt8]) {
    for shift in stride(from: 0, to: Self.bitWidth, by: 8) {
      bytes.append(UInt8(truncatingIfNeeded: self >> Self(shift)))
    }
  }
}
