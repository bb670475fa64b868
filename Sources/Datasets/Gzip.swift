// Gzip decompression by zlib, behind a safe face: the one file of this room with unsafe calls.

import CZlib

/// Decompresses a gzip file piece by piece; never gives more than the caller asks for.
///
/// A class, because zlib remembers the address of its stream. Members that follow one another are
/// read as one, as RFC 1952 (2.2) asks.
final class GzipInflater {
  enum Failure: Error {
    case truncated
    case corrupt
    case outOfMemory
  }

  private let stream: UnsafeMutablePointer<z_stream>
  private let input: [UInt8]
  private var consumed = 0
  private var memberEnded = false

  init(_ input: [UInt8]) throws(Failure) {
    self.input = input
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    // 15 is the largest window, 16 more asks for the gzip wrapper with its checksum.
    let status = inflateInit2_(stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    guard status == Z_OK else { throw .outOfMemory }
  }

  deinit {
    inflateEnd(stream)
    stream.deinitialize(count: 1)
    stream.deallocate()
  }

  /// Up to `limit` further bytes; fewer mean that the file ends there, its checksum verified.
  func next(_ limit: Int) throws(Failure) -> [UInt8] {
    var output: [UInt8] = []
    output.reserveCapacity(min(limit, GzipInflater.piece))
    var buffer = [UInt8](repeating: 0, count: min(limit, GzipInflater.piece))
    while output.count < limit {
      let produced = try inflate(into: &buffer, limit: limit - output.count)
      if produced == 0 && memberEnded && consumed == input.count { break }
      output.append(contentsOf: buffer[..<produced])
    }
    return output
  }

  /// Runs zlib once; a result of 0 without progress cannot happen twice in a row.
  private func inflate(into buffer: inout [UInt8], limit: Int) throws(Failure) -> Int {
    if memberEnded {
      guard consumed < input.count else { return 0 }
      inflateReset(stream)
      memberEnded = false
    }
    let room = min(limit, buffer.count)
    let offered = min(input.count - consumed, Int(UInt32.max))
    var (status, produced, left) = (Z_OK, 0, 0)
    input.withUnsafeBufferPointer { source in
      buffer.withUnsafeMutableBufferPointer { target in
        // zlib declares its input mutable but only reads it.
        stream.pointee.next_in = source.baseAddress.map {
          UnsafeMutablePointer(mutating: $0 + consumed)
        }
        stream.pointee.avail_in = UInt32(offered)
        stream.pointee.next_out = target.baseAddress
        stream.pointee.avail_out = UInt32(room)
        status = CZlib.inflate(stream, Z_NO_FLUSH)
        produced = room - Int(stream.pointee.avail_out)
        left = Int(stream.pointee.avail_in)
      }
    }
    consumed += offered - left
    switch status {
    case Z_STREAM_END: memberEnded = true
    case Z_OK where produced > 0 || offered > left: break
    case Z_OK, Z_BUF_ERROR: throw .truncated
    case Z_MEM_ERROR: throw .outOfMemory
    default: throw .corrupt
    }
    return produced
  }

  private static let piece = 1 << 18
}
