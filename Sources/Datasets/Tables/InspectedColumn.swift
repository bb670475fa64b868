// What a column of a table seems to hold.

extension TableInspection {
  public struct Column: Sendable {
    public enum Kind: String, Sendable {
      case numeric
      case categorical
      /// Nearly every row has a value of its own, and it is no measurement.
      case identifier
      /// Says whose row it is, by its name, and values repeat.
      case person
      /// The number of the row's image.
      case image
      /// Mostly dates, which are neither numbers nor categories.
      case date
      /// Sentences, nearly all different.
      case text
      case empty
    }

    public let name: String
    public internal(set) var kind: Kind
    public let missing: Int
    public let distinct: Int
    /// Of a numeric column.
    public let range: ClosedRange<Double>?
    /// Of a categorical column, all of them, sorted.
    public let values: [String]
    /// Whether its value settles the label in every row: it may be known only afterwards.
    public let settlesLabel: Bool
    /// Rows whose value is no number in a column of numbers, and the first of them.
    public let oddRows: Int
    public let oddLine: Int?
    /// Whether values repeat a few times each, as evenly as no measurement does: they may say whose row it is although
    /// the name does not.
    public let repeatsEvenly: Bool
    /// Whether the name says whose row it is, and values repeat.
    let isNamedPerson: Bool
  }
}

extension TableInspection.Column {
  /// What a text has at least, on average; names and codes are shorter.
  private static let textLength = (bytes: 25, words: 4)

  init(_ place: Int, of table: NamedRows, missing: Set<String>, label: Int?) {
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
    let kind: Kind =
      if present == 0 {
        .empty
      } else if !isNumeric, Self.areDates(values, of: present) {
        .date
      } else if !isNumeric, Self.areTexts(values, of: present) {
        .text
      } else {
        isUnique ? .identifier : isNumeric ? .numeric : .categorical
      }
    let mayRepeat =
      kind != .date && kind != .text && (!isNumeric || isWhole && odd.count == 0)
    let counts = Array(values.values)
    name = table.columnName(place)
    self.kind = kind
    self.missing = table.rows.count - present
    distinct = values.count
    range = numbers.min().flatMap { low in numbers.max().map { low...$0 } }
    self.values = kind == .categorical ? values.keys.sorted() : []
    settlesLabel =
      label != nil && label != place && [.numeric, .categorical].contains(kind)
      && values.count > 1 && values.count * 2 <= present
      && labels.values.allSatisfy { $0.count == 1 }
    oddRows = isNumeric ? odd.count : 0
    oddLine = isNumeric ? odd.line : nil
    isNamedPerson = mayRepeat && RepeatedIdentifier.isPerson(counts, name: name)
    repeatsEvenly = mayRepeat && !isUnique && RepeatedIdentifier.isEven(counts)
  }

  /// Whether more than half of the values are dates.
  private static func areDates(_ values: [String: Int], of present: Int) -> Bool {
    2 * values.reduce(0) { $0 + (DateText.isDate($1.key) ? $1.value : 0) } > present
  }

  /// Whether values are long, of several words, and seldom the same.
  private static func areTexts(_ values: [String: Int], of present: Int) -> Bool {
    guard values.count * 2 > present else { return false }
    let bytes = values.keys.reduce(0) { $0 + $1.utf8.count }
    let blanks = values.keys.reduce(0) { $0 + $1.utf8.count { $0 == UInt8(ascii: " ") } }
    return bytes >= textLength.bytes * values.count
      && blanks >= (textLength.words - 1) * values.count
  }
}
