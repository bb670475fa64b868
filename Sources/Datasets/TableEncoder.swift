// From text fields to numbers: what the training rows teach about each column, applied to any rows.

import Foundation

/// Numbers for the rows of a table, as learned from its training rows.
struct TableEncoder {
  static let mostCategories = 1_000
  static let mostValues = 1 << 28

  private enum Column {
    case dropped
    case numeric(mean: Double, standardDeviation: Double)
    /// The place of each value among the 0/1 columns.
    case categorical([String: Int])
  }

  private let columns: [Column]
  private let label: Int
  private let group: Int?
  private let missing: Set<String>
  /// Published label of each class.
  let classes: [String]
  let groupNames: [String]
  let valueCount: Int

  /// Learns the columns from training rows and the groups from all rows.
  init(_ format: TableFormat, train: NamedRows, test: NamedRows) throws(DatasetError) {
    label = try train.position(format.label)
    var group: Int?
    if let column = format.group { group = try train.position(column) }
    self.group = group
    missing = Set(format.missing)
    var dropped: Set<Int> = [label]
    for column in format.dropped { dropped.insert(try train.position(column)) }
    var forced: Set<Int> = []
    for column in format.categorical { forced.insert(try train.position(column)) }

    var columns: [Column] = []
    var valueCount = 0
    for position in 0..<train.width {
      let column =
        dropped.contains(position)
        ? .dropped
        : try TableEncoder.learn(train, position, missing, categorical: forced.contains(position))
      switch column {
      case .dropped: break
      case .numeric: valueCount += 1
      case .categorical(let places): valueCount += places.count
      }
      columns.append(column)
    }
    guard valueCount > 0 else {
      throw DatasetError(
        .malformed, at: train.name, "has no input columns", mend: "drop fewer columns")
    }
    self.columns = columns
    self.valueCount = valueCount
    classes = try TableEncoder.classes(train, label, missing)
    groupNames = try TableEncoder.groups(train, test, group)
  }

  private static func learn(
    _ table: NamedRows, _ position: Int, _ missing: Set<String>, categorical: Bool
  ) throws(DatasetError) -> Column {
    if !categorical, let numbers = numbers(table, position, missing) {
      let mean = numbers.reduce(0, +) / Double(numbers.count)
      let variance = numbers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(numbers.count)
      // A constant column would be divided by a rounding error.
      let constant = variance == 0 || numbers.allSatisfy { $0 == numbers[0] }
      return .numeric(
        mean: constant ? numbers[0] : mean,
        standardDeviation: constant ? 1 : variance.squareRoot())
    }
    let values = Set(table.rows.lazy.map { value($0[position], missing) })
    guard values.count <= mostCategories else {
      throw DatasetError(
        .malformed, at: table.name,
        "has \(values.count) different texts in column \(position), more than \(mostCategories)",
        mend: "drop that column")
    }
    return .categorical(
      Dictionary(uniqueKeysWithValues: values.sorted().enumerated().map { ($1, $0) }))
  }

  /// The numbers of a column in which all that is not missing is a number, and something is not.
  private static func numbers(
    _ table: NamedRows, _ position: Int, _ missing: Set<String>
  ) -> [Double]? {
    var numbers: [Double] = []
    for row in table.rows where !missing.contains(row[position]) {
      guard let number = number(row[position]) else { return nil }
      numbers.append(number)
    }
    return numbers.isEmpty ? nil : numbers
  }

  /// Beyond 1e100 a variance would overflow, so larger numbers count as text.
  private static func number(_ text: String) -> Double? {
    Double(text).flatMap { abs($0) <= 1e100 ? $0 : nil }
  }

  /// All ways to write "missing" are one value.
  private static func value(_ field: String, _ missing: Set<String>) -> String {
    missing.contains(field) ? "?" : field
  }

  private static func classes(
    _ table: NamedRows, _ label: Int, _ missing: Set<String>
  ) throws(DatasetError) -> [String] {
    let labels = Set(table.rows.lazy.map { $0[label] })
    guard labels.count <= 256 else {
      throw DatasetError(
        .malformed, at: table.name, "has \(labels.count) different labels, more than 256",
        mend: "name a column of classes as the label")
    }
    return labels.sorted { first, second in
      guard let a = number(first), let b = number(second), a != b else { return first < second }
      return a < b
    }
  }

  private static func groups(
    _ train: NamedRows, _ test: NamedRows, _ group: Int?
  ) throws(DatasetError) -> [String] {
    guard let group else { return [] }
    let names = Set(train.rows.lazy.map { $0[group] }).union(test.rows.lazy.map { $0[group] })
    guard names.count <= Int(UInt16.max) else {
      throw DatasetError(
        .malformed, at: train.name, "has \(names.count) groups", mend: "name another group column")
    }
    return names.sorted()
  }
}

// MARK: - Encoding

extension TableEncoder {
  /// Standardised numbers, labels and groups of the given rows.
  func encode(_ table: NamedRows, _ part: Examples.Part) throws(DatasetError) -> Examples {
    guard table.rows.count <= TableEncoder.mostValues / valueCount else {
      throw DatasetError(
        .malformed, at: table.name, "gives \(table.rows.count) rows of \(valueCount) numbers",
        mend: "drop columns of many values, or use fewer rows")
    }
    let classOfLabel = Dictionary(
      uniqueKeysWithValues: classes.enumerated().map { ($1, UInt8($0)) })
    let groupOfName = Dictionary(
      uniqueKeysWithValues: groupNames.enumerated().map { ($1, UInt16($0)) })
    var labels: [UInt8] = []
    var groups: [UInt16] = []
    var values: [Float] = []
    values.reserveCapacity(table.rows.count * valueCount)
    for (index, row) in table.rows.enumerated() {
      let text = row[label]
      // The published test file of Adult ends its labels with a full stop.
      guard let label = classOfLabel[text] ?? classOfLabel[String(text.dropLast())],
        classOfLabel[text] != nil || text.hasSuffix(".")
      else {
        throw DatasetError(
          .malformed, at: "\(table.name), row \(index + 1)",
          "has the label '\(text)', which no training row has", mend: "mend that row")
      }
      labels.append(label)
      if let group { groups.append(groupOfName[row[group]] ?? 0) }
      try append(row, index, table.name, to: &values)
    }
    return Examples(
      part: part, labels: labels, values: .floats(values), groups: group == nil ? nil : groups)
  }

  private func append(
    _ row: [String], _ index: Int, _ name: String, to values: inout [Float]
  ) throws(DatasetError) {
    for (position, column) in columns.enumerated() {
      let field = row[position]
      switch column {
      case .dropped: break
      case .numeric(let mean, let standardDeviation):
        guard !missing.contains(field) else {
          values.append(0)
          continue
        }
        let value = TableEncoder.number(field).map { Float(($0 - mean) / standardDeviation) }
        guard let value, value.isFinite else {
          throw DatasetError(
            .malformed, at: "\(name), row \(index + 1)",
            "has '\(field)' in column \(position), which is numeric in the training rows",
            mend: "mend that row or list the column as categorical")
        }
        values.append(value)
      case .categorical(let places):
        let first = values.count
        values.append(contentsOf: repeatElement(0, count: places.count))
        // A value that training rows do not have leaves all its columns 0.
        if let place = places[TableEncoder.value(field, missing)] { values[first + place] = 1 }
      }
    }
  }
}
