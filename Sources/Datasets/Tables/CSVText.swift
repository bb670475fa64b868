// Text tables: fields between delimiters, quoted where they contain one (RFC 4180, leniently).

/// A row of text fields and the line of its file on which it begins, from 1.
struct TextRow: Equatable {
  let line: Int
  let fields: [String]
}

/// A table of text fields, every row equally long.
struct CSVText: Equatable {
  /// A file of more fields is refused; each costs about 16 bytes of memory.
  static let mostFields = 1 << 25
  static let mostColumns = 10_000

  private(set) var rows: [TextRow] = []
  let name: String

  /// Reads rows ended by LF or CR LF; empty lines and lines that start with `comment` are left out.
  ///
  /// Blanks around fields are dropped unless quoted; in quotes, two quotes mean one, and delimiters
  /// and line ends are text.
  /// - Parameters:
  ///   - delimiter: one ASCII character.
  ///   - name: what error messages call these bytes.
  init(
    _ bytes: [UInt8], delimiter: UInt8, comment: [UInt8]?, name: String
  ) throws(DatasetError) {
    self.name = name
    var scanner = CSVScanner(bytes, delimiter: delimiter, comment: comment, name: name)
    var fields = 0
    while let row = try scanner.nextRow() {
      if let first = rows.first?.fields, row.count != first.count {
        throw DatasetError(
          .malformed, at: "\(name), line \(scanner.rowLine)",
          "has \(row.count) fields where the first row has \(first.count)",
          fix: "correct the line, or state another data.delimiter than "
            + Self.described(delimiter))
      }
      fields += row.count
      guard row.count <= CSVText.mostColumns, fields <= CSVText.mostFields else {
        throw DatasetError(
          .malformed, at: "\(name), line \(scanner.rowLine)",
          "goes beyond \(CSVText.mostColumns) columns or \(CSVText.mostFields) fields",
          fix: "use a smaller table")
      }
      rows.append(TextRow(line: scanner.rowLine, fields: row))
    }
  }

  private static func described(_ delimiter: UInt8) -> String {
    delimiter == 9 ? "the tab" : "'\(Character(Unicode.Scalar(delimiter)))'"
  }
}

/// Goes through the bytes of a text table once.
private struct CSVScanner {
  private let bytes: [UInt8]
  private let delimiter: UInt8
  private let comment: [UInt8]?
  private let name: String
  private var position: Int
  private var line = 1
  /// The line on which the row given last began.
  private(set) var rowLine = 1

  private static let quote = UInt8(ascii: "\"")
  private static let lineFeed = UInt8(ascii: "\n")

  init(_ bytes: [UInt8], delimiter: UInt8, comment: [UInt8]?, name: String) {
    self.bytes = bytes
    self.delimiter = delimiter
    self.comment = comment
    self.name = name
    // A byte-order mark is no part of the first field.
    position = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
  }

  mutating func nextRow() throws(DatasetError) -> [String]? {
    while position < bytes.count {
      rowLine = line
      if let comment, bytes[position...].starts(with: comment) {
        skipLine()
        continue
      }
      var row: [String] = []
      var more = true
      while more { more = try appendField(to: &row) }
      if row != [""] { return row }
    }
    return nil
  }

  private mutating func skipLine() {
    while position < bytes.count, bytes[position] != CSVScanner.lineFeed { position += 1 }
    position += 1
    line += 1
  }

  /// Reads one field and what ends it; false at the end of the row.
  private mutating func appendField(to row: inout [String]) throws(DatasetError) -> Bool {
    while position < bytes.count, isBlank(bytes[position]) { position += 1 }
    let quoted = position < bytes.count && bytes[position] == CSVScanner.quote
    let field = quoted ? try quotedField() : plainField()
    guard let text = String(validating: field, as: UTF8.self) else {
      throw problem("is not UTF-8 text", fix: "state data.encoding or convert it with iconv")
    }
    row.append(text)
    guard row.count <= CSVText.mostColumns, position < bytes.count else { return false }
    let end = bytes[position]
    position += 1
    if end == delimiter { return true }
    line += 1
    return false
  }

  private mutating func plainField() -> ArraySlice<UInt8> {
    let start = position
    while position < bytes.count, bytes[position] != delimiter,
      bytes[position] != CSVScanner.lineFeed
    {
      position += 1
    }
    var end = position
    while end > start, isBlank(bytes[end - 1]) { end -= 1 }
    return bytes[start..<end]
  }

  /// Leaves the position at the delimiter or line end after the closing quote.
  private mutating func quotedField() throws(DatasetError) -> ArraySlice<UInt8> {
    var field: ArraySlice<UInt8> = []
    position += 1
    while true {
      guard position < bytes.count else {
        throw problem("opens a quote that is never closed", fix: "close the quote")
      }
      let byte = bytes[position]
      position += 1
      if byte == CSVScanner.quote {
        guard position < bytes.count, bytes[position] == CSVScanner.quote else { break }
        position += 1
      } else if byte == CSVScanner.lineFeed {
        line += 1
      }
      field.append(byte)
    }
    while position < bytes.count, isBlank(bytes[position]) { position += 1 }
    guard
      position == bytes.count || bytes[position] == delimiter
        || bytes[position] == CSVScanner.lineFeed
    else {
      throw problem("has text after a closing quote", fix: "write quotes inside quotes twice")
    }
    return field
  }

  private func isBlank(_ byte: UInt8) -> Bool {
    byte != delimiter && (byte == UInt8(ascii: " ") || byte == 9 || byte == 13)
  }

  private func problem(_ what: String, fix: String) -> DatasetError {
    DatasetError(.malformed, at: "\(name), line \(rowLine)", what, fix: fix)
  }
}
