// From text fields to numbers, row by row: each row's inputs depend on that row alone.

/// Numbers for the rows of a table whose columns are known.
struct TableEncoder {
  static let mostValues = 1 << 28

  private let columns: TableColumns
  private let people: GroupReader
  private let weights: RowWeights?
  private let missing: Set<String>
  private let decimal: DecimalSign
  /// For each categorical column the place of each category.
  private let places: [[String: Int]]
  private let classOfLabel: [String: Examples.Label]
  private let groupOfName: [String: UInt16]

  init(
    _ columns: TableColumns, groups: GroupReader, weights: RowWeights? = nil, missing: [String],
    decimal: DecimalSign
  ) {
    self.weights = weights
    self.columns = columns
    people = groups
    self.missing = Set(missing)
    self.decimal = decimal
    places = columns.columns.map { column in
      guard case .categorical(let categories, _) = column.encoding else { return [:] }
      return categories.numbers()
    }
    classOfLabel = columns.classes.numbers()
    groupOfName = columns.groupNames.numbers()
  }

  /// Inputs, labels and groups of the given rows.
  func encode(
    _ rows: [(row: TextRow, file: String)], _ part: Examples.Part
  ) throws(DatasetError) -> Examples {
    guard rows.count <= TableEncoder.mostValues / columns.valueCount else {
      throw DatasetError(
        .malformed, at: rows.first?.file ?? "data",
        "gives \(rows.count) rows of \(columns.valueCount) numbers",
        fix: "leave columns of many values out by data.drop_columns, or use fewer rows")
    }
    var labels: [Examples.Label] = []
    var groups: [UInt16] = []
    var values: [Float] = []
    values.reserveCapacity(rows.count * columns.valueCount)
    for (row, file) in rows {
      labels.append(try label(row, file))
      if let group = columns.group { groups.append(groupOfName[row.fields[group]] ?? 0) }
      try append(row, file, to: &values)
    }
    return Examples(
      part: part, labels: labels, values: .floats(values),
      groups: columns.group == nil ? nil : groups, memberships: try people.memberships(rows),
      weights: part == .train ? try weights?.shares(rows) : nil)
  }

  private func label(_ row: TextRow, _ file: String) throws(DatasetError) -> Examples.Label {
    let text = row.fields[columns.label]
    // The published test file of Adult ends its labels with a full stop.
    let known =
      classOfLabel[text] ?? (text.hasSuffix(".") ? classOfLabel[String(text.dropLast())] : nil)
    guard let known else {
      throw DatasetError(
        .malformed, at: "\(file), line \(row.line)",
        "has the label '\(text)', which is none of the \(columns.classes.count) classes ("
          + "\(columns.classes.prefix(10).joined(separator: ", "))"
          + "\(columns.classes.count > 10 ? ", …" : ""))",
        fix: "correct the row or list the label in data.classes")
    }
    return known
  }

  private func append(
    _ row: TextRow, _ file: String, to values: inout [Float]
  ) throws(DatasetError) {
    for (position, column) in columns.columns.enumerated() {
      let field = row.fields[position]
      switch column.encoding {
      case .unused: break
      case .numeric(let center, let scale, let min, let max):
        guard !missing.contains(field) else {
          values.append(0)
          continue
        }
        guard var number = decimal.number(field) else {
          throw problem(field, row, file, column, "which is numeric")
        }
        if let min, let max { number = Swift.max(min, Swift.min(max, number)) }
        let value = Float((number - center) / scale)
        guard value.isFinite else {
          throw problem(field, row, file, column, "which is too far out")
        }
        values.append(value)
      case .categorical(let categories, let hasMissing):
        let first = values.count
        values.append(contentsOf: repeatElement(0, count: column.encoding.width))
        if missing.contains(field), places[position][field] == nil {
          if hasMissing { values[first + categories.count] = 1 }
        } else if let place = places[position][field] {
          values[first + place] = 1
        }
      }
    }
  }

  private func problem(
    _ field: String, _ row: TextRow, _ file: String, _ column: TableFacts.Column, _ what: String
  ) -> DatasetError {
    DatasetError(
      .malformed, at: "\(file), line \(row.line)", "has '\(field)' in '\(column.name)', \(what)",
      fix: "correct the value, list it in data.missing, or state the column in data.columns as "
        + "categorical")
  }
}
