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
        fix: "use at least \(tokenizer.addedTokens + 1)")
    }
    var format = format
    if !format.hasLabels { format.table.split = .random }
    let table = try Table.read(train, format.table, use)
    let known = try TableSplit.publicPlaces(
      use.publicExamples, of: table.rows.count, table.name)
    var (trainRows, testRows) = (table.rows, [TextRow]())
    if let test {
      testRows = try Table.read(test, like: table, format.table, use)
    } else {
      (trainRows, testRows) = try TableSplit(table, format.table, keeping: known).parts()
    }
    let all = trainRows.count + testRows.count
    let testName = test?.name ?? train.name
    if format.hasLabels {
      testRows = try Table.labelled(testRows, format.table, table, testName)
    }
    let publicPlaces: [Int32]
    let labelledCount: Int
    (trainRows, publicPlaces, labelledCount) = try Table.counted(
      trainRows, publicPlaces: known, format.table, table, train.name,
      hasLabels: format.hasLabels)
    let labels = try RowLabels(
      format.table, hasLabels: format.hasLabels, of: table, train: trainRows, test: testRows,
      isPrivate: use.isPrivate)
    let reader = try TextReader(format, tokenizer, table, labels: labels)
    let (trainExamples, trainFacts) = try reader.examples(trainRows, train.name, .train)
    let (testExamples, testFacts) = try reader.examples(testRows, testName, .test)
    let holdings = try TableClients(format.table, table)?.holdings(
      train: trainRows.map { ($0, train.name) }, test: testRows.map { ($0, testName) },
      excluding: publicPlaces,
      missing: Set(format.table.missing))
    return try Dataset(
      name: name,
      shape: .tokens(maximum: format.maximumTokens, vocabulary: tokenizer.vocabularySize),
      classCount: labels.classes.count, normalization: .identity, train: trainExamples,
      test: testExamples, groupNames: labels.groupNames, attributes: labels.attributes,
      classNames: format.hasLabels ? labels.classes : [], publicTrain: publicPlaces,
      holdings: holdings,
      text: TextFacts(
        maximumTokens: format.maximumTokens, train: trainFacts, test: testFacts),
      sharedPersons: try SharedPersons(trainRows, format.table, table),
      rows: try RowTally(
        read: all, labelled: labelledCount, train: trainRows, test: testRows, format.table, table))
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
  let maximumTokens: Int
  let tokenizer: Tokenizer
  let labels: RowLabels
  private let text: Int

  init(
    _ format: TextFormat, _ tokenizer: Tokenizer, _ table: NamedRows, labels: RowLabels
  ) throws(DatasetError) {
    maximumTokens = format.maximumTokens
    self.tokenizer = tokenizer
    self.labels = labels
    text = try table.position(format.text, key: "data.text_column")
    guard text != labels.label else {
      throw DatasetError(
        .invalidRequest, at: "data.text_column", "is the column of the label",
        fix: "name the column of the texts")
    }
  }

  func examples(
    _ rows: [TextRow], _ file: String, _ part: Examples.Part
  ) throws(DatasetError) -> (Examples, TextFacts.Part) {
    var tokens = TokenTable(vocabularySize: tokenizer.vocabularySize)
    var facts = TextFacts.Part(texts: rows.count)
    for row in rows {
      let encoded = tokenizer.encode(row.fields[text], maximum: maximumTokens)
      guard !encoded.ids.isEmpty else {
        throw DatasetError(
          .malformed, at: "\(file), line \(row.line)", "has an empty text", fix: "remove the row")
      }
      tokens.append(encoded.ids)
      facts.tokens += encoded.ids.count
      facts.tokensLeftOut += encoded.tokensBeforeCut - encoded.ids.count
      facts.cut += encoded.isCut ? 1 : 0
      facts.longest = max(facts.longest, encoded.tokensBeforeCut)
      if row.fields[text].allSatisfy(\.isWhitespace) { facts.empty += 1 }
    }
    return (try labels.examples(part, rows.map { ($0, file) }, values: .tokens(tokens)), facts)
  }
}
