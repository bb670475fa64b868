// A first look at a table for people, and the scenario that it proposes.

public import Datasets
import Formatting
import Foundation
public import Scenarios

/// What `dpflsim data inspect` says.
public struct InspectionText: Sendable {
  private let inspection: TableInspection

  public init(_ inspection: TableInspection) {
    self.inspection = inspection
  }

  public func lines(colors: Bool) -> [String] {
    var table = TextTable([
      ("column", .left), ("looks", .left), ("missing", .right), ("distinct", .right),
      ("values", .left), ("remark", .left),
    ])
    for column in inspection.columns {
      table.add([
        TextTable.Cell(column.name.printable, .bold), TextTable.Cell(column.kind.rawValue),
        TextTable.Cell(NumberText.grouped(column.missing)),
        TextTable.Cell(NumberText.grouped(column.distinct)),
        TextTable.Cell(Self.values(of: column).printable), TextTable.Cell(remark(on: column)),
      ])
    }
    let dialect = inspection.dialect
    let delimiter = dialect.delimiter == "\t" ? "tab" : "'\(dialect.delimiter)'"
    var lines = [
      "\(inspection.file): \(NumberText.grouped(inspection.rows)) rows; \(dialect.encoding.rawValue), "
        + "delimiter \(delimiter), decimal sign \(dialect.decimal.rawValue)."
    ]
    lines += table.lines(colors: colors)
    if !inspection.classes.isEmpty { lines.append("Classes: \(Self.counts(inspection.classes)).") }
    if let person = inspection.person {
      lines.append(
        "'\(person.name)' seems to say whose row it is: \(NumberText.grouped(person.distinct)) values, which "
          + "repeat as evenly as no measurement does. As data.id_column an epsilon is that of a person; if it is none, "
          + "list it in data.columns or data.drop_columns.")
    }
    if !inspection.clients.isEmpty { lines.append("Clients: \(Self.counts(inspection.clients)).") }
    if inspection.label != nil {
      lines += CarriedBudget.lines(CarriedBudget.of(inspection), colors: colors)
    }
    guard inspection.label != nil else {
      lines.append(
        "Name the label with --label COLUMN, and the column of clients with --client COLUMN, for a proposed "
          + "scenario.")
      return lines.map(\.printable)
    }
    lines.append(
      "Proposed scenario (`dpflsim init` writes it into a file). Its \(readFromRows) were read from "
        + "the rows: replace them by what is known without the rows before you trust an epsilon"
        + (inspection.imageFolder == nil
          ? ", or have scales estimated privately (kind estimated, docs/data.md)." : "."))
    lines += scenario.prettyText.components(separatedBy: "\n")
    return lines.map(\.printable)
  }

  /// What of the proposed scenario stands for what the rows say.
  private var readFromRows: String {
    inspection.imageFolder == nil ? "bounds, categories and classes" : "classes"
  }

  private static func counts(_ counts: [(name: String, rows: Int)]) -> String {
    let smallest = counts.min { $0.rows < $1.rows }
    return counts.prefix(12).map { "\($0.name) \(NumberText.grouped($0.rows))" }
      .joined(separator: ", ")
      + (counts.count > 12
        ? ", … (\(counts.count); the smallest is \(smallest?.name ?? "") with \(smallest?.rows ?? 0))"
        : "")
  }

  private static func values(of column: TableInspection.Column) -> String {
    switch column.kind {
    case .numeric, .identifier, .person, .image:
      column.range.map {
        "\(JSONValue.number($0.lowerBound).text) to \(JSONValue.number($0.upperBound).text)"
      } ?? ""
    default:
      column.values.prefix(5).joined(separator: ", ") + (column.values.count > 5 ? ", …" : "")
    }
  }

  private func remark(on column: TableInspection.Column) -> String {
    if column.name == inspection.label { return "label" }
    if column.name == inspection.client { return "client" }
    if let line = column.oddLine {
      return "\(column.oddRows) without a number, first on line \(line)"
    }
    if column.kind == .image { return "the number of the row's image" }
    if column.kind == .identifier { return "one value a row: an id? left out" }
    if column.kind == .person { return "repeats: whose row it is? id_column" }
    if column.settlesLabel { return "settles the label: known only afterwards?" }
    if column.kind == .empty { return "nothing: left out" }
    return column.kind == .categorical && column.distinct > 100 ? "many categories" : ""
  }

  /// All that was seen, and the proposed scenario, null without a label.
  public var document: JSONValue {
    [
      "file": .string(inspection.file), "rows": .integer(inspection.rows),
      "encoding": .string(inspection.dialect.encoding.rawValue),
      "delimiter": .string(inspection.dialect.delimiter),
      "decimal": .string(inspection.dialect.decimal.rawValue),
      "columns": .array(
        inspection.columns.map { column in
          [
            "name": .string(column.name), "kind": .string(column.kind.rawValue),
            "missing": .integer(column.missing), "distinct": .integer(column.distinct),
            "min": JSONValue(column.range?.lowerBound), "max": JSONValue(column.range?.upperBound),
            "values": .array(column.values.prefix(1000).map { .string($0) }),
            "settles_label": .bool(column.settlesLabel),
            "rows_without_number": .integer(column.oddRows),
            "remark": .string(remark(on: column)),
          ]
        }),
      "classes": Self.document(inspection.classes), "clients": Self.document(inspection.clients),
      "carried": .array(
        inspection.label == nil ? [] : CarriedBudget.of(inspection).map(\.document)),
      "scenario": inspection.label == nil ? .null : scenario,
    ]
  }

  private static func document(_ counts: [(name: String, rows: Int)]) -> JSONValue {
    .array(counts.map { ["name": .string($0.name), "rows": .integer($0.rows)] })
  }

  /// A scenario that reads the table; nothing but its label and its clients was asked of the user.
  public var scenario: JSONValue {
    let isTable = inspection.imageFolder == nil
    // Its poolings halve both sides twice.
    let isNetwork = inspection.imageSize.map { $0.height % 4 == 0 && $0.width % 4 == 0 } ?? false
    var columns: [JSONValue] = []
    var dropped: [JSONValue] = []
    let names = Dictionary(grouping: inspection.columns, by: \.name).mapValues(\.count)
    for (place, column) in inspection.columns.enumerated()
    where isTable && column.name != inspection.label && column.name != inspection.client {
      // A name that two columns have means neither.
      let named: JSONValue = names[column.name] == 1 ? .string(column.name) : .integer(place)
      switch column.kind {
      case .identifier, .empty: dropped.append(named)
      case .person, .image: break
      case .numeric:
        let range = column.range ?? 0...1
        columns.append([
          "column": named, "kind": "numeric",
          "min": .number(Self.outwards(range.lowerBound, up: false)),
          "max": .number(Self.outwards(range.upperBound, up: true)),
        ])
      case .categorical:
        columns.append([
          "column": named, "kind": "categorical",
          "categories": .array(column.values.prefix(1000).map { .string($0) }),
        ])
      }
    }
    var data: [String: JSONValue] = [
      "name": isTable ? "csv" : "images",
      "path": .string(inspection.imageFolder ?? inspection.file),
      "label_column": .string(inspection.label ?? ""),
      "classes": .array(inspection.classes.map { .string($0.name) }), "from_rows": true,
    ]
    if isTable { data["columns"] = .array(columns) }
    // A run does not look for it where rows are private.
    if inspection.dialect.encoding != .utf8 {
      data["encoding"] = .string(inspection.dialect.encoding.rawValue)
    }
    if !dropped.isEmpty { data["drop_columns"] = .array(dropped) }
    if let person = inspection.person { data["id_column"] = .string(person.name) }
    var population: [String: JSONValue] = [:]
    var batch = CarriedBudget.batchSize
    if let client = inspection.client {
      data["client_column"] = .string(client)
    } else {
      // Each client trains on one row of a person.
      let examples = max(1, (inspection.person?.distinct ?? inspection.rows) * 4 / 5 / 5)
      batch = min(batch, examples)
      population["clusters"] = [
        ["name": "all", "clients": 5, "examples_per_client": .integer(examples)]
      ]
      population["test_examples_per_client"] = .integer(max(1, inspection.rows / 5 / 5))
    }
    return [
      "name": "proposed", "rounds": .integer(CarriedBudget.rounds), "data": .object(data),
      "population": .object(population), "model": ["name": .string(isNetwork ? "cnn" : "logistic")],
      "local": [
        "epochs": 1, "batch_size": .integer(batch),
        "learning_rate": isNetwork ? 0.2 : 0.5,
      ],
      "privacy": [
        "target_epsilon": 3, "target_delta": .number(CarriedBudget.delta), "max_grad_norm": 1,
      ],
      "method": ["name": "global"],
    ]
  }

  /// The next number with two digits, away from the middle.
  private static func outwards(_ value: Double, up: Bool) -> Double {
    guard value != 0, value.isFinite else { return up ? 1 : 0 }
    let unit = pow(10, (log10(abs(value))).rounded(.down) - 1)
    let steps = (value / unit).rounded(up ? .up : .down)
    // Dividing by the reciprocal keeps 0.29 from becoming 0.29000000000000004.
    return unit < 1 ? steps / (1 / unit).rounded() : steps * unit
  }
}
