// What each column of a table becomes, and where that knowledge may come from.

/// The columns, classes and groups of a table, before any row is encoded.
///
/// A private row may decide nothing here: what neither the scenario states nor public rows tell is
/// learned from training rows only where nobody has a budget, and refused otherwise.
struct TableColumns {
  static let mostCategories = 1_000
  /// Labels that are learned from rows: more are hardly classes.
  static let mostClasses = 256

  private(set) var columns: [TableFacts.Column] = []
  /// The published label of each class.
  private(set) var classes: [String] = []
  private(set) var classSource = TableFacts.Source.stated
  let label: Int
  let group: Int?
  let groupNames: [String]
  private(set) var valueCount = 0
  /// What would have to be read from private rows, in words.
  private var unknown: [String] = []

  /// - Parameters:
  ///   - teachers: the rows from which what is not stated is learned; nil if none may be.
  ///   - all: every row of the table, for the names of groups, which reach no client.
  init(
    _ format: TableFormat, of table: NamedRows, teachers: (rows: [TextRow], TableFacts.Source)?,
    all: [[TextRow]]
  ) throws(DatasetError) {
    let label = try table.position(format.label, key: "data.label_column")
    self.label = label
    var group: Int?
    if let column = format.group { group = try table.position(column, key: "data.group_column") }
    self.group = group
    groupNames = try Self.groups(all, group, table)

    let roles = try Self.roles(format, table, label)
    let statements = try Self.statements(format, table, roles)
    let missing = Set(format.missing)
    for position in 0..<table.width {
      let name = table.columnName(position)
      var (encoding, source) = (TableFacts.Encoding.unused, TableFacts.Source?.none)
      if roles[position] == nil {
        if let stated = Self.stated(statements[position]) {
          (encoding, source) = (stated, .stated)
          if case .estimated(_, _, .some) = statements[position] { source = .privateEstimate }
        } else if let teachers {
          source = teachers.1
          encoding = try ColumnTeacher(
            table: table, position: position, rows: teachers.rows, missing: missing,
            kind: statements[position], source: teachers.1
          ).encoding()
        } else {
          unknown.append("'\(name)'")
        }
      }
      columns.append(
        TableFacts.Column(
          name: name, encoding: encoding, source: source, firstInput: valueCount,
          role: roles[position]))
      valueCount += encoding.width
    }
    try learnClasses(format, table, teachers, all)
    try refuseUnknown(table.name)
    guard valueCount > 0 else {
      throw DatasetError(
        .malformed, at: table.name, "has no input columns",
        fix: "leave fewer out with data.drop_columns or data.feature_columns")
    }
  }

  private mutating func learnClasses(
    _ format: TableFormat, _ table: NamedRows,
    _ teachers: (rows: [TextRow], source: TableFacts.Source)?, _ all: [[TextRow]]
  ) throws(DatasetError) {
    if let stated = format.classes {
      classes = stated
    } else if let teachers {
      classSource = teachers.source
      // A class of which all rows fell into the test part is a class all the same.
      let rows = teachers.source == .publicRows ? [teachers.rows] : all
      classes = try Self.classes(rows, label, table)
    } else {
      unknown.append("the classes in '\(table.columnName(label))'")
      return
    }
    guard classes.count >= 2 else {
      throw DatasetError(
        .malformed, at: table.name,
        "has one class only, \(classes.map { "'\($0)'" }.joined()), so there is nothing to learn",
        fix: "name another data.label_column, or list all classes in data.classes")
    }
  }

  private func refuseUnknown(_ name: String) throws(DatasetError) {
    guard !unknown.isEmpty else { return }
    let shown = unknown.prefix(8).joined(separator: ", ")
    let rest = unknown.count > 8 ? " and \(unknown.count - 8) more" : ""
    throw DatasetError(
      .invalidRequest, at: name,
      "the scale or the values of \(shown)\(rest) would be read from private rows, which no epsilon "
        + "covers",
      fix: "state them in data.columns and data.classes, give public rows by data.public_path or "
        + "data.public_examples, leave columns out by data.drop_columns, or set "
        + "privacy.target_epsilon to null")
  }

  // MARK: - From the scenario

  /// Why a column is no input; nil where it is one.
  private static func roles(
    _ format: TableFormat, _ table: NamedRows, _ label: Int
  ) throws(DatasetError) -> [String?] {
    var roles = [String?](repeating: nil, count: table.width)
    if let features = format.features {
      roles = [String?](repeating: "left out", count: table.width)
      for column in features {
        roles[try table.position(column, key: "data.feature_columns")] = nil
      }
    }
    for column in format.dropped {
      roles[try table.position(column, key: "data.drop_columns")] = "left out"
    }
    roles[label] = "label"
    let others: [(TableColumn?, String, String)] = [
      (format.client, "client", "data.client_column"),
      (format.cluster, "cluster", "data.cluster_column"),
      (format.person, "person", "data.id_column"),
      (format.splitColumn, "split", "data.split_column"),
      (format.weight?.column, "weight", "data.weight_column"),
    ]
    for case (let column?, let role, let key) in others {
      let position = try table.position(column, key: key)
      if let other = roles[position], other != "left out" {
        throw DatasetError(
          .invalidRequest, at: key, "'\(table.columnName(position))' is already the \(other)",
          fix: "name another column")
      }
      roles[position] = role
    }
    return roles
  }

  private static func statements(
    _ format: TableFormat, _ table: NamedRows, _ roles: [String?]
  ) throws(DatasetError) -> [ColumnStatement.Kind?] {
    var statements = [ColumnStatement.Kind?](repeating: nil, count: table.width)
    for (index, statement) in format.columns.enumerated() {
      let key = "data.columns[\(index)]"
      let position = try table.position(statement.column, key: key)
      if let role = roles[position] {
        throw DatasetError(
          .invalidRequest, at: key,
          "'\(table.columnName(position))' is no input but the column that is \(role)",
          fix: "remove this entry")
      }
      guard statements[position] == nil else {
        throw DatasetError(
          .invalidRequest, at: key, "'\(table.columnName(position))' was stated before",
          fix: "remove one of the entries")
      }
      statements[position] = statement.kind
    }
    return statements
  }

  /// The encoding that a statement settles by itself.
  private static func stated(_ kind: ColumnStatement.Kind?) -> TableFacts.Encoding? {
    switch kind {
    case .bounded(let min, let max):
      .numeric(center: (min + max) / 2, scale: (max - min) / 2, min: min, max: max)
    case .estimated(let min, let max, let found):
      stated(
        .bounded(min: found?.lowerBound ?? min, max: found?.upperBound ?? max))
    case .standardized(let mean, let standardDeviation):
      .numeric(center: mean, scale: standardDeviation, min: nil, max: nil)
    case .categorical(let categories?): .categorical(categories, hasMissing: true)
    case .numeric, .categorical(nil), nil: nil
    }
  }

  // MARK: - From rows

  /// The labels of some rows in the order of the classes: by size where they are numbers, else by spelling.
  static func classes(
    _ rows: [[TextRow]], _ label: Int, _ table: NamedRows
  ) throws(DatasetError) -> [String] {
    var labels: Set<String> = []
    for part in rows { labels.formUnion(part.lazy.map { $0.fields[label] }) }
    // The published test file of Adult ends its labels with a full stop.
    labels = labels.filter { !$0.hasSuffix(".") || !labels.contains(String($0.dropLast())) }
    guard labels.count <= mostClasses else {
      throw DatasetError(
        .malformed, at: table.name,
        "has \(labels.count) different labels in '\(table.columnName(label))', more than "
          + "\(mostClasses)",
        fix: "name a column of classes as data.label_column, or list them in data.classes")
    }
    return labels.sorted { first, second in
      let (a, b) = (table.dialect.decimal.number(first), table.dialect.decimal.number(second))
      guard let a, let b, a != b else { return first < second }
      return a < b
    }
  }

  private static func groups(
    _ rows: [[TextRow]], _ group: Int?, _ table: NamedRows
  ) throws(DatasetError) -> [String] {
    guard let group else { return [] }
    var names: Set<String> = []
    for part in rows { names.formUnion(part.lazy.map { $0.fields[group] }) }
    guard names.count <= Int(UInt16.max) else {
      throw DatasetError(
        .malformed, at: table.name, "has \(names.count) groups in '\(table.columnName(group))'",
        fix: "name another group column")
    }
    return names.sorted()
  }
}
