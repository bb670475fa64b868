// The clients that a table names: each value of a column is one, with the rows that carry it.

/// The rows of a client that the data set itself names.
public struct Holding: Sendable, Hashable {
  public let client: String
  /// Its true cluster; nil where nobody knows.
  public let cluster: String?
  /// Training and test examples, in the order of the data set.
  public let train: [Int32]
  public let test: [Int32]
}

/// The columns of a table that say whose a row is.
struct TableClients {
  private let client: Int
  private let cluster: Int?

  /// Nil unless the format names a column of clients.
  init?(_ format: TableFormat, _ table: NamedRows) throws(DatasetError) {
    guard let column = format.client else { return nil }
    client = try table.position(column, key: "data.client_column")
    cluster = try format.cluster.map { column throws(DatasetError) in
      try table.position(column, key: "data.cluster_column")
    }
  }

  /// Clients in the order of their clusters and names, numbers before words.
  ///
  /// - Throws: `malformed` if a row names no client, a client has rows of two clusters, or nothing to train
  ///   or to test on.
  func holdings(
    train: [(row: TextRow, file: String)], test: [(row: TextRow, file: String)],
    excluding publicRows: [Int32], missing: Set<String>
  ) throws(DatasetError) -> [Holding] {
    let publicRows = Set(publicRows)
    let owned = train.enumerated().filter { !publicRows.contains(Int32($0.offset)) }
    let clusters = try Table.namingFirst(owned.map(\.element) + test) {
      rows throws(DatasetError) in try self.clusters(rows, missing)
    }
    var lists: [String: (train: [Int32], test: [Int32])] = [:]
    for (index, (row, _)) in owned {
      lists[row.fields[client], default: ([], [])].train.append(Int32(index))
    }
    for (index, (row, _)) in test.enumerated() {
      lists[row.fields[client], default: ([], [])].test.append(Int32(index))
    }
    let holdings = lists.map { name, lists in
      Holding(client: name, cluster: clusters[name], train: lists.train, test: lists.test)
    }.sorted { Self.precedes($0, $1) }
    for holding in holdings where holding.train.isEmpty || holding.test.isEmpty {
      throw Self.onOneSide(
        holding.client, train: holding.train.count, test: holding.test.count,
        file: train.first?.file ?? "data")
    }
    return holdings
  }

  /// The cluster of each client, where a column says it.
  ///
  /// - Throws: `malformed` if a row names no client, or a client has rows of two clusters.
  private func clusters(
    _ rows: [Table.PlacedRow], _ missing: Set<String>
  ) throws(DatasetError) -> [String: String] {
    var clusters: [String: String] = [:]
    for (row, file) in rows {
      let place = "\(file), line \(row.line)"
      let name = row.fields[client]
      guard !missing.contains(name) else {
        throw DatasetError(
          .malformed, at: place, "names no client",
          fix: "fill the client column or remove the row")
      }
      guard let cluster else { continue }
      let own = row.fields[cluster]
      if let earlier = clusters.updateValue(own, forKey: name), earlier != own {
        throw DatasetError(
          .malformed, at: place,
          "puts client '\(name)' into cluster '\(own)' although it was in '\(earlier)'",
          fix: "give every row of a client the same cluster")
      }
    }
    return clusters
  }

  /// Of a client without rows for training or for testing.
  static func onOneSide(
    _ client: String, train: Int, test: Int, file: String
  ) -> DatasetError {
    DatasetError(
      .malformed, at: file,
      "gives client '\(client)' \(train) rows to train on and \(test) to test on",
      fix: "give each client at least one of both: two labelled rows, or two persons with "
        + "data.id_column")
  }

  private static func precedes(_ first: Holding, _ second: Holding) -> Bool {
    let (a, b) = (first.cluster ?? "", second.cluster ?? "")
    if a != b { return precedes(a, b) }
    return precedes(first.client, second.client)
  }

  private static func precedes(_ first: String, _ second: String) -> Bool {
    switch (Double(first), Double(second)) {
    case (let a?, let b?) where a != b: a < b
    case (_?, nil): true
    case (nil, _?): false
    default: first < second
    }
  }
}

extension Table {
  /// The training rows that count: those with a label, and one of each person at each client. Public and private rows
  /// are reduced apart, so that what a private row holds moves no other row in or out of the public ones.
  ///
  /// - Parameter chosen: the places in the table of the rows that are public; those without a label, or of a person with
  ///   another, are left out like others.
  /// - Returns: the rows in their order, where the public ones stand, in the order of `chosen`, and how many rows have a
  ///   label.
  /// - Throws: `invalidRequest` if none of the public ones is left.
  static func counted(
    _ rows: [TextRow], publicPlaces chosen: [Int], _ format: TableFormat, _ table: NamedRows,
    _ file: String, hasLabels: Bool = true
  ) throws(DatasetError) -> (rows: [TextRow], publicPlaces: [Int32], labelled: Int) {
    let labelled = hasLabels ? try labelled(rows, format, table, file) : rows
    guard !chosen.isEmpty else {
      return (try oneRowEach(labelled, format, table), [], labelled.count)
    }
    let publicLines = chosen.map { table.rows[$0].line }
    let open = Set(publicLines)
    let known = try oneRowEach(labelled.filter { open.contains($0.line) }, format, table)
    let hidden = try oneRowEach(labelled.filter { !open.contains($0.line) }, format, table)
    let lines = Set((known + hidden).map(\.line))
    let counted = labelled.filter { lines.contains($0.line) }
    let places = Dictionary(uniqueKeysWithValues: counted.enumerated().map { ($1.line, Int32($0)) })
    let publicPlaces = publicLines.compactMap { places[$0] }
    guard !publicPlaces.isEmpty else {
      throw DatasetError(
        .invalidRequest, at: "data.public_examples",
        "takes \(chosen.count) rows of \(file), none of which has a label and is for training",
        fix: "use a larger number")
    }
    return (counted, publicPlaces, labelled.count)
  }

  /// Of each person's rows at one client the first: an example is then a person, and the budget of an example
  /// is that of a person. Rows that do not say whose they are all stay.
  static func oneRowEach(
    _ rows: [TextRow], _ format: TableFormat, _ table: NamedRows
  ) throws(DatasetError) -> [TextRow] {
    guard let person = try PersonColumn(format, table) else { return rows }
    let client = try format.client.map { column throws(DatasetError) in
      try table.position(column, key: "data.client_column")
    }
    var seen: [String: Set<Person>] = [:]
    return rows.filter { row in
      seen[client.map { row.fields[$0] } ?? "", default: []].insert(person[row]).inserted
    }
  }
}
