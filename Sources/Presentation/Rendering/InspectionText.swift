// A first look at a table for people, and the scenario that it proposes.

public import Datasets
import Formatting
import Foundation
public import Scenarios

/// What `dpflsim data inspect` says.
public struct InspectionText: Sendable {
  private let inspection: TableInspection
  private let proposal: ProposedScenario

  public init(_ inspection: TableInspection) {
    self.inspection = inspection
    proposal = ProposedScenario(inspection)
  }

  /// A scenario that reads the table; nothing but its label and its clients was asked of the user.
  public var scenario: JSONValue { proposal.document }

  /// A sentence for each column that the scenario leaves out.
  public var leftOut: [String] { proposal.leftOut }

  public func lines(colors: Bool) -> [String] {
    var table = TextTable([
      ("column", .left), ("looks", .left), ("missing", .right), ("distinct", .right),
      ("values", .left), ("remark", .left),
    ])
    for (place, column) in inspection.columns.enumerated() {
      table.add([
        TextTable.Cell(column.name.printable, .bold), TextTable.Cell(column.kind.rawValue),
        TextTable.Cell(NumberText.grouped(column.missing)),
        TextTable.Cell(NumberText.grouped(column.distinct)),
        TextTable.Cell(Self.values(of: column).printable),
        TextTable.Cell(remark(on: column, at: place)),
      ])
    }
    let dialect = inspection.dialect
    let delimiter = dialect.delimiter == "\t" ? "tab" : "'\(dialect.delimiter)'"
    var lines = [
      "\(inspection.file): \(NumberText.grouped(inspection.rows)) rows; \(dialect.encoding.rawValue), "
        + "delimiter \(delimiter), decimal sign '\(dialect.decimal.rawValue)'."
    ]
    lines += table.lines(colors: colors)
    if !inspection.classes.isEmpty { lines.append("Classes: \(Self.counts(inspection.classes)).") }
    lines += personLines
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

  private var personLines: [String] {
    if let person = inspection.person {
      return [
        "'\(person.name)' says by its name whose row it is: \(NumberText.grouped(person.distinct)) values. As "
          + "data.id_column an epsilon is that of a person; if it is none, list it in data.columns or data.drop_columns."
      ]
    }
    let likely = proposal.inputs.filter { inspection.columns[$0].repeatsEvenly }
    guard let place = likely.max(by: { distinct(at: $0) < distinct(at: $1) }) else { return [] }
    return [
      "'\(inspection.columns[place].name)' has \(NumberText.grouped(distinct(at: place))) values, which repeat as evenly as "
        + "no measurement does: if it says whose row it is, make it data.id_column, so that an epsilon is that of a "
        + "person, and remove it from data.columns."
    ]
  }

  private func distinct(at place: Int) -> Int { inspection.columns[place].distinct }

  /// What of the proposed scenario stands for what the rows say.
  private var readFromRows: String {
    inspection.imageFolder == nil ? "bounds, categories and classes" : "classes"
  }

  private static func counts(_ counts: [(name: String, rows: Int)]) -> String {
    let smallest = counts.min { $0.rows < $1.rows }
    return counts.prefix(12).map { "\(shown($0.name)) \(NumberText.grouped($0.rows))" }
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
      column.values.prefix(5).map(shown).joined(separator: ", ")
        + (column.values.count > 5 ? ", …" : "")
    }
  }

  /// A value in a list of values: quoted where it holds a comma, with a sign in place of a line end.
  private static func shown(_ value: String) -> String {
    let line = value.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
      .joined(separator: "⏎")
    return line.contains(",") || line.isEmpty ? "'\(line)'" : line
  }

  private func remark(on column: TableInspection.Column, at place: Int) -> String {
    if place == inspection.labelPlace { return "label" }
    if place == inspection.clientPlace { return "client" }
    if let line = column.oddLine {
      return "\(column.oddRows) without a number, first on line \(line)"
    }
    if column.kind == .image { return "the number of the row's image" }
    if let reason = ProposedScenario.reasonToLeaveOut(column) { return reason }
    if column.kind == .person { return "repeats: whose row it is? id_column" }
    if column.settlesLabel { return "settles the label: known only afterwards?" }
    return column.repeatsEvenly ? "repeats evenly: whose row it is?" : ""
  }

  /// All that was seen, and the proposed scenario, null without a label.
  public var document: JSONValue {
    [
      "file": .string(inspection.file), "rows": .integer(inspection.rows),
      "encoding": .string(inspection.dialect.encoding.rawValue),
      "delimiter": .string(inspection.dialect.delimiter),
      "decimal": .string(inspection.dialect.decimal.rawValue),
      "columns": .array(
        inspection.columns.enumerated().map { place, column in
          [
            "name": .string(column.name), "kind": .string(column.kind.rawValue),
            "missing": .integer(column.missing), "distinct": .integer(column.distinct),
            "min": JSONValue(column.range?.lowerBound), "max": JSONValue(column.range?.upperBound),
            "values": .array(column.values.map { .string($0) }),
            "settles_label": .bool(column.settlesLabel),
            "rows_without_number": .integer(column.oddRows),
            "remark": .string(remark(on: column, at: place)),
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
}
