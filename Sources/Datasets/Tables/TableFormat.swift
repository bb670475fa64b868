// How a text table is to be read: which column is the label, what is an input and on which scale.

/// A column, by its name or by its position from 0.
public enum TableColumn: Sendable, Hashable, CustomStringConvertible {
  case name(String)
  case position(Int)

  public var description: String {
    switch self {
    case .name(let name): "'\(name)'"
    case .position(let position): "\(position)"
    }
  }
}

/// What a scenario states about an input column, so that no row has to be asked.
public struct ColumnStatement: Sendable, Hashable {
  public enum Kind: Sendable, Hashable {
    /// A number whose scale is learned.
    case numeric
    /// A number between two bounds, which become −1 and 1; values beyond them count as the bound.
    case bounded(min: Double, max: Double)
    /// A number between wide public bounds, of which the narrower ones that become −1 and 1 are to be found; nil
    /// until they are, and then the public bounds take their place.
    case estimated(min: Double, max: Double, found: ClosedRange<Double>?)
    /// A number that becomes (x − mean) / standard deviation.
    case standardized(mean: Double, standardDeviation: Double)
    /// Words; nil learns which.
    case categorical([String]?)
  }

  public let column: TableColumn
  public let kind: Kind

  public init(_ column: TableColumn, _ kind: Kind) {
    self.column = column
    self.kind = kind
  }
}

/// How much rows count in training: by a column, relative to a public bound.
public struct RowWeight: Sendable, Hashable {
  public let column: TableColumn
  /// Above 0; larger weights count as it.
  public let bound: Double

  public init(_ column: TableColumn, bound: Double) {
    self.column = column
    self.bound = bound
  }
}

/// How the test rows of a table without a test file are chosen.
public enum TestSplit: String, Sendable, Hashable, Codable, CaseIterable {
  /// The same part of every class, so it reads the labels.
  case stratified
  /// By the numbers of the rows alone.
  case random
}

/// The meaning of a text table.
///
/// Input columns are as `columns` states. A column of which nothing is stated is learned, from public
/// rows if there are any, else from the training rows: it is numeric if every value that is not missing is
/// a number, else categorical. Missing numbers become 0, the middle of the scale. A categorical column
/// becomes one 0/1 column for each category and one for "missing"; other values leave all of them 0.
/// Rows without a label are left out.
public struct TableFormat: Sendable, Hashable {
  /// One ASCII character; nil looks at the first line.
  public var delimiter: String?
  /// Nil takes both signs, but a point alone where the comma separates fields.
  public var decimal: DecimalSign?
  /// Nil looks at the bytes.
  public var encoding: TextEncoding?
  /// Whether the first row names the columns.
  public var header: Bool
  /// Names of the columns of a file without a header.
  public var names: [String]
  /// Lines that start so are left out.
  public var comment: String?
  /// Fields that stand for a missing value.
  public var missing: [String]
  public var label: TableColumn
  /// The labels in the order of the classes; nil learns them.
  public var classes: [String]?
  /// The column whose values are the groups from which clusters may take their examples; it stays an input as well.
  public var group: TableColumn?
  /// Columns of people's groups for whom figures are given apart; they stay inputs as well.
  public var groupColumns: [GroupColumn] = []
  /// The column whose values are the clients; nil deals rows to clients.
  public var client: TableColumn?
  /// The column whose values are the true clusters of the clients.
  public var cluster: TableColumn?
  /// The column that says whose a row is: persons, of whom each client trains on one row.
  public var person: TableColumn?
  /// The column of rows' weights in training, and the public bound by which they are divided; nil counts rows alike.
  public var weight: RowWeight?
  /// The input columns; nil takes all that have no other role.
  public var features: [TableColumn]?
  /// Columns that are no inputs.
  public var dropped: [TableColumn]
  public var columns: [ColumnStatement]
  /// The part of the rows that becomes the test part if there is no test file.
  public var testFraction: Double
  /// The column that says `train` or `test` of each row; nil splits test rows off.
  public var splitColumn: TableColumn?
  /// Nil stratifies, but goes by row numbers where rows belong to clients or persons.
  public var split: TestSplit?

  var testSplit: TestSplit {
    split ?? (client == nil && person == nil ? .stratified : .random)
  }

  /// What spreadsheets, R, pandas and statistical packages write where there is no value.
  public static let usualMissing = [
    "", "?", ".", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "-nan", "NULL", "null", "None",
  ]

  public init(
    label: TableColumn, group: TableColumn? = nil, delimiter: String? = nil, header: Bool = true,
    names: [String] = [], comment: String? = nil, missing: [String] = TableFormat.usualMissing,
    dropped: [TableColumn] = [], columns: [ColumnStatement] = [], testFraction: Double = 0.2
  ) {
    self.label = label
    self.group = group
    self.delimiter = delimiter
    self.header = header
    self.names = names
    self.comment = comment
    self.missing = missing
    self.dropped = dropped
    self.columns = columns
    self.testFraction = testFraction
  }

  /// The rows of a file under their column names.
  ///
  /// - Parameter isPrivate: whether one row must not change how another is read.
  func rows(
    of raw: [UInt8], name: String, isPrivate: Bool
  ) throws(DatasetError) -> NamedRows {
    let text = try DecodedText(raw, encoding: encoding, mayGuess: !isPrivate, name: name)
    let comment = self.comment.map { Array($0.utf8) }
    let separator = try separator(of: text, comment, name: name, isPrivate: isPrivate)
    let dialect = TextDialect(
      encoding: text.encoding, delimiter: String(Unicode.Scalar(separator)),
      decimal: decimal ?? (separator == UInt8(ascii: ",") ? .point : .either))
    var rows = try CSVText(text.bytes, delimiter: separator, comment: comment, name: name).rows
    var names = self.names
    if header, !rows.isEmpty { names = rows.removeFirst().fields }
    guard let width = rows.first?.fields.count else {
      throw DatasetError(.malformed, at: name, "has no rows", fix: "give a table with rows")
    }
    guard names.isEmpty || names.count == width else {
      throw DatasetError(
        .malformed, at: name, "has \(width) columns for \(names.count) names",
        fix: "name every column once")
    }
    return NamedRows(rows: rows, names: names, width: width, name: name, dialect: dialect)
  }

  private func separator(
    of text: DecodedText, _ comment: [UInt8]?, name: String, isPrivate: Bool
  ) throws(DatasetError) -> UInt8 {
    guard let delimiter else {
      // Without a header the first line is somebody's row.
      guard header || !isPrivate else {
        throw DatasetError(
          .invalidRequest, at: name,
          "has no header, so finding its delimiter would read a private row",
          fix: "state data.delimiter")
      }
      return text.likelyDelimiter(comment: comment)
    }
    let separators = Array(delimiter.utf8)
    guard separators.count == 1, separators[0] < 0x80, ![10, 13, 34].contains(separators[0]) else {
      throw DatasetError(
        .invalidRequest, at: "data.delimiter", "'\(delimiter)' is not one ASCII character",
        fix: "use ',' or ';' or a tab")
    }
    return separators[0]
  }
}

/// Rows of a text table and the names of its columns (none if the file names none).
struct NamedRows {
  var rows: [TextRow]
  let names: [String]
  let width: Int
  let name: String
  let dialect: TextDialect

  /// What messages and tables call a column.
  func columnName(_ position: Int) -> String {
    names.indices.contains(position) ? names[position] : "column \(position)"
  }

  /// The position of a column.
  ///
  /// - Parameter key: the key of the scenario that asks.
  func position(_ column: TableColumn, key: String) throws(DatasetError) -> Int {
    switch column {
    case .position(let position):
      guard (0..<width).contains(position) else {
        throw DatasetError(
          .invalidRequest, at: key, "\(name) has no column \(position)",
          fix: "count columns from 0 to \(width - 1)")
      }
      return position
    case .name(let wanted):
      let found = names.indices.filter { names[$0] == wanted }
      guard let first = found.first else {
        let known = names.prefix(20).joined(separator: ", ")
        throw DatasetError(
          .invalidRequest, at: key, "\(name) has no column '\(wanted)'",
          fix: names.isEmpty ? "give its position" : "use one of: \(known)")
      }
      guard found.count == 1 else {
        throw DatasetError(
          .invalidRequest, at: key, "\(name) has \(found.count) columns called '\(wanted)'",
          fix: "give the position of the one you mean, one of \(found)")
      }
      return first
    }
  }
}
