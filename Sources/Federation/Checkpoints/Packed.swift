// Lists of numbers that a checkpoint keeps bit by bit: text would be slow, and rounding would end
// reproducibility.

import Foundation
import Kernels

/// A number that is kept by its bits.
public protocol PackedNumber: Hashable, Sendable {
  static func bytes(of numbers: [Self]) -> [UInt8]
  /// Nil if the bytes are no whole numbers.
  static func numbers(in bytes: [UInt8]) -> [Self]?
}

extension Float: PackedNumber {
  public static func bytes(of numbers: [Float]) -> [UInt8] { LittleEndian.bytes(of: numbers) }
  public static func numbers(in bytes: [UInt8]) -> [Float]? { LittleEndian.floats(in: bytes) }
}

extension Double: PackedNumber {
  public static func bytes(of numbers: [Double]) -> [UInt8] { LittleEndian.bytes(of: numbers) }
  public static func numbers(in bytes: [UInt8]) -> [Double]? { LittleEndian.doubles(in: bytes) }
}

/// Rows of numbers, each encoded as its little-endian bytes.
@propertyWrapper
public struct Packed<Number: PackedNumber>: Hashable, Sendable {
  public var wrappedValue: [[Number]]

  public init(wrappedValue: [[Number]]) { self.wrappedValue = wrappedValue }
}

extension Packed: Codable {
  public func encode(to encoder: any Encoder) throws {
    var box = encoder.unkeyedContainer()
    for row in wrappedValue {
      try box.encode(Data(Number.bytes(of: row)))
    }
  }

  /// - Throws: `DecodingError` if a row does not hold whole numbers.
  public init(from decoder: any Decoder) throws {
    var box = try decoder.unkeyedContainer()
    wrappedValue = []
    while !box.isAtEnd {
      let data = try box.decode(Data.self)
      guard let numbers = Number.numbers(in: [UInt8](data)) else {
        throw DecodingError.dataCorruptedError(
          in: box, debugDescription: "\(data.count) bytes are no whole numbers")
      }
      wrappedValue.append(numbers)
    }
  }
}

// MARK: - Indices

/// Indices from 0, each encoded in as few bytes as the largest needs; the first byte says how many.
package struct PackedIndices: Hashable, Sendable {
  package let indices: [Int]

  package init(_ indices: [Int]) { self.indices = indices }
}

extension PackedIndices: Codable {
  package func encode(to encoder: any Encoder) throws {
    let largest = indices.max() ?? 0
    let (width, bytes): (UInt8, [UInt8]) =
      switch largest {
      case ..<(1 << 8): (1, indices.map { UInt8(truncatingIfNeeded: $0) })
      case ..<(1 << 16):
        (2, LittleEndian.bytes(of: indices.map { UInt16(truncatingIfNeeded: $0) }))
      case ..<(1 << 32):
        (4, LittleEndian.bytes(of: indices.map { UInt32(truncatingIfNeeded: $0) }))
      default: (8, LittleEndian.bytes(of: indices.map { UInt64(truncatingIfNeeded: $0) }))
      }
    var box = encoder.singleValueContainer()
    try box.encode(Data([width]) + bytes)
  }

  /// - Throws: `DecodingError` if the bytes do not hold whole numbers of at least 0.
  package init(from decoder: any Decoder) throws {
    let box = try decoder.singleValueContainer()
    let bytes = [UInt8](try box.decode(Data.self))
    let indices =
      switch bytes.first {
      case 1: bytes.dropFirst().map { Int($0) }
      case 2: LittleEndian.uint16s(in: bytes, from: 1)?.map { Int($0) }
      case 4: LittleEndian.uint32s(in: bytes, from: 1)?.map { Int($0) }
      case 8: LittleEndian.uint64s(in: bytes, from: 1)?.map { Int(truncatingIfNeeded: $0) }
      default: [Int]?.none
      }
    guard let indices else {
      throw DecodingError.dataCorruptedError(
        in: box, debugDescription: "\(bytes.count) bytes are no indices")
    }
    guard indices.allSatisfy({ $0 >= 0 }) else {
      throw DecodingError.dataCorruptedError(in: box, debugDescription: "an index below 0")
    }
    self.indices = indices
  }
}
