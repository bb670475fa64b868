// Which rows of a table are for testing and which are public, the same ones in every run.

import Kernels

/// The split of a table without a test file.
struct TableSplit {
  private let table: NamedRows
  private let format: TableFormat

  init(_ table: NamedRows, _ format: TableFormat) throws(DatasetError) {
    guard format.testFraction > 0, format.testFraction < 1 else {
      throw DatasetError(
        .invalidRequest, at: "data.test_fraction", "\(format.testFraction) is out of range",
        mend: "use a number between 0 and 1")
    }
    guard table.rows.count >= 2 else {
      throw DatasetError(
        .malformed, at: table.name, "has one row, too few to split off a test part",
        mend: "give data.test_path or more rows")
    }
    self.table = table
    self.format = format
  }

  /// Training and test rows, each in random order.
  func parts() throws(DatasetError) -> (train: [TextRow], test: [TextRow]) {
    let order = Self.order(of: table.rows.count, step: 0)
    let wanted = Int((format.testFraction * Double(order.count)).rounded())
    let total = max(1, min(order.count - 1, wanted))
    let isTest: Set<Int> =
      switch format.split {
      case .random: Set(order.prefix(total))
      case .stratified: try stratified(order, total)
      }
    return (
      order.filter { !isTest.contains($0) }.map { table.rows[$0] },
      order.filter { isTest.contains($0) }.map { table.rows[$0] }
    )
  }

  /// The first rows of every class in the given order, in proportion to its size; each class keeps at
  /// least one row for training.
  private func stratified(_ order: [Int], _ total: Int) throws(DatasetError) -> Set<Int> {
    let label = try table.position(format.label, key: "data.label_column")
    let classes = Dictionary(grouping: order) { table.rows[$0].fields[label] }
      .sorted { $0.key < $1.key }.map(\.value)
    var counts = largestRemainder(total, weights: classes.map(\.count))
    for place in classes.indices { counts[place] = min(counts[place], classes[place].count - 1) }
    if counts.allSatisfy({ $0 == 0 }) {
      guard let largest = classes.indices.max(by: { classes[$0].count < classes[$1].count }),
        classes[largest].count > 1
      else { return Set(order.prefix(1)) }
      counts[largest] = 1
    }
    return Set(zip(classes, counts).flatMap { $0.prefix($1) })
  }

  /// Training rows that are public, by their numbers alone: which ones they are tells nothing of any row.
  static func publicRows(
    _ count: Int, of rows: Int, _ name: String
  ) throws(DatasetError) -> [Int32] {
    guard count < rows else {
      throw DatasetError(
        .tooFew(requested: count, available: rows), at: "data.public_examples",
        "asks for \(count) of the \(rows) training rows of \(name), which leaves no private one",
        mend: "use a smaller number")
    }
    return order(of: rows, step: 1).prefix(count).map(Int32.init)
  }

  /// The split belongs to the data set, so it does not follow the seed of a run.
  private static func order(of count: Int, step: Int) -> [Int] {
    var stream = RandomStream(seed: 0, purpose: .partition, round: 7, step: step)
    return Array(0..<count).shuffled(using: &stream)
  }
}
