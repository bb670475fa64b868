// The IDX format of MNIST and its relatives: a big-endian header, then one byte a value.
//
// Two zero bytes, a type (8: unsigned byte), the number of dimensions, the dimensions as 32-bit
// numbers; "The MNIST database of handwritten digits" (LeCun, Cortes, Burges) defines it.

public import Foundation

/// Readers of IDX files, plain or gzip.
public enum IDX {
  /// Images in row-major order, one after the other.
  public struct Images: Sendable, Equatable {
    public let count: Int
    public let height: Int
    public let width: Int
    /// 1 for grey, 3 for colour; the channels of a pixel lie side by side.
    public let channels: Int
    public let bytes: [UInt8]
  }

  /// Reads a three-dimensional file.
  /// - Parameter name: what error messages call these bytes.
  public static func images(in bytes: [UInt8], name: String) throws(DatasetError) -> Images {
    var reader = try ByteReader(bytes, name: name)
    return try images(&reader)
  }

  /// Reads a one-dimensional file.
  /// - Parameter name: what error messages call these bytes.
  public static func labels(in bytes: [UInt8], name: String) throws(DatasetError) -> [UInt8] {
    var reader = try ByteReader(bytes, name: name)
    return try labels(&reader)
  }

  /// - Parameter published: if given, other content than this is refused as `changed`.
  public static func images(
    file: URL, published: PublishedFile? = nil
  ) throws(DatasetError) -> Images {
    var reader = try ByteReader(file: file)
    let images = try images(&reader)
    try published?.check(reader)
    return images
  }

  /// - Parameter published: if given, other content than this is refused as `changed`.
  public static func labels(
    file: URL, published: PublishedFile? = nil
  ) throws(DatasetError) -> [UInt8] {
    var reader = try ByteReader(file: file)
    let labels = try labels(&reader)
    try published?.check(reader)
    return labels
  }

  /// Reads images that may be grey (three dimensions) or in colour (a fourth of 3).
  static func packedImages(in bytes: [UInt8], name: String) throws(DatasetError) -> Images {
    var reader = try ByteReader(bytes, name: name)
    let sizes = try header(&reader, dimensions: 3...4, holds: "images")
    guard sizes.count == 3 || sizes[3] == 3 else {
      throw DatasetError(
        .malformed, at: name, "announces images of \(sizes[3]) channels",
        fix: "use three channels, or three dimensions for grey")
    }
    let body = try body(&reader, sizes)
    return Images(
      count: sizes[0], height: sizes[1], width: sizes[2], channels: sizes.count == 3 ? 1 : 3,
      bytes: body)
  }

  private static func images(_ reader: inout ByteReader) throws(DatasetError) -> Images {
    let sizes = try header(&reader, dimensions: 3...3, holds: "images")
    let bytes = try body(&reader, sizes)
    return Images(
      count: sizes[0], height: sizes[1], width: sizes[2], channels: 1, bytes: bytes)
  }

  private static func labels(_ reader: inout ByteReader) throws(DatasetError) -> [UInt8] {
    let sizes = try header(&reader, dimensions: 1...1, holds: "labels")
    return try body(&reader, sizes)
  }

  /// The sizes that the header announces; each at least 1 but for the number of examples.
  private static func header(
    _ reader: inout ByteReader, dimensions: ClosedRange<Int>, holds what: String
  ) throws(DatasetError) -> [Int] {
    let magic = try reader.read(4, what: "an IDX header")
    guard magic.starts(with: [0, 0, 8]), dimensions.contains(Int(magic[3])) else {
      let found = magic.map { String($0) }.joined(separator: " ")
      throw DatasetError(
        .malformed, at: reader.name,
        "starts with the bytes \(found) where an IDX file of \(what) has 0 0 8 "
          + dimensions.map { String($0) }.joined(separator: " or "),
        fix: "give the file of \(what)")
    }
    let count = Int(magic[3])
    let words = try reader.read(4 * count, what: "an IDX header")
    let sizes = (0..<count).map { dimension in
      words[(4 * dimension)..<(4 * dimension + 4)].reduce(0) { $0 << 8 | Int($1) }
    }
    guard sizes.dropFirst().allSatisfy({ $0 > 0 }) else {
      throw DatasetError(
        .malformed, at: reader.name, "announces images without pixels",
        fix: "fetch the file again")
    }
    return sizes
  }

  private static func body(
    _ reader: inout ByteReader, _ sizes: [Int]
  ) throws(DatasetError) -> [UInt8] {
    var total = 1
    for size in sizes {
      let (product, overflow) = total.multipliedReportingOverflow(by: size)
      guard !overflow, product <= ByteReader.largestFile else {
        let claim = sizes.map { String($0) }.joined(separator: " x ")
        throw DatasetError(
          .malformed, at: reader.name, "announces \(claim) bytes, more than a data file may have",
          fix: "fetch the file again")
      }
      total = product
    }
    let bytes = try reader.read(total, what: "data that its header announces")
    try reader.expectEnd(after: "the last byte its header announces")
    return bytes
  }
}
