// Numbers as bytes, from the lowest byte on, as files and databases keep them.

/// Functions of concrete types: a generic one would be called from other rooms without being made for its type, a hundred
/// times slower.
package enum LittleEndian {
  package static func bytes(of numbers: [UInt16]) -> [UInt8] { packed(numbers) }
  package static func bytes(of numbers: [UInt32]) -> [UInt8] { packed(numbers) }
  package static func bytes(of numbers: [UInt64]) -> [UInt8] { packed(numbers) }
  package static func bytes(of numbers: [Float]) -> [UInt8] {
    packed(numbers.map { $0.bitPattern })
  }
  package static func bytes(of numbers: [Double]) -> [UInt8] {
    packed(numbers.map { $0.bitPattern })
  }

  /// Nil if the bytes from `start` on are no whole numbers, as with all of these.
  package static func uint16s(in bytes: [UInt8], from start: Int = 0) -> [UInt16]? {
    unpacked(bytes, start)
  }
  package static func uint32s(in bytes: [UInt8], from start: Int = 0) -> [UInt32]? {
    unpacked(bytes, start)
  }
  package static func uint64s(in bytes: [UInt8], from start: Int = 0) -> [UInt64]? {
    unpacked(bytes, start)
  }
  package static func floats(in bytes: [UInt8]) -> [Float]? {
    uint32s(in: bytes)?.map { Float(bitPattern: $0) }
  }
  package static func doubles(in bytes: [UInt8]) -> [Double]? {
    uint64s(in: bytes)?.map { Double(bitPattern: $0) }
  }

  private static func packed<Number: FixedWidthInteger>(_ numbers: [Number]) -> [UInt8] {
    numbers.map { $0.littleEndian }.withUnsafeBytes { [UInt8]($0) }
  }

  private static func unpacked<Number: FixedWidthInteger>(
    _ bytes: [UInt8], _ start: Int
  ) -> [Number]? {
    let width = MemoryLayout<Number>.size
    guard start >= 0, start <= bytes.count, (bytes.count - start).isMultiple(of: width) else {
      return nil
    }
    return bytes.withUnsafeBytes { bytes in
      (0..<(bytes.count - start) / width).map { index in
        Number(
          littleEndian: bytes.loadUnaligned(fromByteOffset: start + index * width, as: Number.self))
      }
    }
  }
}
