// What rows that may be read teach about one column: whether it holds numbers, on which scale, or which words.

/// One column of the rows that may be read.
struct ColumnTeacher {
  let table: NamedRows
  let position: Int
  let rows: [TextRow]
  let missing: Set<String>
  /// What the scenario states, if it leaves something to be learned.
  let kind: ColumnStatement.Kind?
  let source: TableFacts.Source

  func encoding() throws(DatasetError) -> TableFacts.Encoding {
    if case .categorical = kind { return try words() }
    let decimal = table.dialect.decimal
    var numbers: [Double] = []
    var other: (count: Int, first: TextRow)?
    for row in rows where !missing.contains(row.fields[position]) {
      if let number = decimal.number(row.fields[position]) {
        numbers.append(number)
      } else {
        other = ((other?.count ?? 0) + 1, other?.first ?? row)
      }
    }
    guard let other else {
      // Nothing but missing values: as words it is one column, as numbers it would be none.
      return numbers.isEmpty && kind != .numeric ? try words() : Self.scale(numbers)
    }
    guard kind != .numeric, other.count * 10 > numbers.count else {
      throw DatasetError(
        .malformed, at: "\(table.name), line \(other.first.line)",
        "has '\(other.first.fields[position])' in '\(table.columnName(position))', which holds a number in "
          + "\(numbers.count) rows and none in \(other.count)",
        fix: "correct the value, list it in data.missing, or state the column in data.columns as "
          + "categorical")
    }
    return try words()
  }

  private static func scale(_ numbers: [Double]) -> TableFacts.Encoding {
    let count = Double(max(numbers.count, 1))
    let mean = numbers.reduce(0, +) / count
    let variance = numbers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
    // A constant column would be divided by a rounding error.
    let constant = variance == 0 || numbers.allSatisfy { $0 == numbers[0] }
    return .numeric(
      center: constant ? numbers.first ?? 0 : mean, scale: constant ? 1 : variance.squareRoot(),
      min: nil, max: nil)
  }

  private func words() throws(DatasetError) -> TableFacts.Encoding {
    var values: Set<String> = []
    var hasMissing = source != .trainingRows
    for row in rows {
      let field = row.fields[position]
      if missing.contains(field) { hasMissing = true } else { values.insert(field) }
    }
    guard values.count <= TableColumns.mostCategories else {
      throw DatasetError(
        .malformed, at: table.name,
        "has \(values.count) different texts in '\(table.columnName(position))', more than "
          + "\(TableColumns.mostCategories)",
        fix: "leave the column out by data.drop_columns")
    }
    return .categorical(values.sorted(), hasMissing: hasMissing)
  }
}
