// Data sets from text tables, with the test rows in a file of their own or split off at random.

import Foundation
import Kernels

/// Readers of text tables.
public enum Table {
  /// Reads a table from the bytes of its files, plain or gzip.
  ///
  /// - Parameters:
  ///   - name: of the data set.
  ///   - train: a file's name for messages, and its bytes.
  ///   - test: likewise; without it `format.testFraction` of the rows, chosen at random but always
  ///     the same ones, become the test part.
  public static func dataset(
    name: String, format: TableFormat, train: (name: String, bytes: [UInt8]),
    test: (name: String, bytes: [UInt8])?
  ) throws(DatasetError) -> Dataset {
    var trainRows = try rows(train, format)
    var testRows = trainRows
    if let test {
      testRows = try rows(test, format)
      guard testRows.width == trainRows.width, testRows.names == trainRows.names else {
        throw DatasetError(
          .malformed, at: test.name, "has other columns than \(train.name)",
          mend: "give files of the same columns")
      }
    } else {
      (trainRows.rows, testRows.rows) = try split(trainRows, format.testFraction)
    }
    let encoder = try TableEncoder(format, train: trainRows, test: testRows)
    return try Dataset(
      name: name, shape: .features(count: encoder.valueCount), classCount: encoder.classes.count,
      normalization: .identity, train: encoder.encode(trainRows, .train),
      test: encoder.encode(testRows, .test), groupNames: encoder.groupNames)
  }

  /// Reads a table from its files, plain or gzip.
  static func dataset(
    name: String, format: TableFormat, trainFile: URL, testFile: URL?
  ) throws(DatasetError) -> Dataset {
    let train = (trainFile.path, try ByteReader.bytes(of: trainFile))
    guard let testFile else {
      return try dataset(name: name, format: format, train: train, test: nil)
    }
    let test = (testFile.path, try ByteReader.bytes(of: testFile))
    return try dataset(name: name, format: format, train: train, test: test)
  }

  /// The rows that have a label.
  private static func rows(
    _ file: (name: String, bytes: [UInt8]), _ format: TableFormat
  ) throws(DatasetError) -> NamedRows {
    var reader = try ByteReader(file.bytes, name: file.name)
    let bytes = try reader.read(upTo: largestText)
    try reader.expectEnd(after: "\(largestText) bytes")
    var rows = try format.rows(of: bytes, name: file.name)
    let label = try rows.position(format.label)
    rows.rows.removeAll { format.missing.contains($0[label]) }
    guard !rows.rows.isEmpty else {
      throw DatasetError(
        .malformed, at: file.name, "has no row with a label", mend: "name another label column")
    }
    return rows
  }

  private static func split(
    _ table: NamedRows, _ fraction: Double
  ) throws(DatasetError) -> (train: [[String]], test: [[String]]) {
    guard fraction > 0, fraction < 1 else {
      throw DatasetError(
        .invalidRequest, at: "table.test_fraction", "\(fraction) is out of range",
        mend: "use a number between 0 and 1")
    }
    guard table.rows.count >= 2 else {
      throw DatasetError(
        .malformed, at: table.name, "has one row, too few to split off a test part",
        mend: "give a test file or more rows")
    }
    // The split belongs to the data set, so it does not follow the seed of a run.
    var stream = RandomStream(seed: 0, purpose: .partition, round: 7)
    let shuffled = table.rows.shuffled(using: &stream)
    let rounded = Int((fraction * Double(shuffled.count)).rounded())
    let test = max(1, min(shuffled.count - 1, rounded))
    return (Array(shuffled.dropFirst(test)), Array(shuffled.prefix(test)))
  }

  /// Text tables beyond 256 MiB are refused.
  private static let largestText = 1 << 28
}
