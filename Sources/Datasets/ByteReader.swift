// The bytes of a data file from front to back, whether it is compressed or not.

import Foundation
import Hashing

/// Reads a plain or gzip file in order; every failure names the file.
///
/// Compression is told by the first two bytes, not by the file's name. Memory grows with the bytes
/// that are really there, never with what a header claims.
struct ByteReader {
  /// Larger files are refused before they are opened.
  static let largestFile = 1 << 30

  let name: String
  private var source: Source
  private var digest = SHA256()

  private enum Source {
    case plain([UInt8], offset: Int)
    case gzip(GzipInflater)
  }

  /// - Parameter name: what error messages call these bytes.
  init(_ bytes: [UInt8], name: String) throws(DatasetError) {
    self.name = name
    guard bytes.starts(with: [0x1F, 0x8B]) else {
      source = .plain(bytes, offset: 0)
      return
    }
    do {
      source = .gzip(try GzipInflater(bytes))
    } catch {
      throw ByteReader.failure(error, name)
    }
  }

  init(file: URL) throws(DatasetError) {
    try self.init(try ByteReader.bytes(of: file), name: file.path)
  }

  /// Up to `limit` further bytes; fewer mean that the file ends there.
  mutating func read(upTo limit: Int) throws(DatasetError) -> [UInt8] {
    let piece: [UInt8]
    switch source {
    case .plain(let bytes, let offset):
      let end = offset + min(limit, bytes.count - offset)
      source = .plain(bytes, offset: end)
      piece = Array(bytes[offset..<end])
    case .gzip(let inflater):
      do {
        piece = try inflater.next(limit)
      } catch {
        throw ByteReader.failure(error, name)
      }
    }
    digest.update(data: piece)
    return piece
  }

  /// Exactly `count` further bytes, which hold `what`.
  mutating func read(_ count: Int, what: String) throws(DatasetError) -> [UInt8] {
    let bytes = try read(upTo: count)
    guard bytes.count == count else {
      throw DatasetError(
        .malformed, at: name, "ends after \(bytes.count) of the \(count) bytes of \(what)",
        fix: "fetch the file again")
    }
    return bytes
  }

  /// Makes sure that nothing follows `what`.
  mutating func expectEnd(after what: String) throws(DatasetError) {
    guard try read(upTo: 1).isEmpty else {
      throw DatasetError(
        .malformed, at: name, "goes on after \(what)", fix: "fetch the file again")
    }
  }

  /// SHA-256, in hexadecimal, of the bytes read so far, after decompression.
  var sha256: String { digest.finalize().hexadecimal }

  /// All bytes of a regular file of at most `largestFile` bytes, as they are stored.
  static func bytes(of file: URL) throws(DatasetError) -> [UInt8] {
    let resolved = file.resolvingSymlinksInPath()
    guard
      let attributes = try? FileManager.default.attributesOfItem(atPath: resolved.path),
      let type = attributes[.type] as? FileAttributeType
    else {
      throw DatasetError(
        .missing, at: file.path, "is not there", fix: "put the file there or name another path")
    }
    guard type == .typeRegular, let size = attributes[.size] as? NSNumber else {
      throw DatasetError(
        .unreadable, at: file.path, "is not a regular file", fix: "name the data file itself")
    }
    guard size.int64Value <= Int64(largestFile) else {
      throw DatasetError(
        .unreadable, at: file.path, "has \(size) bytes, more than \(largestFile)",
        fix: "use a smaller file")
    }
    do {
      return [UInt8](try Data(contentsOf: resolved))
    } catch {
      throw DatasetError(
        .unreadable, at: file.path, "cannot be read (\(error.localizedDescription))",
        fix: "check its permissions")
    }
  }

  private static func failure(_ failure: GzipInflater.Failure, _ name: String) -> DatasetError {
    switch failure {
    case .truncated:
      DatasetError(
        .malformed, at: name, "is a gzip file that breaks off before its end",
        fix: "fetch the file again")
    case .corrupt:
      DatasetError(
        .malformed, at: name, "is a damaged gzip file", fix: "fetch the file again")
    case .outOfMemory:
      DatasetError(
        .unreadable, at: name, "cannot be decompressed for want of memory",
        fix: "free some memory or decompress it with gunzip")
    }
  }
}
