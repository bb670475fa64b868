// The scenario that a first look at a table proposes: what becomes of every column.

import Datasets
import Foundation
import Scenarios

struct ProposedScenario {
  /// Longer lists are nobody's to read over and to replace by what is known without the rows.
  static let mostCategories = 50

  private let inspection: TableInspection
  /// Positions of the columns that become inputs, and of those that are left out.
  let inputs: [Int]
  let dropped: [Int]

  init(_ inspection: TableInspection) {
    self.inspection = inspection
    // Beside images columns are no inputs.
    let others = inspection.columns.indices.filter { place in
      inspection.imageFolder == nil && place != inspection.labelPlace
        && place != inspection.clientPlace
    }
    let columns = inspection.columns
    dropped = others.filter { Self.reasonToLeaveOut(columns[$0]) != nil }
    inputs = others.filter { place in
      Self.reasonToLeaveOut(columns[place]) == nil
        && ![.person, .image].contains(columns[place].kind)
    }
  }

  /// Why a column is no input; nil where it can be one, or has a role.
  static func reasonToLeaveOut(_ column: TableInspection.Column) -> String? {
    switch column.kind {
    case .identifier: "one value a row: an id? left out"
    case .empty: "nothing: left out"
    case .date: "dates; left out, derive an age or a duration from it"
    case .text: "long texts; left out, see data.name \"text\""
    case .categorical where column.distinct > mostCategories:
      "\(column.distinct) categories, more than \(mostCategories); left out, list those worth an input"
    case .categorical, .numeric, .person, .image: nil
    }
  }

  /// A sentence for each column that is left out, without a full stop.
  var leftOut: [String] {
    dropped.map { place in
      let column = inspection.columns[place]
      return "\(column.name): \(Self.reasonToLeaveOut(column) ?? "")"
    }
  }

  /// Numbers that a model of tables has as inputs.
  var inputCount: Int {
    inputs.reduce(0) { sum, place in
      let column = inspection.columns[place]
      // One more for words that are missing.
      return sum + (column.kind == .categorical ? column.values.count + 1 : 1)
    }
  }

  /// How a scenario calls a column: a name that two columns have means neither.
  private func named(_ place: Int) -> JSONValue {
    let name = inspection.columns[place].name
    return inspection.columns.count { $0.name == name } == 1 ? .string(name) : .integer(place)
  }

  private func statement(_ place: Int) -> JSONValue {
    let column = inspection.columns[place]
    if column.kind == .categorical {
      return [
        "column": named(place), "kind": "categorical",
        "categories": .array(column.values.map { .string($0) }),
      ]
    }
    let range = column.range ?? 0...1
    return [
      "column": named(place), "kind": "numeric",
      "min": .number(Self.outwards(range.lowerBound, up: false)),
      "max": .number(Self.outwards(range.upperBound, up: true)),
    ]
  }

  var document: JSONValue {
    let isTable = inspection.imageFolder == nil
    // Its poolings halve both sides twice.
    let isNetwork = inspection.imageSize.map { $0.height % 4 == 0 && $0.width % 4 == 0 } ?? false
    var data: [String: JSONValue] = [
      "name": isTable ? "csv" : "images",
      "path": .string(inspection.imageFolder ?? inspection.file),
      "label_column": inspection.labelPlace.map(named) ?? "",
      "classes": .array(inspection.classes.map { .string($0.name) }), "from_rows": true,
    ]
    if isTable { data["columns"] = .array(inputs.map(statement)) }
    // A run does not look for it where rows are private.
    if inspection.dialect.encoding != .utf8 {
      data["encoding"] = .string(inspection.dialect.encoding.rawValue)
    }
    if !dropped.isEmpty { data["drop_columns"] = .array(dropped.map(named)) }
    if let person = inspection.columns.firstIndex(where: { $0.kind == .person }) {
      data["id_column"] = named(person)
    }
    var population: [String: JSONValue] = [:]
    var batch = CarriedBudget.batchSize
    if let client = inspection.clientPlace {
      data["client_column"] = named(client)
    } else {
      // Each client trains on one row of a person.
      let persons = inspection.person.map { $0.distinct + $0.missing }
      let examples = max(1, (persons ?? inspection.rows) * 4 / 5 / 5)
      batch = min(batch, examples)
      population["clusters"] = [
        ["name": "all", "clients": 5, "examples_per_client": .integer(examples)]
      ]
      population["test_examples_per_client"] = .integer(max(1, inspection.rows / 5 / 5))
    }
    return [
      "name": .string(NewScenario.name(of: inspection.imageFolder ?? inspection.file)),
      "rounds": .integer(CarriedBudget.rounds), "data": .object(data),
      "population": .object(population), "model": ["name": .string(isNetwork ? "cnn" : "logistic")],
      "local": [
        "epochs": 1, "batch_size": .integer(batch),
        "learning_rate": isNetwork ? 0.2 : 0.5,
      ],
      "privacy": [
        "target_epsilon": .number(CarriedBudget.targetEpsilon),
        "target_delta": .number(CarriedBudget.delta), "max_grad_norm": 1,
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
