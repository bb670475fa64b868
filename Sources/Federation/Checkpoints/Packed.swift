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

// MARK: - Indices

/// Indices from 0, each encoded in as few bytes as the largest needs; the first byte says how many.
@propertyWrapper
public struct PackedIndices: Hashable, Sendable {
  public var wrappedValue: [Int]

  public init(wrappedValue: [Int]) { self.wrappedValue = wrappedValue }
}

extension PackedIndices: Codable {
  private static let widths = [1, 2, 4, 8]

  public func encode(to encoder: any Encoder) throws {
    let largest = wrappedValue.max() ?? 0
    let width = Self.widths.first { $0 == 8 || largest >> (8 * $0) == 0 } ?? 8
    var data = Data(capacity: 1 + width * wrappedValue.count)
    data.append(UInt8(width))
    for index in wrappedValue {
      for byte in 0..<width { data.append(UInt8(truncatingIfNeeded: index >> (8 * byte))) }
    }
    var box = encoder.singleValueContainer()
    try box.encode(data)
  }

  /// - Throws: `DecodingError` if the bytes do not hold whole numbers of at least 0.
  public init(from decoder: any Decoder) throws {
    let box = try decoder.singleValueContainer()
    let bytes = [UInt8](try box.decode(Data.self))
    guard let first = bytes.first, Self.widths.contains(Int(first)),
      (bytes.count - 1).isMultiple(of: Int(first))
    else {
      throw DecodingError.dataCorruptedError(
        in: box, debugDescription: "\(bytes.count) bytes are no indices")
    }
    let width = Int(first)
    wrappedValue = stride(from: 1, to: bytes.count, by: width).map { place in
      (0..<width).reduce(0) { $0 | Int(bytes[place + $1]) << (8 * $1) }
    }
    guard wrappedValue.allSatisfy({ $0 >= 0 }) else {
      throw DecodingError.dataCorruptedError(in: box, debugDescription: "an index below 0")
    }
  }
}
