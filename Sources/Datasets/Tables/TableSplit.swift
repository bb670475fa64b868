// Which rows of a table are for testing and which are public, the same ones in every run.

import Kernels

/// The split of a table without a test file: of all rows, or of each client's where the table names clients.
struct TableSplit {
  private let table: NamedRows
  private let format: TableFormat
  private let client: Int?
  private let person: PersonColumn?
  private let column: Int?
  /// Rows, by their places in the table, that are public and hence for training.
  private let known: Set<Int>

  /// - Parameter publicPlaces: of rows that stay on the training side, whatever becomes of the others.
  init(
    _ table: NamedRows, _ format: TableFormat, keeping publicPlaces: [Int] = []
  ) throws(DatasetError) {
    known = Set(publicPlaces)
    guard format.testFraction > 0, format.testFraction < 1 else {
      throw DatasetError(
        .invalidRequest, at: "data.test_fraction", "\(format.testFraction) is out of range",
        fix: "use a number between 0 and 1")
    }
    guard table.rows.count >= 2 else {
      throw DatasetError(
        .malformed, at: table.name, "has one row, too few to split off a test part",
        fix: "give data.test_path or more rows")
    }
    self.table = table
    self.format = format
    client = try format.client.map { column throws(DatasetError) in
      try table.position(column, key: "data.client_column")
    }
    person = try PersonColumn(format, table)
    column = try format.splitColumn.map { column throws(DatasetError) in
      try table.position(column, key: "data.split_column")
    }
  }

  /// Training and test rows, each in random order.
  func parts() throws(DatasetError) -> (train: [TextRow], test: [TextRow]) {
    let order = Self.order(of: table.rows.count, step: 0)
    if let column { return try stated(order, by: column) }
    let others = known.isEmpty ? order : order.filter { !known.contains($0) }
    var holdings = [others]
    if let client {
      // Small clients first: where persons are at several, they have the fewest to choose from.
      holdings = Dictionary(grouping: others) { table.rows[$0].fields[client] }
        .sorted { ($0.value.count, $0.key) < ($1.value.count, $1.key) }.map(\.value)
    }
    var isTest: Set<Int> = []
    var sides: [Person: Bool] = [:]
    if let person { for row in known { sides[person[table.rows[row]]] = false } }
    for rows in holdings {
      let wanted = Int((format.testFraction * Double(rows.count)).rounded())
      let total = max(1, min(rows.count - 1, wanted))
      switch format.testSplit {
      case .random: isTest.formUnion(wholePersons(rows, total, sides: &sides))
      case .stratified: isTest.formUnion(try stratified(rows, total))
      }
    }
    if isTest.isEmpty || isTest.count == others.count, let client, let rows = holdings.first,
      let row = rows.first
    {
      let test = rows.count(where: isTest.contains)
      throw TableClients.onOneSide(
        table.rows[row].fields[client], train: rows.count - test, test: test, file: table.name)
    }
    return (
      order.filter { !isTest.contains($0) }.map { table.rows[$0] },
      order.filter { isTest.contains($0) }.map { table.rows[$0] }
    )
  }

  /// The rows as their split column says.
  private func stated(
    _ order: [Int], by column: Int
  ) throws(DatasetError) -> (train: [TextRow], test: [TextRow]) {
    var sideOfPerson: [String: String] = [:]
    for row in table.rows {
      let side = row.fields[column]
      let place = "\(table.name), line \(row.line)"
      guard ["train", "test"].contains(side) else {
        throw DatasetError(
          .malformed, at: place, "has '\(side)' in '\(table.columnName(column))'",
          fix: "write train or test, or leave data.split_column out")
      }
      guard case .named(let name)? = person?[row] else { continue }
      if let other = sideOfPerson.updateValue(side, forKey: name), other != side {
        throw DatasetError(
          .malformed, at: place,
          "puts a row of '\(name)' into \(side), who has one in \(other)",
          fix: "keep all rows of a person on one side")
      }
    }
    let rows = order.map { table.rows[$0] }
    let parts = (
      train: rows.filter { $0.fields[column] == "train" },
      test: rows.filter { $0.fields[column] == "test" }
    )
    guard !parts.train.isEmpty, !parts.test.isEmpty else {
      throw DatasetError(
        .malformed, at: table.name,
        "has \(parts.train.count) rows for training and \(parts.test.count) for testing",
        fix: "mark rows of both kinds in '\(table.columnName(column))'")
    }
    return parts
  }

  /// The first rows in the given order, at least `total` if that leaves a person to train on: all rows of a
  /// person stay together, at every client, and persons with many rows are as likely as others.
  ///
  /// - Parameter sides: whether a person is for testing, as clients before this one decided.
  private func wholePersons(
    _ order: [Int], _ total: Int, sides: inout [Person: Bool]
  ) -> [Int] {
    guard let person else { return Array(order.prefix(total)) }
    var rows: [Person: [Int]] = [:]
    for row in order { rows[person[table.rows[row]], default: []].append(row) }
    // A person's turn is that of one row, the first in the file: with many rows nobody is tested on any sooner.
    let turns = Set(rows.values.compactMap { $0.min() })
    let persons = order.filter(turns.contains).map { person[table.rows[$0]] }
    var chosen = persons.filter { sides[$0] == true }.flatMap { rows[$0] ?? [] }
    let open = persons.filter { sides[$0] == nil }
    let hasOthers = persons.contains { sides[$0] == false }
    for name in hasOthers ? open[...] : open.dropLast() where chosen.count < total {
      chosen += rows[name] ?? []
      sides[name] = true
    }
    for name in open where sides[name] == nil { sides[name] = false }
    return chosen
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

  /// The places of the rows that are public, by their numbers alone and before anything else is decided: which ones
  /// they are tells nothing of any row.
  ///
  /// - Throws: `tooFew` if fewer than two private rows would be left.
  static func publicPlaces(
    _ count: Int, of rows: Int, _ name: String
  ) throws(DatasetError) -> [Int] {
    guard count > 0 else { return [] }
    guard count < rows - 1 else {
      throw DatasetError(
        .tooFew(requested: count, available: rows), at: "data.public_examples",
        "asks for \(count) of the \(rows) rows of \(name), which leaves fewer than two private ones",
        fix: "use a smaller number")
    }
    return Array(order(of: rows, step: 1).prefix(count))
  }

  /// The split belongs to the data set, so it does not follow the seed of a run.
  private static func order(of count: Int, step: Int) -> [Int] {
    var stream = RandomStream(seed: 0, purpose: .partition, round: 7, step: step)
    return Array(0..<count).shuffled(using: &stream)
  }
}
