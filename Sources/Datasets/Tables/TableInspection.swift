// A first look at a table: how it is written, what its columns seem to hold, and which ones look suspicious.

public import Foundation

/// What the rows of a table seem to say. It reads every row without noise, so it is for whoever may see them.
public struct TableInspection: Sendable {
  public struct Column: Sendable {
    public enum Kind: String, Sendable {
      case numeric
      case categorical
      /// Nearly every row has a value of its own, and it is no measurement.
      case identifier
      /// Says whose row it is: values that repeat a few times each, as evenly as no measurement does.
      case person
      /// The number of the row's image.
      case image
      case empty
    }

    public let name: String
    public internal(set) var kind: Kind
    public let missing: Int
    public let distinct: Int
    /// Of a numeric column.
    public let range: ClosedRange<Double>?
    /// Of a categorical column, sorted.
    public let values: [String]
    /// Whether its value settles the label in every row: it may be known only afterwards.
    public let settlesLabel: Bool
    /// Rows whose value is no number in a column of numbers, and the first of them.
    public let oddRows: Int
    public let oddLine: Int?
    /// Whether its values could say whose row it is.
    let mayBePerson: Bool

    /// A telling name counts more than many values.
    var personOrder: (Int, Int) { (RepeatedIdentifier.isTelling(name) ? 1 : 0, distinct) }
  }

  public let file: String
  /// Where the table stands beside packed images: their folder.
  public let imageFolder: String?
  /// Their height and width.
  public let imageSize: (height: Int, width: Int)?
  public let rows: Int
  /// The column that seems to say whose row it is.
  public var person: Column? { columns.first { $0.kind == .person } }
  public let dialect: TextDialect
  public let columns: [Column]
  public let label: String?
  /// Each label with its rows, sorted.
  public let classes: [(name: String, rows: Int)]
  public let client: String?
  /// Each client with its rows, sorted.
  public let clients: [(name: String, rows: Int)]
  /// How many persons each client has rows of; empty where no column says whose a row is.
  public let persons: [String: Int]

  /// - Parameters:
  ///   - file: a table, or a folder that `tools/convert-images` made.
  ///   - label: name of the label column; nil looks at the columns without one.
  ///   - client: name of the column of clients, if there is one.
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
      return try table.position(.name(column), key: option)
    }
    let labelPlace = try place(label, "--label")
    let clientPlace = try place(client, "--client")
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
      Self.column($0, of: table, missing: missing, label: labelPlace)
    }
    if imageFolder != nil,
      let image = columns.firstIndex(where: { $0.name == ImageTable.imageColumn })
    {
      columns[image].kind = .image
    }
    let candidates = columns.indices.filter {
      ![labelPlace, clientPlace].contains($0) && columns[$0].mayBePerson
        && columns[$0].kind != .image
    }
    if let person = candidates.max(by: { columns[$0].personOrder < columns[$1].personOrder }) {
      columns[person].kind = .person
    }
    self.columns = columns
    self.label = label
    self.client = client
    classes = Self.counts(table, labelPlace, missing)
    clients = Self.counts(table, clientPlace, missing)
    let personPlace = columns.firstIndex { $0.kind == .person }
    persons = Self.persons(table, personPlace, clientPlace, missing)
  }

  private static func persons(
    _ table: NamedRows, _ person: Int?, _ client: Int?, _ missing: Set<String>
  ) -> [String: Int] {
    guard let person, let client else { return [:] }
    var names: [String: Set<String>] = [:]
    for row in table.rows where !missing.contains(row.fields[client]) {
      names[row.fields[client], default: []].insert(row.fields[person])
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

  private static func column(
    _ place: Int, of table: NamedRows, missing: Set<String>, label: Int?
  ) -> Column {
    var values: [String: Int] = [:]
    var labels: [String: Set<String>] = [:]
    var numbers: [Double] = []
    var odd: (count: Int, line: Int?) = (0, nil)
    for row in table.rows where !missing.contains(row.fields[place]) {
      let field = row.fields[place]
      values[field, default: 0] += 1
      if let label { labels[field, default: []].insert(row.fields[label]) }
      if let number = table.dialect.decimal.number(field) {
        numbers.append(number)
      } else {
        odd = (odd.count + 1, odd.line ?? row.line)
      }
    }
    let present = values.values.reduce(0, +)
    let isNumeric = present > 0 && odd.count * 10 <= numbers.count
    let isWhole = numbers.allSatisfy { $0 == $0.rounded() }
    // Numbers with fractions are measurements, however seldom they repeat.
    let isUnique = present >= 20 && values.count * 10 > present * 9 && (!isNumeric || isWhole)
    let kind: Column.Kind =
      present == 0 ? .empty : isUnique ? .identifier : isNumeric ? .numeric : .categorical
    let settles =
      label != nil && label != place && kind != .identifier && values.count > 1
      && values.count * 2 <= present && labels.values.allSatisfy { $0.count == 1 }
    return Column(
      name: table.columnName(place), kind: kind, missing: table.rows.count - present,
      distinct: values.count,
      range: numbers.min().flatMap { low in numbers.max().map { low...$0 } },
      values: kind == .categorical ? values.keys.sorted() : [], settlesLabel: settles,
      oddRows: isNumeric ? odd.count : 0, oddLine: isNumeric ? odd.line : nil,
      mayBePerson: !isUnique && (!isNumeric || isWhole && odd.count == 0)
        && RepeatedIdentifier.fits(
          Array(values.values), name: table.columnName(place))
    )
  }
}
