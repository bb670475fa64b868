// Groups of people (sexes, age bands, wards) for whom figures are given apart.

/// What people are grouped by, such as sex; every example belongs to one group of it.
public struct GroupAttribute: Sendable, Hashable, Codable {
  public let name: String
  public let groups: [String]

  public init(name: String, groups: [String]) {
    self.name = name
    self.groups = groups
  }
}

/// A column whose values are groups, or whose numbers fall into bands.
public struct GroupColumn: Sendable, Hashable {
  public let column: TableColumn
  /// Ascending bounds between bands; a bound belongs to the band above it. Nil takes each value as a group.
  public let bands: [Double]?
  /// What the column is called; nil takes its name in the file.
  public let name: String?

  public init(_ column: TableColumn, bands: [Double]? = nil, name: String? = nil) {
    self.column = column
    self.bands = bands
    self.name = name
  }
}

/// Says of each row of a table to which groups it belongs.
///
/// Groups decide nothing but how figures of test examples are summed, so their names may be read from every row.
struct GroupReader {
  static let mostGroups = 100
  static let missingName = "(missing)"

  let attributes: [GroupAttribute]
  private let places: [Int]
  private let bands: [[Double]?]
  private let numbers: [[String: UInt16]]
  private let missing: Set<String>
  private let decimal: DecimalSign

  /// - Parameter rows: of all parts.
  init(_ format: TableFormat, of table: NamedRows, rows: [[TextRow]]) throws(DatasetError) {
    let missing = Set(format.missing)
    let decimal = table.dialect.decimal
    var places: [Int] = []
    var attributes: [GroupAttribute] = []
    for (index, group) in format.groupColumns.enumerated() {
      let key = "data.group_columns[\(index)]"
      let place = try table.position(group.column, key: key)
      let name = group.name ?? table.columnName(place)
      guard !places.contains(place), !attributes.contains(where: { $0.name == name }) else {
        throw DatasetError(
          .invalidRequest, at: key, "names '\(name)' again", fix: "name each column once")
      }
      places.append(place)
      var names = group.bands.map(Self.names(of:)) ?? []
      if group.bands == nil {
        var values: Set<String> = []
        for part in rows { values.formUnion(part.lazy.map { $0.fields[place] }) }
        names = Self.sorted(values.subtracting(missing), decimal)
        guard names.count <= Self.mostGroups else {
          throw DatasetError(
            .invalidRequest, at: key,
            "'\(name)' has \(names.count) values, too many groups to compare",
            fix:
              "give bands, such as {\"column\": \"\(name)\", \"bands\": [30, 60]}, or another column"
          )
        }
      }
      if rows.contains(where: { $0.contains { missing.contains($0.fields[place]) } }) {
        names.append(Self.missingName)
      }
      attributes.append(GroupAttribute(name: name, groups: names))
    }
    (self.missing, self.decimal) = (missing, decimal)
    self.places = places
    self.attributes = attributes
    bands = format.groupColumns.map(\.bands)
    numbers = attributes.map { attribute in
      attribute.groups.numbers()
    }
  }

  /// For each attribute the group of each row; nil without attributes.
  func memberships(
    _ rows: [(row: TextRow, file: String)]
  ) throws(DatasetError) -> [[UInt16]]? {
    guard !attributes.isEmpty else { return nil }
    var output: [[UInt16]] = []
    for attribute in attributes.indices {
      var groups: [UInt16] = []
      groups.reserveCapacity(rows.count)
      for (row, file) in rows { groups.append(try group(of: row, file, attribute)) }
      output.append(groups)
    }
    return output
  }

  private func group(
    of row: TextRow, _ file: String, _ attribute: Int
  ) throws(DatasetError) -> UInt16 {
    let field = row.fields[places[attribute]]
    if missing.contains(field) { return numbers[attribute][Self.missingName] ?? 0 }
    guard let bands = bands[attribute] else { return numbers[attribute][field] ?? 0 }
    guard let value = decimal.number(field) else {
      throw DatasetError(
        .malformed, at: "\(file), line \(row.line)",
        "has '\(field)' in '\(attributes[attribute].name)', whose groups are bands of numbers",
        fix: "correct the value, list it in data.missing, or leave the bands out")
    }
    return UInt16(truncatingIfNeeded: bands.count { $0 <= value })
  }

  private static func names(of bands: [Double]) -> [String] {
    func text(_ bound: Double) -> String {
      bound == bound.rounded() && abs(bound) < 1e15 ? "\(Int64(bound))" : "\(bound)"
    }
    guard let first = bands.first, let last = bands.last else { return [] }
    return ["below \(text(first))"]
      + zip(bands, bands.dropFirst()).map { "\(text($0)) to below \(text($1))" }
      + ["\(text(last)) and above"]
  }

  /// Numbers by size, before words by spelling.
  private static func sorted(_ values: Set<String>, _ decimal: DecimalSign) -> [String] {
    values.sorted { first, second in
      switch (decimal.number(first), decimal.number(second)) {
      case (let a?, let b?) where a != b: a < b
      case (_?, nil): true
      case (nil, _?): false
      default: first < second
      }
    }
  }
}
