// A first look at a table: how it is written, what its columns seem to hold, and which ones look suspicious.

public import Foundation

/// What the rows of a table seem to say. It reads every row without noise, so it is for whoever may see them.
public struct TableInspection: Sendable {
  public let file: String
  /// Where the table stands beside packed images: their folder.
  public let imageFolder: String?
  /// Their height and width.
  public let imageSize: (height: Int, width: Int)?
  public let rows: Int
  /// The column that says by its name whose row it is.
  public var person: Column? { columns.first { $0.kind == .person } }
  public let dialect: TextDialect
  public let columns: [Column]
  public let label: String?
  /// Positions of the columns of labels and clients: another column may have the same name.
  public let labelPlace: Int?
  public let clientPlace: Int?
  /// Each label with its rows, sorted.
  public let classes: [(name: String, rows: Int)]
  public let client: String?
  /// Each client with its rows, sorted.
  public let clients: [(name: String, rows: Int)]
  /// How many persons each client has rows of; empty where no column says whose a row is.
  public let persons: [String: Int]

  /// - Parameters:
  ///   - file: a table, or a folder that `tools/convert-images` made.
  ///   - label: name of the label column, or its position from 0; nil looks at the columns without one.
  ///   - client: the same of the column of clients, if there is one.
  public init(
    file: URL, label: String? = nil, client: String? = nil
  ) throws(DatasetError) {
    let folder = ImageTable.folder(of: file)
    if let folder { try ImageTable.checkFiles(of: folder) }
    let table = folder?.appendingPathComponent(ImageTable.rowsFile) ?? file
    try self.init(
      bytes: try ByteReader.bytes(of: table), name: table.path, imageFolder: folder,
      label: label, client: client)
  }

  init(
    bytes: [UInt8], name: String, imageFolder: URL? = nil, label: String?, client: String?
  ) throws(DatasetError) {
    let format = TableFormat(label: .position(0))
    let table = try format.rows(of: bytes, name: name, isPrivate: false)
    let missing = Set(format.missing)
    func place(_ column: String?, _ option: String) throws(DatasetError) -> Int? {
      guard let column else { return nil }
      // Of two columns of one name, or without any, the position says which is meant.
      if !table.names.contains(column), let position = Int(column) {
        return try table.position(.position(position), key: option)
      }
      return try table.position(.name(column), key: option)
    }
    let labelPlace = try place(label, "--label")
    let clientPlace = try place(client, "--client")
    (self.labelPlace, self.clientPlace) = (labelPlace, clientPlace)
    self.file = name
    self.imageFolder = imageFolder?.path
    if let imageFolder {
      imageSize = try ImageTable.size(in: imageFolder, namedBy: table)
    } else {
      imageSize = nil
    }
    rows = table.rows.count
    dialect = table.dialect
    var columns = (0..<table.width).map {
      Column($0, of: table, missing: missing, label: labelPlace)
    }
    if imageFolder != nil,
      let image = columns.firstIndex(where: { $0.name == ImageTable.imageColumn })
    {
      columns[image].kind = .image
    }
    let candidates = columns.indices.filter {
      ![labelPlace, clientPlace].contains($0) && columns[$0].isNamedPerson
        && columns[$0].kind != .image
    }
    if let person = candidates.max(by: { columns[$0].distinct < columns[$1].distinct }) {
      columns[person].kind = .person
    }
    self.columns = columns
    self.label = labelPlace.map(table.columnName)
    self.client = clientPlace.map(table.columnName)
    classes = Self.counts(table, labelPlace, missing)
    clients = Self.counts(table, clientPlace, missing)
    let personPlace = columns.firstIndex { $0.kind == .person }
    persons = Self.persons(table, personPlace, clientPlace, missing)
  }

  private static func persons(
    _ table: NamedRows, _ person: Int?, _ client: Int?, _ missing: Set<String>
  ) -> [String: Int] {
    guard let person, let client else { return [:] }
    var names: [String: Set<Person>] = [:]
    for row in table.rows where !missing.contains(row.fields[client]) {
      let name = row.fields[person]
      names[row.fields[client], default: []].insert(
        missing.contains(name) ? .unnamed(line: row.line) : .named(name))
    }
    return names.mapValues(\.count)
  }

  private static func counts(
    _ table: NamedRows, _ place: Int?, _ missing: Set<String>
  ) -> [(name: String, rows: Int)] {
    guard let place else { return [] }
    var counts: [String: Int] = [:]
    for row in table.rows where !missing.contains(row.fields[place]) {
      counts[row.fields[place], default: 0] += 1
    }
    return counts.map { (name: $0.key, rows: $0.value) }.sorted { $0.name < $1.name }
  }
}
