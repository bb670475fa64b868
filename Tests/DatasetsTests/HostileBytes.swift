// Files made by hand, and ways to damage them.

import Foundation
import Kernels

/// Big-endian bytes of a 32-bit number.
func bigEndian(_ value: UInt32) -> [UInt8] {
  [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
}

/// An IDX file of unsigned bytes.
func idx(_ sizes: [UInt32], _ body: [UInt8]) -> [UInt8] {
  [0, 0, 8, UInt8(sizes.count)] + sizes.flatMap(bigEndian) + body
}

/// A gzip member (RFC 1952) with the content in one stored block, at most 65,535 bytes.
func gzip(_ content: [UInt8]) -> [UInt8] {
  func littleEndian(_ value: UInt32, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * UInt32($0))) }
  }
  var crc: UInt32 = .max
  for byte in content {
    crc ^= UInt32(byte)
    for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
  }
  let length = UInt32(content.count)
  return [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255, 1] + littleEndian(length, 2)
    + littleEndian(~length, 2) + content + littleEndian(~crc, 4) + littleEndian(length, 4)
}

/// One to four random wounds: flipped bits, cuts, inserted, repeated or extreme bytes.
func corrupted(_ bytes: [UInt8], _ number: Int) -> [UInt8] {
  var stream = RandomStream(seed: 11, purpose: .test, client: number)
  var bytes = bytes
  for _ in 0...Int.random(in: 0..<4, using: &stream) {
    let place = Int.random(in: 0...bytes.count, using: &stream)
    let length = min(Int.random(in: 1...9, using: &stream), bytes.count - place)
    switch Int.random(in: 0..<6, using: &stream) {
    case 0 where place < bytes.count: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &stream)
    case 1: bytes.removeLast(bytes.count - place)
    case 2:
      bytes.insert(UInt8.random(in: 0...255, using: &stream), at: place)
    case 3: bytes.insert(contentsOf: bytes[place..<place + length], at: place)
    case 4: bytes.removeSubrange(place..<place + length)
    default:
      let extremes: [UInt8] = [0, 0x7F, 0x80, 0xFF, 0x22, 0x2C, 0x0A]
      let extreme = extremes[Int.random(in: 0..<extremes.count, using: &stream)]
      for index in place..<place + length { bytes[index] = extreme }
    }
  }
  return bytes
}

/// Calls the body with an empty folder that is removed afterwards.
func withTemporaryFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
  let folder = FileManager.default.temporaryDirectory
    .appendingPathComponent("dpflsim-\(UUID().uuidString)", isDirectory: true)
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try body(folder)
}
