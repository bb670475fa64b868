// How the columns of a table became the inputs of a model, as a table and as JSON.

public import Datasets
import Formatting
public import Scenarios

/// What was read from a text table, and where each scale comes from.
public struct TableText: Sendable {
  private let facts: TableFacts

  public init(_ facts: TableFacts) {
    self.facts = facts
  }

  public func lines(colors: Bool) -> [String] {
    var table = TextTable([
      ("column", .left), ("kind", .left), ("inputs", .right), ("known from", .left),
      ("scale or categories", .left),
    ])
    for column in facts.columns {
      let places =
        column.encoding.width == 0
        ? "·"
        : column.encoding.width == 1
          ? "\(column.firstInput)"
          : "\(column.firstInput) to \(column.firstInput + column.encoding.width - 1)"
      table.add([
        TextTable.Cell(column.name.printable, .bold), TextTable.Cell(Self.kind(of: column)),
        TextTable.Cell(places), TextTable.Cell(column.source?.rawValue ?? "·"),
        TextTable.Cell(Self.scale(of: column).printable),
      ])
    }
    let delimiter = facts.dialect.delimiter == "\t" ? "tab" : "'\(facts.dialect.delimiter)'"
    return [
      "Read as \(facts.dialect.encoding.rawValue), delimiter \(delimiter), decimal sign "
        + "'\(facts.dialect.decimal.rawValue)'; classes from \(facts.labelColumn.printable) "
        + "(\(facts.classSource.rawValue))."
    ] + table.lines(colors: colors)
  }

  /// Everything that is needed to apply a model to a new row.
  public var document: JSONValue {
    [
      "encoding": .string(facts.dialect.encoding.rawValue),
      "delimiter": .string(facts.dialect.delimiter),
      "decimal": .string(facts.dialect.decimal.rawValue),
      "label_column": .string(facts.labelColumn),
      "classes_from": .string(facts.classSource.rawValue),
      "missing": .array(facts.missing.map { .string($0) }),
      "rows_without_label": .integer(facts.unlabelledRows),
      "repeated_rows": .integer(facts.repeatedRows),
      "columns": .array(
        facts.columns.map { column in
          [
            "name": .string(column.name), "kind": .string(Self.kind(of: column)),
            "first_input": column.encoding.width == 0 ? .null : .integer(column.firstInput),
            "inputs": .integer(column.encoding.width),
            "known_from": JSONValue(column.source?.rawValue), "scale": Self.parameters(of: column),
          ]
        }),
    ]
  }

  private static func kind(of column: TableFacts.Column) -> String {
    switch column.encoding {
    case .numeric: "numeric"
    case .categorical: "categorical"
    case .unused: column.role ?? "left out"
    }
  }

  private static func scale(of column: TableFacts.Column) -> String {
    switch column.encoding {
    case .numeric(_, _, let min?, let max?):
      "\(JSONValue.number(min).text) to \(JSONValue.number(max).text)"
    case .numeric(let center, let scale, _, _):
      "mean \(JSONValue.number(center).text), deviation \(JSONValue.number(scale).text)"
    case .categorical(let categories, let hasMissing):
      categories.prefix(6).joined(separator: ", ") + (categories.count > 6 ? ", …" : "")
        + (hasMissing ? "; missing" : "")
    case .unused: "·"
    }
  }

  private static func parameters(of column: TableFacts.Column) -> JSONValue {
    switch column.encoding {
    case .numeric(let center, let scale, let min, let max):
      [
        "center": .number(center), "scale": .number(scale), "min": min.map { .number($0) } ?? .null,
        "max": max.map { .number($0) } ?? .null,
      ]
    case .categorical(let categories, let hasMissing):
      [
        "categories": .array(categories.map { .string($0) }),
        "missing_is_last_input": .bool(hasMissing),
      ]
    case .unused: .null
    }
  }
}
