// What a file of a published data set is known to be, and what is found in its place.

import Foundation

/// A file of a data set: the names it goes by, and size and SHA-256 of its uncompressed content.
///
/// The content is what counts, because the same data are packed differently in different places.
public struct PublishedFile: Sendable, Hashable, Codable {
  /// Accepted names, each also with ".gz" appended.
  public let names: [String]
  /// Bytes after decompression; nil if nobody told.
  public let size: Int?
  public let sha256: String?

  public init(_ names: [String], size: Int? = nil, sha256: String? = nil) {
    self.names = names
    self.size = size
    self.sha256 = sha256
  }

  /// The same names, with any content.
  var ofAnyContent: PublishedFile { PublishedFile(names) }

  /// The first of the accepted names that is in the folder.
  func locate(in folder: URL) -> URL? {
    names.lazy.flatMap { [$0, $0 + ".gz"] }
      .map { folder.appendingPathComponent($0) }
      .first { FileManager.default.fileExists(atPath: $0.path) }
  }

  /// Makes sure that what was read to its end is the published content.
  func check(_ reader: ByteReader) throws(DatasetError) {
    guard let sha256, reader.sha256 != sha256 else { return }
    throw DatasetError(
      .changed, at: reader.name,
      "is not the published file (SHA-256 \(reader.sha256) instead of \(sha256))",
      fix: "fetch it again, or give its folder as the data set's path to use it as your own")
  }

  /// Makes sure that a file holds the published content.
  func verify(_ file: URL) throws(DatasetError) {
    var reader = try ByteReader(file: file)
    _ = try readThrough(&reader)
    try check(reader)
  }

  /// Reads the file in the folder to its end and compares it with what is known.
  func status(in folder: URL?) -> FileStatus {
    guard let folder, let file = locate(in: folder) else {
      return FileStatus(name: names[0], state: .missing)
    }
    do {
      var reader = try ByteReader(file: file)
      let count = try readThrough(&reader)
      let state: FileStatus.State =
        if let size, size != count {
          .changed
        } else if let sha256 {
          sha256 == reader.sha256 ? .verified : .changed
        } else {
          .present
        }
      return FileStatus(
        name: file.lastPathComponent, path: file.path, state: state, size: count,
        sha256: reader.sha256)
    } catch {
      return FileStatus(
        name: file.lastPathComponent, path: file.path, state: .damaged, problem: "\(error)")
    }
  }

  /// Reads in pieces and counts the bytes. One byte more than published is enough to know: a file
  /// that goes on for ever is not followed further.
  private func readThrough(_ reader: inout ByteReader) throws(DatasetError) -> Int {
    let most = size.map { $0 + 1 } ?? ByteReader.largestFile
    var count = 0
    while count < most {
      let piece = try reader.read(upTo: min(1 << 20, most - count))
      if piece.isEmpty { break }
      count += piece.count
    }
    return count
  }
}

/// What `dpflsim data` says about one file.
public struct FileStatus: Sendable, Hashable, Codable {
  public enum State: String, Sendable, Codable {
    /// Size and SHA-256 are the published ones.
    case verified
    /// Readable; there are no published figures to compare with.
    case present
    case missing
    /// Readable, but other content than published.
    case changed
    /// Cannot be read; `problem` says why.
    case damaged
  }

  public let name: String
  public let path: String?
  public let state: State
  /// Bytes after decompression, at most one more than published.
  public let size: Int?
  /// Of these bytes.
  public let sha256: String?
  public let problem: String?

  init(
    name: String, path: String? = nil, state: State, size: Int? = nil, sha256: String? = nil,
    problem: String? = nil
  ) {
    self.name = name
    self.path = path
    self.state = state
    self.size = size
    self.sha256 = sha256
    self.problem = problem
  }
}
