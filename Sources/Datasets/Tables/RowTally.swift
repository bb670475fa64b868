// How many rows of a table play no part in training or testing, and how many do not say whose they are.

/// What a reader of figures must know of the rows behind them. The counts are exact, hence for whoever may see the rows.
public struct RowTally: Sendable, Hashable, Codable {
  /// Left out because they have no label.
  public let unlabelled: Int
  /// Training rows left out because their person has another one at the same client.
  public let repeated: Int
  /// Rows that count although they do not say whose they are; 0 where no column is to say it.
  public let withoutPerson: Int
  /// The column that is to say whose a row is.
  public let personColumn: String?
  /// Input columns of whose values at least a fifth are outside of what the scenario states.
  public let outside: [OutsideValues]

  /// - Parameters:
  ///   - read: rows of the table, and of its test file.
  ///   - labelled: training rows with a label; `train` are those of them that count.
  init(
    read: Int, labelled: Int, train: [TextRow], test: [TextRow], _ format: TableFormat,
    _ table: NamedRows, outside: [OutsideValues] = []
  ) throws(DatasetError) {
    unlabelled = read - labelled - test.count
    repeated = labelled - train.count
    let persons = try PersonColumn(format, table)
    withoutPerson = persons.map { $0.unnamed(train) + $0.unnamed(test) } ?? 0
    personColumn = persons?.name
    self.outside = outside
  }

  /// A sentence for each count that is not 0, without a full stop.
  public var sentences: [String] {
    var sentences: [String] = []
    for (count, which) in [
      (unlabelled, "without a label"), (repeated, "for training of persons with another row"),
    ] where count > 0 {
      sentences.append("\(Self.rows(count)) \(which) \(count == 1 ? "was" : "were") left out")
    }
    if let unnamed { sentences.append(unnamed) }
    return sentences
  }

  /// What becomes of rows that do not say whose they are; nil where there are none.
  public var unnamed: String? {
    guard withoutPerson > 0 else { return nil }
    let column = personColumn ?? "person"
    return withoutPerson == 1
      ? "1 row has no \(column) and counts as a person of its own"
      : "\(withoutPerson) rows have no \(column) and count as persons of their own"
  }

  private static func rows(_ count: Int) -> String { count == 1 ? "1 row" : "\(count) rows" }
}
