// How much each row of a table counts in training.

/// Reads the column of weights: every weight becomes its share of a public bound.
struct RowWeights {
  private let place: Int
  private let bound: Double
  private let name: String
  private let decimal: DecimalSign

  /// Nil where the format names no such column.
  init?(_ format: TableFormat, of table: NamedRows) throws(DatasetError) {
    guard let weight = format.weight else { return nil }
    place = try table.position(weight.column, key: "data.weight_column")
    bound = weight.bound
    name = table.columnName(place)
    decimal = table.dialect.decimal
  }

  /// Shares from 0 to 1; weights above the bound count as it.
  ///
  /// - Throws: `malformed` with file, line and column for a weight that is missing, negative or no number.
  func shares(_ rows: [(row: TextRow, file: String)]) throws(DatasetError) -> [Float] {
    var shares: [Float] = []
    shares.reserveCapacity(rows.count)
    for (row, file) in rows {
      let field = row.fields[place]
      guard let weight = decimal.number(field), weight >= 0, weight.isFinite else {
        throw DatasetError(
          .malformed, at: "\(file), line \(row.line)",
          "has '\(field)' in '\(name)', which holds weights",
          fix: "give a number from 0 on, or leave data.weight_column out")
      }
      shares.append(Float(min(weight, bound) / bound))
    }
    return shares
  }
}
