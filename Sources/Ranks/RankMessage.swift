// What ranks send one another, as bytes: integers and numbers by their little-endian bits, lists after their
// lengths. A reader checks every length against what has come before it takes memory.

/// What can be sent to another rank.
package protocol RankValue: Sendable {
  func write(to message: inout MessageWriter)
  /// - Throws: `RanksError.malformed`.
  init(from message: inout MessageReader) throws(RanksError)
}

/// Writes a message.
package struct MessageWriter: Sendable {
  package private(set) var bytes: [UInt8] = []

  package init() {}

  package mutating func add(_ value: UInt64) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  package mutating func add(_ value: Int) { add(UInt64(bitPattern: Int64(value))) }

  package mutating func add(_ value: Bool) { bytes.append(value ? 1 : 0) }

  package mutating func add(_ value: Double) { add(value.bitPattern) }

  package mutating func add(_ value: Double?) {
    add(value != nil)
    if let value { add(value) }
  }

  package mutating func add(_ text: String) { add(Array(text.utf8)) }

  package mutating func add(_ list: [UInt8]) {
    add(list.count)
    bytes += list
  }

  package mutating func add(_ list: [Float]) {
    add(list.count)
    list.withUnsafeBytes { bytes.append(contentsOf: $0) }
  }

  package mutating func add(_ list: [Double]) {
    add(list.count)
    list.withUnsafeBytes { bytes.append(contentsOf: $0) }
  }

  package mutating func add(_ list: [Int]) {
    add(list.count)
    for value in list { add(value) }
  }
}

/// Reads a message from its beginning.
package struct MessageReader: Sendable {
  private let bytes: [UInt8]
  private var place = 0

  package init(_ bytes: [UInt8]) { self.bytes = bytes }

  package var isAtEnd: Bool { place == bytes.count }

  private mutating func take(_ count: Int) throws(RanksError) -> Range<Int> {
    guard count >= 0, count <= bytes.count - place else { throw .malformed }
    defer { place += count }
    return place..<place + count
  }

  package mutating func uint64() throws(RanksError) -> UInt64 {
    let range = try take(8)
    return bytes.withUnsafeBytes {
      UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: range.lowerBound, as: UInt64.self))
    }
  }

  package mutating func int() throws(RanksError) -> Int {
    Int(Int64(bitPattern: try uint64()))
  }

  package mutating func bool() throws(RanksError) -> Bool {
    switch bytes[try take(1).lowerBound] {
    case 0: false
    case 1: true
    default: throw .malformed
    }
  }

  package mutating func double() throws(RanksError) -> Double { Double(bitPattern: try uint64()) }

  package mutating func optionalDouble() throws(RanksError) -> Double? {
    try bool() ? try double() : nil
  }

  package mutating func text() throws(RanksError) -> String {
    String(decoding: try byteList(), as: UTF8.self)
  }

  package mutating func byteList() throws(RanksError) -> [UInt8] {
    Array(bytes[try take(int())])
  }

  /// A length of a list, each part of which has at least `width` bytes.
  package mutating func count(of width: Int) throws(RanksError) -> Int {
    let count = try int()
    guard count >= 0, count <= (bytes.count - place) / width else { throw .malformed }
    return count
  }

  private mutating func list<Number>(of type: Number.Type) throws(RanksError) -> [Number] {
    let width = MemoryLayout<Number>.size
    let count = try count(of: width)
    let range = try take(count * width)
    return bytes.withUnsafeBytes { source in
      [Number](unsafeUninitializedCapacity: count) { room, used in
        UnsafeMutableRawBufferPointer(room).copyMemory(
          from: UnsafeRawBufferPointer(rebasing: source[range]))
        used = count
      }
    }
  }

  package mutating func floats() throws(RanksError) -> [Float] { try list(of: Float.self) }

  package mutating func doubles() throws(RanksError) -> [Double] { try list(of: Double.self) }

  package mutating func ints() throws(RanksError) -> [Int] { try list(of: Int.self) }
}
