// Labels and groups of rows whose inputs stand elsewhere: in texts, or in images beside the table.

/// Says of each row its class, the group from which clusters may take it, and the groups of people it belongs to.
struct RowLabels {
  /// The label of each class; one empty name where rows have none.
  let classes: [String]
  let groupNames: [String]
  /// Position of the column of the label; nil where rows have none.
  let label: Int?
  private let group: Int?
  private let people: GroupReader
  private let weights: RowWeights?
  private let classOfLabel: [String: Examples.Label]
  private let groupOfName: [String: UInt16]

  var attributes: [GroupAttribute] { people.attributes }

  /// - Throws: `invalidRequest` if keys do not fit the columns, or if classes would be learned from private rows.
  init(
    _ format: TableFormat, hasLabels: Bool, of table: NamedRows, train: [TextRow], test: [TextRow],
    isPrivate: Bool
  ) throws(DatasetError) {
    label = hasLabels ? try table.position(format.label, key: "data.label_column") : nil
    classes = try Self.classes(format, label, table, [train, test], isPrivate: isPrivate)
    people = try GroupReader(format, of: table, rows: [train, test])
    weights = try RowWeights(format, of: table)
    let position = try format.group.map { column throws(DatasetError) in
      try table.position(column, key: "data.group_column")
    }
    group = position
    let names = position.map { place in Set((train + test).lazy.map { $0.fields[place] }) } ?? []
    guard names.count <= Int(UInt16.max) else {
      throw DatasetError(
        .malformed, at: table.name, "has \(names.count) groups",
        fix: "name another data.group_column")
    }
    groupNames = names.sorted()
    classOfLabel = classes.numbers()
    groupOfName = groupNames.numbers()
  }

  private static func classes(
    _ format: TableFormat, _ label: Int?, _ table: NamedRows, _ rows: [[TextRow]], isPrivate: Bool
  ) throws(DatasetError) -> [String] {
    guard let label else { return [""] }
    if let stated = format.classes { return stated }
    guard !isPrivate else {
      throw DatasetError(
        .invalidRequest, at: "data.classes", "the labels would be learned from private rows",
        fix: "list them")
    }
    let classes = try TableColumns.classes(rows, label, table)
    guard classes.count >= 2 else {
      throw DatasetError(
        .malformed, at: table.name, "has \(classes.count) different labels",
        fix: "name a column of 2 to \(TableColumns.mostClasses) classes in data.label_column")
    }
    return classes
  }

  /// Examples of the given values, one for each row.
  ///
  /// - Throws: `malformed` with file and line for a label that is no class, or a number that is none.
  func examples(
    _ part: Examples.Part, _ rows: [(row: TextRow, file: String)], values: Examples.Values
  ) throws(DatasetError) -> Examples {
    let labels = try Table.namingFirst(rows) { rows throws(DatasetError) in
      try self.labels(of: rows)
    }
    let groups = group.map { place in rows.map { groupOfName[$0.row.fields[place]] ?? 0 } }
    return Examples(
      part: part, labels: labels, values: values, groups: groups,
      memberships: try people.memberships(rows),
      weights: part == .train ? try weights?.shares(rows) : nil)
  }

  private func labels(of rows: [Table.PlacedRow]) throws(DatasetError) -> [Examples.Label] {
    var labels: [Examples.Label] = []
    labels.reserveCapacity(rows.count)
    for (row, file) in rows {
      let name = label.map { row.fields[$0] } ?? ""
      guard let known = classOfLabel[name] else {
        throw DatasetError(
          .malformed, at: "\(file), line \(row.line)",
          "has the label '\(name)', which is none of the classes "
            + classes.prefix(10).joined(separator: ", "),
          fix: "correct the row or list the label in data.classes")
      }
      labels.append(known)
    }
    return labels
  }
}
