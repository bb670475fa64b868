// How the bytes of a table are to be read as text: encoding, line ends, delimiter and decimal sign.

/// How the characters of a table are written as bytes.
public enum TextEncoding: String, Sendable, Hashable, Codable, CaseIterable {
  case utf8 = "utf-8"
  /// With a byte-order mark, or little-endian.
  case utf16 = "utf-16"
  case latin1 = "latin-1"
  case windows1252 = "windows-1252"
}

/// What separates the whole part of a number from its fraction.
public enum DecimalSign: String, Sendable, Hashable, Codable, CaseIterable {
  case point = "."
  case comma = ","
  /// Both, where a comma cannot separate fields: `54,5` and `54.5` are the same number.
  case either = ". or ,"

  /// The number that a field writes, or nil. Thousands are not grouped; beyond ±1e100 a variance would
  /// overflow, so larger values are no numbers here.
  func number(_ text: String) -> Double? {
    var text = text
    if self != .point, text.utf8.contains(UInt8(ascii: ",")) {
      guard !text.utf8.contains(UInt8(ascii: ".")) else { return nil }
      text = text.replacing(",", with: ".")
    } else if self == .comma, text.utf8.contains(UInt8(ascii: ".")) {
      return nil
    }
    return Double(text).flatMap { abs($0) <= 1e100 ? $0 : nil }
  }
}

/// How a table was read, as stated or as found by looking.
public struct TextDialect: Sendable, Hashable, Codable {
  public let encoding: TextEncoding
  /// One ASCII character.
  public let delimiter: String
  public let decimal: DecimalSign
}

/// The text of a table in UTF-8 with line feeds, and how it was written.
struct DecodedText {
  let bytes: [UInt8]
  let encoding: TextEncoding

  /// - Parameters:
  ///   - encoding: what the bytes are; nil finds out.
  ///   - mayGuess: whether bytes that are no UTF-8 may be taken for an older encoding. Not where rows
  ///     are private: one row could then change how all others are read.
  init(
    _ raw: [UInt8], encoding: TextEncoding?, mayGuess: Bool, name: String
  ) throws(DatasetError) {
    try Self.refuseBinary(raw, name)
    let marked = raw.starts(with: [0xFF, 0xFE]) || raw.starts(with: [0xFE, 0xFF])
    let found: TextEncoding =
      if let encoding {
        encoding
      } else if marked {
        .utf16
      } else if String(validating: raw, as: UTF8.self) != nil {
        .utf8
      } else if mayGuess {
        raw.contains { (0x80...0x9F).contains($0) } ? .windows1252 : .latin1
      } else {
        throw DatasetError(
          .malformed, at: Self.place(raw, name), "is not UTF-8 text",
          fix: "state its encoding in data.encoding or convert the file with iconv")
      }
    let text: [UInt8]?
    switch found {
    case .utf8: text = String(validating: raw, as: UTF8.self) == nil ? nil : raw
    case .utf16: text = Self.utf16(raw)
    case .latin1: text = Self.singleBytes(raw) { UInt16($0) }
    case .windows1252: text = Self.singleBytes(raw, Self.windows1252)
    }
    guard var text, !text.contains(0) else {
      throw DatasetError(
        .malformed, at: Self.place(raw, name), "is not \(found.rawValue) text",
        fix: "state its encoding in data.encoding or convert the file with iconv")
    }
    // Line ends of old Macintosh programs: a carriage return alone.
    if !text.contains(10), text.contains(13) { text = text.map { $0 == 13 ? 10 : $0 } }
    bytes = text
    self.encoding = found
  }

  /// The file, and the line of the first byte that cannot be UTF-8.
  private static func place(_ raw: [UInt8], _ name: String) -> String {
    var line = 1
    for row in raw.split(separator: 10, omittingEmptySubsequences: false) {
      if String(validating: row, as: UTF8.self) == nil || row.contains(0) { break }
      line += 1
    }
    return "\(name), line \(line)"
  }

  private static func refuseBinary(_ raw: [UInt8], _ name: String) throws(DatasetError) {
    let kinds: [(mark: [UInt8], what: String, fix: String)] = [
      (
        [0x50, 0x4B, 3, 4], "a spreadsheet (.xlsx, .ods) or another zip archive",
        "save the sheet as CSV"
      ),
      ([0xD0, 0xCF, 0x11, 0xE0], "a spreadsheet of the old format (.xls)", "save it as CSV"),
      (
        Array("PAR1".utf8), "a Parquet file",
        "convert it with tools/convert-parquet FILE.parquet FILE.csv"
      ),
      ([0x89, 0x50, 0x4E, 0x47], "a PNG image", "convert images with tools/convert-images"),
      ([0xFF, 0xD8, 0xFF], "a JPEG image", "convert images with tools/convert-images"),
      (Array("SQLite format 3".utf8), "an SQLite database", "export the table as CSV"),
      (Array("%PDF".utf8), "a PDF document", "give the table as CSV"),
    ]
    if let kind = kinds.first(where: { raw.starts(with: $0.mark) }) {
      throw DatasetError(.malformed, at: name, "is \(kind.what), not text", fix: kind.fix)
    }
  }

  private static func utf16(_ raw: [UInt8]) -> [UInt8]? {
    guard raw.count.isMultiple(of: 2) else { return nil }
    let bigEndian = raw.starts(with: [0xFE, 0xFF])
    let start = bigEndian || raw.starts(with: [0xFF, 0xFE]) ? 2 : 0
    var units: [UInt16] = []
    units.reserveCapacity(raw.count / 2)
    for place in stride(from: start, to: raw.count, by: 2) {
      let (first, second) = (UInt16(raw[place]), UInt16(raw[place + 1]))
      units.append(bigEndian ? first << 8 | second : second << 8 | first)
    }
    return String(validating: units, as: UTF16.self).map { Array($0.utf8) }
  }

  /// - Parameter scalar: the character of a byte, or nil where there is none.
  private static func singleBytes(
    _ raw: [UInt8], _ scalar: (UInt8) -> UInt16?
  ) -> [UInt8]? {
    var text: [UInt8] = []
    text.reserveCapacity(raw.count)
    for byte in raw {
      guard let value = scalar(byte) else { return nil }
      if value < 0x80 {
        text.append(UInt8(value))
      } else if value < 0x800 {
        text += [UInt8(0xC0 | value >> 6), UInt8(0x80 | value & 0x3F)]
      } else {
        text += [
          UInt8(0xE0 | value >> 12), UInt8(0x80 | value >> 6 & 0x3F), UInt8(0x80 | value & 0x3F),
        ]
      }
    }
    return text
  }

  /// Latin-1 but for 0x80 to 0x9F (the table of unicode.org for CP1252; 0 where it has none).
  private static func windows1252(_ byte: UInt8) -> UInt16? {
    guard (0x80...0x9F).contains(byte) else { return UInt16(byte) }
    let value = windows1252Table[Int(byte) - 0x80]
    return value == 0 ? nil : value
  }

  private static let windows1252Table: [UInt16] = [
    0x20AC, 0, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039,
    0x0152, 0, 0x017D, 0, 0, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122,
    0x0161, 0x203A, 0x0153, 0, 0x017E, 0x0178,
  ]
}

extension DecodedText {
  /// The delimiter that the first line that is not left out has most often outside quotes; a comma if it
  /// has none of them.
  func likelyDelimiter(comment: [UInt8]?) -> UInt8 {
    let candidates = [",", ";", "\t", "|"].flatMap { Array($0.utf8) }
    let mark = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    let line = bytes[mark...].split(separator: 10).first { line in
      line.contains { $0 > 32 } && !(comment.map { line.starts(with: $0) } ?? false)
    }
    var counts = candidates.map { _ in 0 }
    var quoted = false
    for byte in line ?? [] {
      if byte == UInt8(ascii: "\"") { quoted.toggle() }
      if !quoted, let place = candidates.firstIndex(of: byte) { counts[place] += 1 }
    }
    let most = counts.max() ?? 0
    return candidates[counts.firstIndex(of: most) ?? 0]
  }
}
