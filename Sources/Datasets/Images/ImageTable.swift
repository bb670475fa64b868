// Data sets from images beside a table: each row has the number of its image, its label and whose it is.

import Foundation

/// How the table beside packed images is read.
public struct ImageFormat: Sendable, Hashable {
  /// Label, groups, clients, persons, dialect and split; its input columns play no part.
  public var table: TableFormat
  /// The column of the number of a row's image, from 0.
  public var image: TableColumn

  public init(table: TableFormat, image: TableColumn) {
    self.table = table
    self.image = image
  }
}

/// Reader of the folders that `tools/convert-images` writes: `rows.csv` beside `images.idx`.
///
/// Images are decoded there, once, so that no decoder of hostile files is part of the program
/// (docs/decisions/0004-images.md).
public enum ImageTable {
  static let rowsFile = "rows.csv"
  static let imagesFile = "images.idx"
  /// The column that `tools/convert-images` writes for `data.image_column`.
  static let imageColumn = "image"

  /// The folder with packed images that a path means: a folder itself, or that of its table; nil for other tables.
  static func folder(of path: URL) -> URL? {
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: path.path, isDirectory: &isFolder), isFolder.boolValue
    {
      return path
    }
    let folder = path.deletingLastPathComponent()
    let images = folder.appendingPathComponent(imagesFile)
    return path.lastPathComponent == rowsFile
      && FileManager.default.fileExists(atPath: images.path) ? folder : nil
  }

  /// Height and width of the packed images of a folder, each of which a row of the table names by its number.
  static func size(
    in folder: URL, namedBy rows: NamedRows
  ) throws(DatasetError) -> (height: Int, width: Int) {
    let file = folder.appendingPathComponent(imagesFile)
    let packed = try IDX.packedImages(in: try ByteReader.bytes(of: file), name: file.path)
    let place = try rows.position(.name(imageColumn), key: "data.image_column")
    for row in rows.rows { _ = try number(row, place, packed, rows.name) }
    return (packed.height, packed.width)
  }

  /// Reads images and their table from the bytes of the two files.
  ///
  /// - Parameter name: of the data set.
  /// - Throws: `malformed` with file and line; `invalidRequest` if keys do not fit the columns, or if the
  ///   classes would have to be learned from private rows.
  public static func dataset(
    name: String, format: ImageFormat, rows: NamedBytes, images: NamedBytes,
    use: TableUse = TableUse()
  ) throws(DatasetError) -> Dataset {
    let packed = try IDX.packedImages(in: images.bytes, name: images.name)
    let table = try Table.read(rows, format.table, use)
    let known = try TableSplit.publicPlaces(
      use.publicExamples, of: table.rows.count, table.name)
    var (trainRows, testRows) = try TableSplit(table, format.table, keeping: known).parts()
    let publicIndices: [Int32]
    let labelledCount: Int
    (trainRows, publicIndices, labelledCount) = try Table.counted(
      trainRows, publicPlaces: known, format.table, table, rows.name)
    testRows = try Table.labelled(testRows, format.table, table, rows.name)
    let labels = try RowLabels(
      format.table, hasLabels: true, of: table, train: trainRows, test: testRows,
      isPrivate: use.isPrivate)
    let place = try table.position(format.image, key: "data.image_column")
    let (train, test) = (
      trainRows.map { (row: $0, file: rows.name) }, testRows.map { (row: $0, file: rows.name) }
    )
    let holdings = try TableClients(format.table, table)?.holdings(
      train: train, test: test, excluding: publicIndices, missing: Set(format.table.missing))
    return try Dataset(
      name: name,
      shape: .image(height: packed.height, width: packed.width, channels: packed.channels),
      classCount: labels.classes.count, normalization: .cifar10,
      train: labels.examples(
        .train, train, values: .bytes(try pixels(of: trainRows, place, packed, rows.name))),
      test: labels.examples(
        .test, test, values: .bytes(try pixels(of: testRows, place, packed, rows.name))),
      groupNames: labels.groupNames, attributes: labels.attributes, classNames: labels.classes,
      publicTrain: publicIndices, holdings: holdings,
      sharedPersons: try SharedPersons(trainRows, format.table, table),
      rows: try RowTally(
        read: table.rows.count, labelled: labelledCount, train: trainRows, test: testRows,
        format.table, table))
  }

  static func checkFiles(of folder: URL) throws(DatasetError) {
    let files = [rowsFile, imagesFile].map { folder.appendingPathComponent($0) }
    for file in files where !FileManager.default.fileExists(atPath: file.path) {
      throw DatasetError(
        .missing, at: file.path, "is not there",
        fix: "make it from a manifest and its images with "
          + "tools/convert-images MANIFEST.csv FOLDER, and name that folder")
    }
  }

  /// Reads the two files of a folder.
  static func dataset(
    name: String, format: ImageFormat, folder: URL, use: TableUse
  ) throws(DatasetError) -> Dataset {
    try checkFiles(of: folder)
    let files = [rowsFile, imagesFile].map { folder.appendingPathComponent($0) }
    return try dataset(
      name: name, format: format, rows: (files[0].path, try ByteReader.bytes(of: files[0])),
      images: (files[1].path, try ByteReader.bytes(of: files[1])), use: use)
  }

  /// The bytes of the images of some rows, one image after the other.
  private static func pixels(
    of rows: [TextRow], _ place: Int, _ packed: IDX.Images, _ file: String
  ) throws(DatasetError) -> [UInt8] {
    let size = packed.height * packed.width * packed.channels
    var bytes: [UInt8] = []
    bytes.reserveCapacity(min(rows.count, packed.count) * size)
    for row in rows {
      let number = try number(row, place, packed, file)
      bytes += packed.bytes[number * size..<(number + 1) * size]
    }
    return bytes
  }

  /// The number of a row's image.
  private static func number(
    _ row: TextRow, _ place: Int, _ packed: IDX.Images, _ file: String
  ) throws(DatasetError) -> Int {
    guard let number = Int(row.fields[place]), (0..<packed.count).contains(number) else {
      throw DatasetError(
        .malformed, at: "\(file), line \(row.line)",
        "has '\(row.fields[place])' as the number of its image, of which there are "
          + "\(packed.count) from 0 on",
        fix: "name the column of these numbers as data.image_column, or convert the images again")
    }
    return number
  }
}
