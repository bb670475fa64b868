// Tables as comma-separated values (RFC 4180, lines ended by a line feed).

public import JSON

/// A CSV table in the making.
public struct CSVTable: Sendable {
  public private(set) var text: String
  private let columns: Int

  public init(_ names: [String]) {
    columns = names.count
    text = names.map { Self.field(.string($0)) }.joined(separator: ",") + "\n"
  }

  /// - Precondition: one value a column.
  public mutating func add(_ row: [JSONValue]) {
    precondition(row.count == columns, "a row has one value a column")
    text += row.map(Self.field).joined(separator: ",") + "\n"
  }

  /// Missing values are empty, truth is 1 or 0; text that a spreadsheet would run as a formula gets an
  /// apostrophe in front.
  private static func field(_ value: JSONValue) -> String {
    switch value {
    case .null: return ""
    case .bool(let value): return value ? "1" : "0"
    case .string(let text):
      let isFormula = text.first.map { "=+-@\t\r".contains($0) } ?? false
      let safe = isFormula ? "'" + text : text
      guard safe.contains(where: { "\",\n\r".contains($0) || $0 == "\r\n" }) else { return safe }
      return "\"" + safe.replacing("\"", with: "\"\"") + "\""
    default: return value.text
    }
  }
}
