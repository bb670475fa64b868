// Whose a row is. Rows that do not say it are persons of their own: nothing shows that two of them are one person's.

/// Somebody with rows in a table.
enum Person: Hashable {
  case named(String)
  /// Nobody knows who: the person of one row alone, told apart by its line.
  case unnamed(line: Int)
}

/// The column that says whose a row is.
struct PersonColumn {
  let name: String
  private let place: Int
  private let missing: Set<String>

  /// Nil unless the format names such a column.
  init?(_ format: TableFormat, _ table: NamedRows) throws(DatasetError) {
    guard let column = format.person else { return nil }
    place = try table.position(column, key: "data.id_column")
    name = table.columnName(place)
    missing = Set(format.missing).union([""])
  }

  subscript(row: TextRow) -> Person {
    let name = row.fields[place]
    return missing.contains(name) ? .unnamed(line: row.line) : .named(name)
  }

  /// How many rows do not say whose they are.
  func unnamed(_ rows: [TextRow]) -> Int {
    rows.count { missing.contains($0.fields[place]) }
  }
}
