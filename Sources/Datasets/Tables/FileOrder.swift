// Rows are split in random order; whoever mends a file begins at its top.

extension Table {
  /// A row and the file it stands in.
  typealias PlacedRow = (row: TextRow, file: String)

  /// By their lines; those of the file of the first row come first.
  static func inFileOrder(_ rows: [PlacedRow]) -> [PlacedRow] {
    let first = rows.first?.file
    func place(_ row: PlacedRow) -> (Int, Int) { (row.file == first ? 0 : 1, row.row.line) }
    return rows.sorted { place($0) < place($1) }
  }

  /// Does work that may fail at a row. Where it does, the row that is named is the first such one of the file.
  ///
  /// - Parameters:
  ///   - rows: in any order.
  ///   - work: whether it fails at a row depends on that row alone, or on those before it.
  static func namingFirst<Result>(
    _ rows: [PlacedRow], _ work: ([PlacedRow]) throws(DatasetError) -> Result
  ) throws(DatasetError) -> Result {
    do throws(DatasetError) {
      return try work(rows)
    } catch {
      _ = try work(inFileOrder(rows))
      throw error
    }
  }
}
