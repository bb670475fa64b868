// How a text table is to be read: which column is the label, which the group, what is missing.

/// A column, by its name or by its position from 0.
public enum TableColumn: Sendable, Hashable, Codable, CustomStringConvertible {
  case name(String)
  case position(Int)

  /// A number is a position, a string a name.
  public init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    if let position = try? value.decode(Int.self) {
      self = .position(position)
    } else {
      self = .name(try value.decode(String.self))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var value = encoder.singleValueContainer()
    switch self {
    case .name(let name): try value.encode(name)
    case .position(let position): try value.encode(position)
    }
  }

  public var description: String {
    switch self {
    case .name(let name): "'\(name)'"
    case .position(let position): "\(position)"
    }
  }
}

/// The meaning of a text table.
///
/// A column is numeric if every training value that is not missing is a number, else categorical.
/// Numeric columns are standardised by the training part and missing values become the mean (0);
/// categorical columns become one 0/1 column for each value of the training part, "missing" being a
/// value of its own. Rows without a label are left out.
public struct TableFormat: Sendable, Hashable, Codable {
  /// One ASCII character.
  public var delimiter: String
  /// Whether the first row names the columns.
  public var header: Bool
  /// Names of the columns of a file without a header.
  public var columns: [String]
  /// Lines that start so are left out.
  public var comment: String?
  /// Fields that stand for a missing value.
  public var missing: [String]
  public var label: TableColumn
  /// The column whose values are the groups of the fairness figures; it stays an input as well.
  public var group: TableColumn?
  /// Columns that are no inputs.
  public var dropped: [TableColumn]
  /// Columns that are categorical although they look like numbers.
  public var categorical: [TableColumn]
  /// The part of the rows that becomes the test part if there is no test file.
  public var testFraction: Double

  public init(
    label: TableColumn, group: TableColumn? = nil, delimiter: String = ",", header: Bool = true,
    columns: [String] = [], comment: String? = nil, missing: [String] = ["?", ""],
    dropped: [TableColumn] = [], categorical: [TableColumn] = [], testFraction: Double = 0.2
  ) {
    self.label = label
    self.group = group
    self.delimiter = delimiter
    self.header = header
    self.columns = columns
    self.comment = comment
    self.missing = missing
    self.dropped = dropped
    self.categorical = categorical
    self.testFraction = testFraction
  }

  /// Adult (census income) as UCI publishes it; the groups are the sexes.
  public static let adult = TableFormat(
    label: .name("income"), group: .name("sex"), header: false,
    columns: [
      "age", "workclass", "fnlwgt", "education", "education-num", "marital-status", "occupation",
      "relationship", "race", "sex", "capital-gain", "capital-loss", "hours-per-week",
      "native-country", "income",
    ],
    comment: "|")

  /// The rows of a file under their column names.
  func rows(of bytes: [UInt8], name: String) throws(DatasetError) -> NamedRows {
    let separators = Array(delimiter.utf8)
    guard separators.count == 1, !separators.contains(where: { [10, 13, 34].contains($0) }) else {
      throw DatasetError(
        .invalidRequest, at: "table.delimiter", "'\(delimiter)' is not one ASCII character",
        mend: "use ',' or ';' or a tab")
    }
    var rows = try CSVText(
      bytes, delimiter: separators[0], comment: comment.map { Array($0.utf8) }, name: name
    ).rows
    var names = columns
    if header, !rows.isEmpty { names = rows.removeFirst() }
    guard let width = rows.first?.count else {
      throw DatasetError(.malformed, at: name, "has no rows", mend: "give a table with rows")
    }
    guard names.isEmpty || names.count == width else {
      throw DatasetError(
        .malformed, at: name, "has \(width) columns for \(names.count) names",
        mend: "name every column once")
    }
    return NamedRows(rows: rows, names: names, width: width, name: name)
  }
}

/// Rows of a text table and the names of its columns (none if the file names none).
struct NamedRows {
  var rows: [[String]]
  let names: [String]
  let width: Int
  let name: String

  /// The position of a column.
  func position(_ column: TableColumn) throws(DatasetError) -> Int {
    switch column {
    case .position(let position):
      guard (0..<width).contains(position) else {
        throw DatasetError(
          .invalidRequest, at: name, "has no column \(position)",
          mend: "count columns from 0 to \(width - 1)")
      }
      return position
    case .name(let wanted):
      let found = names.indices.filter { names[$0] == wanted }
      guard let first = found.first else {
        let known = names.prefix(20).joined(separator: ", ")
        throw DatasetError(
          .invalidRequest, at: name, "has no column '\(wanted)'",
          mend: names.isEmpty ? "give its position" : "use one of: \(known)")
      }
      guard found.count == 1 else {
        throw DatasetError(
          .invalidRequest, at: name, "has \(found.count) columns called '\(wanted)'",
          mend: "give the position of the one you mean, one of \(found)")
      }
      return first
    }
  }
}
