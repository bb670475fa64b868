// Lists of numbers that a checkpoint keeps bit by bit: text would be slow, and rounding would end
// reproducibility.

import Foundation

/// A number that is kept by its bits.
public protocol PackedNumber: Hashable, Sendable {
  associatedtype Bits: FixedWidthInteger & Sendable
  var bitPattern: Bits { get }
  init(bitPattern: Bits)
}

extension Float: PackedNumber {}
extension Double: PackedNumber {}

/// Rows of numbers, each encoded as its little-endian bytes.
@propertyWrapper
public struct Packed<Number: PackedNumber>: Hashable, Sendable {
  public var wrappedValue: [[Number]]

  public init(wrappedValue: [[Number]]) { self.wrappedValue = wrappedValue }
}

extension Packed: Codable {
  private static var width: Int { MemoryLayout<Number.Bits>.size }

  public func encode(to encoder: any Encoder) throws {
    var box = encoder.unkeyedContainer()
    for row in wrappedValue {
      var data = Data(capacity: row.count * Self.width)
      for number in row {
        withUnsafeBytes(of: number.bitPattern.littleEndian) { data.append(contentsOf: $0) }
      }
      try box.encode(data)
    }
  }

  /// - Throws: `DecodingError` if a row does not hold whole numbers.
  public init(from decoder: any Decoder) throws {
    var box = try decoder.unkeyedContainer()
    wrappedValue = []
    while !box.isAtEnd {
      let data = try box.decode(Data.self)
      guard data.count.isMultiple(of: Self.width) else {
        throw DecodingError.dataCorruptedError(
          in: box, debugDescription: "\(data.count) bytes are no whole numbers")
      }
      let count = data.count / Self.width
      wrappedValue.append(
        data.withUnsafeBytes { bytes in
          (0..<count).map { index in
            Number(
              bitPattern: Number.Bits(
                littleEndian: bytes.loadUnaligned(
                  fromByteOffset: index * Self.width, as: Number.Bits.self)))
          }
        })
    }
  }
}
