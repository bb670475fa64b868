// A safetensors file whose tensors are read one by one, in pieces: a model of 91 MB costs its values and one
// piece, never the file beside them.
//
// The file is read and not mapped into memory: a mapped file that somebody shortens ends the process.

public import Foundation

/// An open safetensors file.
public final class SafetensorsFile {
  /// One tensor as the header describes it.
  public struct Entry: Sendable, Hashable {
    public let name: String
    public let type: ElementType
    /// Empty for a single number.
    public let shape: [Int]
    /// Values, the product of the shape.
    public let count: Int
    /// The first byte of the values, counted from the end of the header.
    let begin: Int

    var end: Int { begin + count * type.width }
  }

  /// In increasing order of their names, each name once.
  public let entries: [Entry]
  public let metadata: [String: String]

  private let source: Source
  private let bodyStart: Int
  private let places: [String: Int]

  private enum Source {
    case bytes([UInt8])
    case file(FileHandle)
  }

  /// Opens a file and reads its header.
  ///
  /// - Throws: `SafetensorsError`; `unreadable` if it is no regular file that can be opened.
  public convenience init(file: URL) throws(SafetensorsError) {
    let attributes = try? FileManager.default.attributesOfItem(
      atPath: file.resolvingSymlinksInPath().path)
    guard attributes?[.type] as? FileAttributeType == .typeRegular,
      let size = attributes?[.size] as? NSNumber,
      let handle = try? FileHandle(forReadingFrom: file)
    else { throw .unreadable(reason: "it is not there, or no file that can be read") }
    try self.init(.file(handle), size: size.intValue)
  }

  /// A file that is in memory already.
  public convenience init(bytes: [UInt8]) throws(SafetensorsError) {
    try self.init(.bytes(bytes), size: bytes.count)
  }

  private init(_ source: Source, size: Int) throws(SafetensorsError) {
    let length = try Self.bytes(of: source, at: 0, count: 8)
    let claimed = (0..<8).reduce(UInt64(0)) { $0 | UInt64(length[$1]) << (8 * UInt64($1)) }
    guard claimed <= UInt64(min(Safetensors.largestHeader, max(0, size - 8))) else {
      throw .headerTooLarge(bytes: claimed)
    }
    bodyStart = 8 + Int(claimed)
    let text = try Self.bytes(of: source, at: 8, count: Int(claimed))
    let header = try SafetensorsHeader(Data(text), bodySize: size - bodyStart)
    self.source = source
    entries = header.entries
    metadata = header.metadata
    places = Dictionary(uniqueKeysWithValues: entries.enumerated().map { ($1.name, $0) })
  }

  /// The tensor of that name.
  public subscript(_ name: String) -> Entry? { places[name].map { entries[$0] } }

  /// Gives the bytes of a tensor to `body` in pieces of whole values, in their order.
  func read(
    _ entry: Entry, _ body: ([UInt8]) throws(SafetensorsError) -> Void
  ) throws(SafetensorsError) {
    var position = entry.begin
    while position < entry.end {
      let count = min(Self.piece, entry.end - position)
      try body(try Self.bytes(of: source, at: bodyStart + position, count: count))
      position += count
    }
  }

  /// A multiple of every width.
  private static let piece = 1 << 18

  private static func bytes(
    of source: Source, at position: Int, count: Int
  ) throws(SafetensorsError) -> [UInt8] {
    switch source {
    case .bytes(let bytes):
      guard position + count <= bytes.count else { throw .truncated(bytes: bytes.count) }
      return Array(bytes[position..<position + count])
    case .file(let handle):
      var bytes: [UInt8] = []
      do {
        try handle.seek(toOffset: UInt64(position))
        while bytes.count < count, let part = try handle.read(upToCount: count - bytes.count),
          !part.isEmpty
        {
          bytes += part
        }
      } catch {
        throw .unreadable(reason: error.localizedDescription)
      }
      guard bytes.count == count else { throw .truncated(bytes: position + bytes.count) }
      return bytes
    }
  }
}

// MARK: - Values

extension SafetensorsFile {
  /// Reads the values of a tensor of a float type to their places in `values`, row-major.
  ///
  /// F16 and BF16 become the 32-bit floats of the same value.
  ///
  /// - Throws: `invalidTensor` for another type and for a value that is not finite; `truncated` and
  ///   `unreadable` if the file has changed since it was opened.
  /// - Precondition: `values` has `entry.count` places from `first` on.
  public func readFloats(
    of entry: Entry, into values: inout [Float], at first: Int
  ) throws(SafetensorsError) {
    precondition(
      first >= 0 && first <= values.count - entry.count, "a tensor must fit where it is read to")
    guard entry.type.isFloat else {
      throw .invalidTensor(
        name: entry.name, reason: "it holds \(entry.type.rawValue), not F32, F16 or BF16")
    }
    var position = first
    try read(entry) { bytes throws(SafetensorsError) in
      let start = position
      var finite = true
      var target = values.mutableSpan
      let source = bytes.span
      switch entry.type {
      case .float32:
        for place in 0..<source.count / 4 {
          let value = Float(bitPattern: source.word(at: 4 * place))
          finite = finite && value.isFinite
          target[start + place] = value
        }
      case .float16:
        for place in 0..<source.count / 2 {
          let value = HalfPrecision.float16(source.halfWord(at: 2 * place))
          finite = finite && value.isFinite
          target[start + place] = value
        }
      default:
        for place in 0..<source.count / 2 {
          let value = HalfPrecision.bfloat16(source.halfWord(at: 2 * place))
          finite = finite && value.isFinite
          target[start + place] = value
        }
      }
      position = start + bytes.count / entry.type.width
      guard finite else {
        let place = values[start..<position].firstIndex { !$0.isFinite } ?? start
        throw .invalidTensor(
          name: entry.name,
          reason: "its value \(place - first) is \(values[place]), not a finite number")
      }
    }
  }
}

extension Span<UInt8> {
  /// Four bytes, the lowest first.
  func word(at position: Int) -> UInt32 {
    UInt32(self[position]) | UInt32(self[position + 1]) << 8 | UInt32(self[position + 2]) << 16
      | UInt32(self[position + 3]) << 24
  }

  /// Two bytes, the lower first.
  func halfWord(at position: Int) -> UInt16 {
    UInt16(self[position]) | UInt16(self[position + 1]) << 8
  }

  /// Eight bytes, the lowest first.
  func doubleWord(at position: Int) -> UInt64 {
    UInt64(word(at: position)) | UInt64(word(at: position + 4)) << 32
  }
}
