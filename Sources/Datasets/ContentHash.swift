// A SHA-256 over lists of numbers, in which no list can be mistaken for two shorter ones.

import Foundation
import Hashing

/// SHA-256 over length-prefixed lists, each number little-endian.
struct ContentHash {
  private var digest = SHA256()

  /// - Parameter domain: says what is hashed, so that different things never share a hash.
  init(_ domain: String) {
    add(Array(domain.utf8))
  }

  mutating func add(_ bytes: [UInt8]) {
    addLength(bytes.count)
    digest.update(data: bytes)
  }

  mutating func add(_ floats: [Float]) {
    addLength(floats.count)
    addWords(floats) { $0.bitPattern }
  }

  mutating func add(_ integers: [Int]) {
    addLength(integers.count)
    addWords(integers) { Int64($0) }
  }

  mutating func add(_ indices: [Int32]) {
    addLength(indices.count)
    addWords(indices) { $0 }
  }

  /// The hash of everything added, in hexadecimal.
  consuming func finish() -> String {
    digest.finalize().hexadecimal
  }

  private mutating func addLength(_ count: Int) {
    addWords(CollectionOfOne(count)) { UInt64($0) }
  }

  private mutating func addWords<Elements: Collection, Word: FixedWidthInteger>(
    _ elements: Elements, _ word: (Elements.Element) -> Word
  ) {
    var buffer: [UInt8] = []
    buffer.reserveCapacity(elements.count * MemoryLayout<Word>.size)
    for element in elements {
      let bits = word(element)
      for shift in stride(from: 0, to: Word.bitWidth, by: 8) {
        buffer.append(UInt8(truncatingIfNeeded: bits >> shift))
      }
    }
    digest.update(data: buffer)
  }
}
