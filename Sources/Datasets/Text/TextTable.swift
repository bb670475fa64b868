// Data sets from tables of text: one column holds the texts, another the labels.

public import Foundation
public import Text

/// How a table of texts is read.
public struct TextFormat: Sendable, Hashable {
  /// Label, groups, clients, persons, dialect and split; its input columns play no part.
  public var table: TableFormat
  /// The column of the texts.
  public var text: TableColumn
  /// Longer texts are cut.
  public var maximumTokens: Int
  /// Whether texts have labels; otherwise all of them are of one class and the column of the label plays no part.
  public var hasLabels: Bool

  public init(
    table: TableFormat, text: TableColumn, maximumTokens: Int, hasLabels: Bool = true
  ) {
    self.hasLabels = hasLabels
    self.table = table
    self.text = text
    self.maximumTokens = maximumTokens
  }
}

/// Reader of tables of texts.
public enum TextTable {
  /// Reads a table from the bytes of its files, plain or gzip, and tokenises every text once.
  ///
  /// - Parameters:
  ///   - name: of the data set.
  ///   - test: without it a part of the rows, always the same ones, becomes the test part.
  /// - Throws: `malformed` with file and line; `invalidRequest` if keys do not fit the columns, or if the
  ///   classes would have to be learned from private rows.
  public static func dataset(
    name: String, format: TextFormat, tokenizer: Tokenizer, train: NamedBytes, test: NamedBytes?,
    use: TableUse = TableUse()
  ) throws(DatasetError) -> Dataset {
    guard format.maximumTokens > tokenizer.addedTokens else {
      throw DatasetError(
        .invalidRequest, at: "model.max_tokens", "\(format.maximumTokens) leaves no room for text",
        mend: "use at least \(tokenizer.addedTokens + 1)")
    }
    var format = format
    if !format.hasLabels { format.table.split = .random }
    let table = try Table.read(train, format.table, use)
    var (trainRows, testRows) = (table.rows, [TextRow]())
    if let test {
      testRows = try Table.read(test, like: table, format.table, use)
    } else {
      (trainRows, testRows) = try TableSplit(table, format.table).parts()
    }
    let testName = test?.name ?? train.name
    if format.hasLabels {
      trainRows = try Table.labelled(trainRows, format.table, table, train.name)
      testRows = try Table.labelled(testRows, format.table, table, testName)
    }
    trainRows = try Table.oneRowEach(trainRows, format.table, table)
    let reader = try TextReader(
      format, tokenizer, table, train: trainRows, test: testRows, isPrivate: use.isPrivate)
    let (trainExamples, trainFacts) = try reader.examples(trainRows, train.name, .train)
    let (testExamples, testFacts) = try reader.examples(testRows, testName, .test)
    let holdings = try TableClients(format.table, table)?.holdings(
      train: trainRows.map { ($0, train.name) }, test: testRows.map { ($0, testName) },
      excluding: [],
      missing: Set(format.table.missing))
    return try Dataset(
      name: name,
      shape: .tokens(maximum: format.maximumTokens, vocabulary: tokenizer.vocabularySize),
      classCount: reader.classes.count, normalization: .identity, train: trainExamples,
      test: testExamples, groupNames: reader.groupNames, attributes: reader.people.attributes,
      classNames: format.hasLabels ? reader.classes : [],
      holdings: holdings,
      text: TextFacts(
        maximumTokens: format.maximumTokens, train: trainFacts, test: testFacts))
  }

  /// Reads a table from its files.
  public static func dataset(
    name: String, format: TextFormat, tokenizer: Tokenizer, trainFile: URL, testFile: URL?,
    use: TableUse = TableUse()
  ) throws(DatasetError) -> Dataset {
    let test = try testFile.map { file throws(DatasetError) in
      (name: file.path, bytes: try ByteReader.bytes(of: file))
    }
    return try dataset(
      name: name, format: format, tokenizer: tokenizer,
      train: (trainFile.path, try ByteReader.bytes(of: trainFile)), test: test, use: use)
  }
}

/// Turns rows into examples.
private struct TextReader {
  let format: TextFormat
  let tokenizer: Tokenizer
  let classes: [String]
  let groupNames: [String]
  let people: GroupReader
  private let text: Int
  private let label: Int?
  private let group: Int?

  init(
    _ format: TextFormat, _ tokenizer: Tokenizer, _ table: NamedRows, train: [TextRow],
    test: [TextRow], isPrivate: Bool
  ) throws(DatasetError) {
    self.format = format
    self.tokenizer = tokenizer
    text = try table.position(format.text, key: "data.text_column")
    label =
      format.hasLabels
      ? try table.position(format.table.label, key: "data.label_column") : nil
    guard text != label else {
      throw DatasetError(
        .invalidRequest, at: "data.text_column", "is the column of the label",
        mend: "name the column of the texts")
    }
    classes = try Self.classes(format.table, label, table, train, isPrivate: isPrivate)
    people = try GroupReader(format.table, of: table, rows: [train, test])
    guard let column = format.table.group else {
      group = nil
      groupNames = []
      return
    }
    let position = try table.position(column, key: "data.group_column")
    let names = Set((train + test).lazy.map { $0.fields[position] })
    guard names.count <= Int(UInt16.max) else {
      throw DatasetError(
        .malformed, at: table.name, "has \(names.count) groups",
        mend: "name another data.group_column")
    }
    group = position
    groupNames = names.sorted()
  }

  private static func classes(
    _ format: TableFormat, _ label: Int?, _ table: NamedRows, _ train: [TextRow], isPrivate: Bool
  ) throws(DatasetError) -> [String] {
    guard let label else { return [""] }
    let classes: [String]
    if let stated = format.classes {
      classes = stated
    } else {
      guard !isPrivate else {
        throw DatasetError(
          .invalidRequest, at: "data.classes", "the labels would be learned from private rows",
          mend: "list them")
      }
      classes = Set(train.lazy.map { $0.fields[label] }).sorted()
    }
    guard (2...Dataset.mostClasses).contains(classes.count) else {
      throw DatasetError(
        .malformed, at: table.name, "has \(classes.count) different labels",
        mend: "name a column of 2 to \(Dataset.mostClasses) classes in data.label_column")
    }
    return classes
  }

  func examples(
    _ rows: [TextRow], _ file: String, _ part: Examples.Part
  ) throws(DatasetError) -> (Examples, TextFacts.Part) {
    let classOfLabel = Dictionary(
      classes.enumerated().map { ($1, UInt8(truncatingIfNeeded: $0)) },
      uniquingKeysWith: { first, _ in first })
    let groupOfName = Dictionary(
      groupNames.enumerated().map { ($1, UInt16(truncatingIfNeeded: $0)) },
      uniquingKeysWith: { first, _ in first })
    var tokens = TokenTable(vocabularySize: tokenizer.vocabularySize)
    var facts = TextFacts.Part(texts: rows.count)
    var labels: [UInt8] = []
    var groups: [UInt16] = []
    for row in rows {
      let name = label.map { row.fields[$0] } ?? ""
      guard let known = classOfLabel[name] else {
        throw DatasetError(
          .malformed, at: "\(file), line \(row.line)",
          "has the label '\(name)', which is none of the classes "
            + classes.prefix(10).joined(separator: ", "),
          mend: "correct the row or list the label in data.classes")
      }
      let encoded = tokenizer.encode(row.fields[text], maximum: format.maximumTokens)
      guard !encoded.ids.isEmpty else {
        throw DatasetError(
          .malformed, at: "\(file), line \(row.line)", "has an empty text", mend: "remove the row")
      }
      labels.append(known)
      if let group { groups.append(groupOfName[row.fields[group]] ?? 0) }
      tokens.append(encoded.ids)
      facts.tokens += encoded.ids.count
      facts.tokensLeftOut += encoded.tokensBeforeCut - encoded.ids.count
      facts.cut += encoded.isCut ? 1 : 0
      facts.longest = max(facts.longest, encoded.tokensBeforeCut)
      if row.fields[text].allSatisfy(\.isWhitespace) { facts.empty += 1 }
    }
    let examples = Examples(
      part: part, labels: labels, values: .tokens(tokens), groups: group == nil ? nil : groups,
      memberships: try people.memberships(rows.map { ($0, file) }))
    return (examples, facts)
  }
}
