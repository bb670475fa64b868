// Compared groups as tables and as JSON.

import Analysis
import Clustering
import Federation
import Formatting
import Scenarios

extension ComparedGroup {
  func document(in cell: ComparisonCell) -> JSONValue {
    let results = cell.results(of: self)
    return .object(
      GroupFigure.all.reduce(into: [
        "attribute": .string(attribute), "name": .string(name),
        "test_examples": .integer(results.first?.testExamples ?? 0),
      ]) { $0[$1.name] = cell.estimate($1, of: self).document })
  }
}

extension Comparison {
  /// The groups of a cell below each other; nil without groups.
  func groupBlock(_ cell: ComparisonCell, _ spread: Spread) -> ComparisonBlock? {
    guard !cell.groups.isEmpty else { return nil }
    let isBinary = cell.groups.contains { cell.results(of: $0).contains(where: \.isOfTwoClasses) }
    let figures = isBinary ? Array(GroupFigure.ofTwoClasses.prefix(4)) : []
    var table = TextTable(
      [("group", .left), ("tested", .right), ("accuracy", .right)]
        + figures.map { ($0.title, .right) })
    for group in cell.groups {
      let results = cell.results(of: group)
      let cells = figures.map { figure -> TextTable.Cell in
        let mean = cell.estimate(figure, of: group).mean
        return figure.name == "auc"
          ? "\(NumberText.decimal(mean, 3))" : "\(Self.percent(mean))"
      }
      table.add(
        [
          TextTable.Cell(group.label.shortened(to: 20)),
          "\(results.first?.testExamples ?? 0)",
          "\(Self.text(cell.estimate(.accuracy, of: group), spread))",
        ] + cells)
    }
    return ComparisonBlock(
      settings: cell.settings,
      heading: "\(cell.method), ε \(cell.markedEpsilon), n = \(cell.runs.count)", table: table,
      notes: groupNotes(cell))
  }

  /// How far the groups of each column are apart, and which are too small to tell.
  func groupNotes(_ cell: ComparisonCell) -> [String] {
    let attributes = Self.unique(cell.groups.map(\.attribute))
    let gaps = attributes.map { attribute in
      "\(attribute): accuracy gap \(Self.percent(cell.gap(attribute, \.accuracyGap).mean)), equalised "
        + "odds \(Self.percent(cell.gap(attribute, \.equalizedOddsGap).mean)), demographic parity "
        + "\(Self.percent(cell.gap(attribute, \.demographicParityGap).mean)) points."
    }
    return
      (cell.groups.contains { cell.results(of: $0).contains(where: \.isOfTwoClasses) }
      ? [GroupFigure.legend(positive: ClassName.text(1, in: cell.classNames))] : []) + gaps
      + GroupWarnings.sentences(cell.runs.first?.result.groups ?? [])
  }
}
