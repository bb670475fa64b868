// The table of a partition: how many examples of which label each client holds.

public import Datasets
import Formatting
public import Scenarios

/// A partition as a table and as JSON.
public struct PartitionText: Sendable {
  private let report: PartitionReport
  private let clusterNames: [String]
  private let clientNames: [String]
  private let columns: TableText?

  public init(_ report: PartitionReport, scenario: Scenario) {
    self.report = report
    clusterNames = scenario.population.clusters.map(\.name)
    clientNames = report.clients.map { scenario.name(ofClient: $0.client) }
    columns = report.table.map(TableText.init)
  }

  /// A line a client; the labels are those that the client sees after its shift.
  public func lines(colors: Bool) -> [String] {
    let isNarrow = report.classCount <= 12
    var table = TextTable(
      [
        ("client", .right), ("true cluster", .left), ("train", .right), ("test", .right),
        ("labels", .right),
      ] + (isNarrow ? (0..<report.classCount).map { ("\($0)", .right) } : []))
    for client in report.clients {
      let counts = client.seenLabels.map { count in
        count == 0 ? TextTable.Cell("·", .faint) : "\(count)"
      }
      table.add(
        [
          TextTable.Cell(clientNames[client.client].printable),
          TextTable.Cell(clusterNames[client.cluster]),
          "\(NumberText.grouped(client.trainExamples))",
          "\(NumberText.grouped(client.testExamples))",
          "\(client.seenLabels.count { $0 > 0 })",
        ] + (isNarrow ? counts : []))
    }
    let examples = report.clients.reduce(0) { $0 + $1.trainExamples }
    return [
      "\(report.dataset): \(NumberText.grouped(examples)) training examples for "
        + "\(NumberText.count(report.clients.count, "client")), "
        + "\(NumberText.grouped(report.publicLabels.reduce(0, +))) public ones; "
        + "labels as the clients see them."
    ] + classLines + table.lines(colors: colors) + [
      "  Shared between clients: \(NumberText.grouped(report.sharedTrainExamples)) training and "
        + "\(NumberText.grouped(report.sharedTestExamples)) test examples.",
      "  Data \(report.datasetHash.prefix(16))…, partition \(report.partitionHash.prefix(16))….",
    ] + (report.text.map { ["  Texts: \($0.description)."] } ?? [])
      + (report.rows?.sentences.map { "  Rows: \($0.printable)." } ?? [])
      + (columns?.lines(colors: colors) ?? [])
      + (report.rows?.outside.map { "  Outside of what is stated: \($0.sentence.printable)." } ?? [])
  }

  /// Which class has which number.
  private var classLines: [String] {
    guard let names = report.classNames else { return [] }
    let shown = names.prefix(20).enumerated().map { "\($0) \($1)" }.joined(separator: ", ")
    return ["Classes: \(shown)\(names.count > 20 ? ", …" : ".")".printable]
  }

  /// The whole report.
  public var document: JSONValue {
    [
      "dataset": .string(report.dataset), "dataset_hash": .string(report.datasetHash),
      "partition_hash": .string(report.partitionHash),
      "seed": .integer(Int(clamping: report.seed)), "classes": .integer(report.classCount),
      "class_names": report.classNames.map { .array($0.map { .string($0) }) } ?? .null,
      "table": columns?.document ?? .null,
      "text": report.text.map(Self.document) ?? .null,
      "rows": report.rows.map(Self.document) ?? .null,
      "public_labels": Self.list(report.publicLabels),
      "shared_train_examples": .integer(report.sharedTrainExamples),
      "shared_test_examples": .integer(report.sharedTestExamples),
      "clients": .array(
        report.clients.map { client in
          [
            "client": .integer(client.client), "name": .string(clientNames[client.client]),
            "cluster": .string(clusterNames[client.cluster]),
            "train_examples": .integer(client.trainExamples),
            "test_examples": .integer(client.testExamples),
            "raw_labels": Self.list(client.rawLabels),
            "seen_labels": Self.list(client.seenLabels),
            "raw_test_labels": Self.list(client.rawTestLabels),
          ]
        }),
    ]
  }

  private static func document(_ text: TextFacts) -> JSONValue {
    func part(_ part: TextFacts.Part) -> JSONValue {
      [
        "texts": .integer(part.texts), "cut": .integer(part.cut), "empty": .integer(part.empty),
        "tokens": .integer(part.tokens), "tokens_left_out": .integer(part.tokensLeftOut),
        "longest": .integer(part.longest), "mean_tokens": .number(part.meanTokens),
      ]
    }
    return [
      "max_tokens": .integer(text.maximumTokens), "share_left_out": .number(text.shareLeftOut),
      "train": part(text.train), "test": part(text.test),
    ]
  }

  private static func document(_ rows: RowTally) -> JSONValue {
    [
      "without_label": .integer(rows.unlabelled), "repeated": .integer(rows.repeated),
      "without_person": .integer(rows.withoutPerson),
      "outside": .array(
        rows.outside.map { column in
          [
            "column": .string(column.column), "below": .number(column.below),
            "above": .number(column.above), "unlisted": .number(column.unlisted),
          ]
        }),
    ]
  }

  private static func list(_ counts: [Int]) -> JSONValue { .array(counts.map { .integer($0) }) }
}
