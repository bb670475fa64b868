// What the keys of a table must have to do with one another.

import Datasets

extension Scenario {
  /// What the keys of a table must have to do with one another.
  func checkTable(_ problems: inout ProblemList) {
    guard let table = data.table else { return }
    let place = JSONPath() + "data"
    if !table.hasLabels, !model.isDecoder {
      problems.add(place + "label_column", "is missing; a \(model.name) learns labels")
    }
    if let text = table.text, table.hasLabels, text == table.format.label {
      problems.add(
        place + "text_column", "is the column of the label; name the column of the texts")
    }
    if table.text != nil, table.format.client != nil, data.publicExamples > 0 {
      problems.add(
        place + "public_examples",
        "must be 0 where client_column says whose every text is; set it to 0")
    }
    if table.publicPath != nil, data.publicExamples > 0 {
      problems.add(
        place + "public_examples", "must be 0 where public_path names the public rows; remove one")
    }
    if !table.format.groupColumns.isEmpty, !table.hasLabels {
      problems.add(
        place + "group_columns", "takes labels, which data.label_column names; remove it")
    }
    if table.format.cluster != nil, table.format.client == nil {
      problems.add(place + "cluster_column", "says whose clients? name data.client_column too")
    }
    if table.format.splitColumn != nil, table.testPath != nil || table.format.split != nil {
      problems.add(
        place + "split_column",
        "says already which rows are for testing; leave test_path and test_split out")
    }
    if table.format.split == .stratified {
      if table.format.person != nil {
        problems.add(
          place + "test_split",
          "cannot be \"stratified\" where rows of a person stay together; use \"random\"")
      } else if table.format.client != nil, hasBudget {
        problems.add(
          place + "test_split",
          "cannot be \"stratified\" under a budget: a private label would decide whether other rows of its "
            + "client are trained on; use \"random\"")
      }
    }
    checkEstimates(table, &problems)
    var words: [(JSONPath, [String])] = table.format.classes.map { [(place + "classes", $0)] } ?? []
    for (index, statement) in table.format.columns.enumerated() {
      if case .categorical(let categories?) = statement.kind {
        words.append((place + "columns" + index + "categories", categories))
      }
    }
    for (path, list) in words where Set(list).count < list.count {
      problems.add(path, "has the same word twice, as a number and as text; remove one")
    }
    let roles =
      [
        table.text, table.image, table.format.splitColumn, table.format.client,
        table.format.cluster, table.format.person, table.format.weight?.column,
        table.format.group,
      ].compactMap { $0 } + table.format.groupColumns.map(\.column)
    let columns =
      (table.hasLabels ? [table.format.label] : []) + roles + (table.format.features ?? [])
      + table.format.dropped
    let names = (columns + table.format.columns.map(\.column)).filter {
      if case .name = $0 { true } else { false }
    }
    if let name = names.first, !table.format.header {
      problems.add(
        place + "header", "is false, so no column is called \(name); count columns from 0")
    }
  }

  /// Where columns' scales are estimated: who pays for it must be clear.
  private func checkEstimates(_ table: DataSet.Table, _ problems: inout ProblemList) {
    let columns = table.format.columns.indices.filter {
      if case .estimated = table.format.columns[$0].kind { true } else { false }
    }
    guard let first = columns.first else { return }
    let place = JSONPath() + "data" + "columns" + first + "kind"
    let instead = "state bounds (\"numeric\") instead"
    if privacy.unit == .client {
      problems.add(
        place,
        "cannot be \"estimated\" where whole clients are protected: a client's rows would decide; \(instead)"
      )
    }
    if method.traits.variant == "as-released", hasBudget {
      problems.add(
        place,
        "cannot be \"estimated\" in the variant \"as-released\", whose accounting knows no such release; \(instead)"
      )
    }
  }
}
