// Data sets from text tables, with the test rows in a file of their own or split off.

import Foundation
import Kernels

/// A file's name for messages, and its bytes, plain or gzip.
public typealias NamedBytes = (name: String, bytes: [UInt8])

/// What rows of a table may be read for, beside training.
public struct TableUse: Sendable, Hashable {
  /// Whether a client has a budget, so that no private row may decide on scales, categories, classes, or
  /// how other rows are read.
  public var isPrivate: Bool
  /// Training rows that are public, drawn by their numbers alone.
  public var publicExamples: Int

  public init(isPrivate: Bool = false, publicExamples: Int = 0) {
    self.isPrivate = isPrivate
    self.publicExamples = publicExamples
  }
}

/// Readers of text tables.
public enum Table {
  /// Reads a table from the bytes of its files.
  ///
  /// - Parameters:
  ///   - name: of the data set.
  ///   - test: without it `format.testFraction` of the rows, always the same ones, become the test part.
  ///   - publicRows: a file of the same columns whose rows are public.
  /// - Throws: `malformed` with file and line; `invalidRequest` if keys do not fit the columns, or if a
  ///   private row would have to be read for more than training.
  public static func dataset(
    name: String, format: TableFormat, train: NamedBytes, test: NamedBytes?,
    publicRows: NamedBytes? = nil, use: TableUse = TableUse()
  ) throws(DatasetError) -> Dataset {
    let table = try read(train, format, use)
    let known = try TableSplit.publicPlaces(
      publicRows == nil ? use.publicExamples : 0, of: table.rows.count, table.name)
    var (trainRows, testRows) = (table.rows, [TextRow]())
    if let test {
      testRows = try read(test, like: table, format, use)
    } else {
      // Before rows without a label are left out: whether a row has one moves no other row.
      (trainRows, testRows) = try TableSplit(table, format, keeping: known).parts()
    }
    let all = trainRows.count + testRows.count
    let testName = test?.name ?? train.name
    testRows = try labelled(testRows, format, table, testName)
    var publicIndices: [Int32]
    let labelledCount: Int
    (trainRows, publicIndices, labelledCount) = try counted(
      trainRows, publicPlaces: known, format, table, train.name)
    var rows = trainRows.map { (row: $0, file: train.name) }
    if let publicRows {
      let known = try labelled(
        read(publicRows, like: table, format, TableUse()), format, table, publicRows.name)
      publicIndices = (rows.count..<rows.count + known.count).map(Int32.init)
      rows += known.map { (row: $0, file: publicRows.name) }
    }
    let teachers: (rows: [TextRow], source: TableFacts.Source)? =
      if !publicIndices.isEmpty {
        (publicIndices.map { rows[Int($0)].row }, .publicRows)
      } else if use.isPrivate {
        nil
      } else {
        (trainRows, .trainingRows)
      }
    let holdings = try TableClients(format, table)?.holdings(
      train: rows, test: testRows.map { ($0, testName) }, excluding: publicIndices,
      missing: Set(format.missing))
    let columns = try TableColumns(
      format, of: table, teachers: teachers, all: [rows.map(\.row), testRows])
    let tally = try RowTally(
      read: all, labelled: labelledCount, train: trainRows, test: testRows, format, table,
      outside: OutsideValues.find(
        columns.columns, in: [trainRows, testRows], missing: Set(format.missing),
        decimal: table.dialect.decimal))
    let groups = try GroupReader(format, of: table, rows: [rows.map(\.row), testRows])
    let encoder = TableEncoder(
      columns, groups: groups, weights: try RowWeights(format, of: table), missing: format.missing,
      decimal: table.dialect.decimal)
    let tested = testRows.map { (row: $0, file: testName) }
    let encodedTrain: Examples
    let encodedTest: Examples
    do throws(DatasetError) {
      encodedTrain = try encoder.encode(rows, .train)
      encodedTest = try encoder.encode(tested, .test)
    } catch {
      // Training rows have weights besides.
      _ = try encoder.encode(inFileOrder(rows + tested), .test)
      _ = try encoder.encode(inFileOrder(rows), .train)
      throw error
    }
    return try Dataset(
      name: name, shape: .features(count: columns.valueCount), classCount: columns.classes.count,
      normalization: .identity, train: encodedTrain, test: encodedTest,
      groupNames: columns.groupNames, attributes: groups.attributes, classNames: columns.classes,
      publicTrain: publicIndices,
      holdings: holdings,
      table: TableFacts(
        dialect: table.dialect, columns: columns.columns,
        labelColumn: table.columnName(columns.label), classSource: columns.classSource,
        missing: format.missing, unlabelledRows: tally.unlabelled, repeatedRows: tally.repeated),
      sharedPersons: try SharedPersons(trainRows, format, table), rows: tally)
  }

  /// Reads a table from its files.
  static func dataset(
    name: String, format: TableFormat, trainFile: URL, testFile: URL?, publicFile: URL? = nil,
    use: TableUse
  ) throws(DatasetError) -> Dataset {
    func bytes(_ file: URL?) throws(DatasetError) -> NamedBytes? {
      guard let file else { return nil }
      return (file.path, try ByteReader.bytes(of: file))
    }
    return try dataset(
      name: name, format: format, train: (trainFile.path, try ByteReader.bytes(of: trainFile)),
      test: try bytes(testFile), publicRows: try bytes(publicFile), use: use)
  }

  static func read(
    _ file: NamedBytes, _ format: TableFormat, _ use: TableUse
  ) throws(DatasetError) -> NamedRows {
    var reader = try ByteReader(file.bytes, name: file.name)
    let bytes = try reader.read(upTo: largestText)
    try reader.expectEnd(after: "\(largestText) bytes")
    return try format.rows(of: bytes, name: file.name, isPrivate: use.isPrivate)
  }

  /// The rows that have a label; a stated class is one even if it looks like a missing value.
  static func labelled(
    _ rows: [TextRow], _ format: TableFormat, _ table: NamedRows, _ file: String
  ) throws(DatasetError) -> [TextRow] {
    let label = try table.position(format.label, key: "data.label_column")
    let missing = Set(format.missing).subtracting(format.classes ?? [])
    let labelled = rows.filter { !missing.contains($0.fields[label]) }
    guard !labelled.isEmpty else {
      throw DatasetError(
        .malformed, at: file, "has no row with a label in '\(table.columnName(label))'",
        fix: "name another data.label_column or give more rows")
    }
    return labelled
  }

  static func read(
    _ file: NamedBytes, like table: NamedRows, _ format: TableFormat, _ use: TableUse
  ) throws(DatasetError) -> [TextRow] {
    let other = try read(file, format, use)
    guard other.width == table.width, other.names == table.names else {
      throw DatasetError(
        .malformed, at: file.name, "has other columns than \(table.name)",
        fix: "give files of the same columns")
    }
    return other.rows
  }

  /// Text tables beyond 256 MiB are refused.
  private static let largestText = 1 << 28
}
