// Groups of people (data.group_columns) over seeds: how well each is served, and how far apart they are.

import Clustering
import Federation
import Scenarios

/// A figure of a group of people.
struct GroupFigure: Sendable {
  let name: String
  let title: String
  /// Values that it can take, beyond which no interval need go.
  var range: ClosedRange<Double> = 0...1
  let value: @Sendable (GroupResult) -> Double?

  static let accuracy = GroupFigure(name: "accuracy", title: "accuracy") { $0.accuracy }
  static let ofTwoClasses: [GroupFigure] = [
    GroupFigure(name: "sensitivity", title: "sens.") { $0.matrix?.sensitivity },
    GroupFigure(name: "specificity", title: "spec.") { $0.matrix?.specificity },
    GroupFigure(name: "predicted_positive", title: "pred. +") { group in
      group.matrix.flatMap { $0.classes == 2 ? $0.predictedShare(of: 1) : nil }
    },
    GroupFigure(name: "auc", title: "AUC") { $0.scores?.auc },
    GroupFigure(name: "calibration_error", title: "calibration") { $0.scores?.calibrationError },
  ]
  static let legend = "sens., spec.: sensitivity and specificity; pred. +: predicted as class 1."
  static let all =
    [accuracy, GroupFigure(name: "loss", title: "loss", range: 0 ... .infinity) { $0.loss }]
    + ofTwoClasses
}

extension GroupResult {
  var matrix: ConfusionMatrix? { try? ConfusionMatrix(counts: confusion.matrix) }

  /// Whether its scores are those of two classes.
  var isOfTwoClasses: Bool { confusion.classes == 2 }
}

/// A group of a cell, by name.
struct ComparedGroup: Sendable, Hashable {
  let attribute: String
  let name: String
}

extension ComparisonCell {
  /// The groups of people, as the first run names them.
  var groups: [ComparedGroup] {
    (runs.first?.result.groups ?? []).flatMap { attribute in
      attribute.groups.map { ComparedGroup(attribute: attribute.attribute, name: $0.name) }
    }
  }

  /// A group in every run that has it.
  func results(of group: ComparedGroup) -> [GroupResult] {
    runs.compactMap { run in
      run.result.groups?.first { $0.attribute == group.attribute }?.groups
        .first { $0.name == group.name }
    }
  }

  func estimate(_ figure: GroupFigure, of group: ComparedGroup) -> SeedEstimate {
    Comparison.estimate(results(of: group).map(figure.value)).within(figure.range)
  }

  /// Gaps between the groups of a column over the seeds.
  func gap(
    _ attribute: String, _ gap: (AttributeResult) -> Double?
  ) -> SeedEstimate {
    Comparison.estimate(
      runs.map { $0.result.groups?.first { $0.attribute == attribute }.flatMap(gap) }
    ).within(0...1)
  }
}

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
  func groupBlock(_ cell: ComparisonCell) -> ComparisonBlock? {
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
          "\(Self.interval(cell.estimate(.accuracy, of: group)))",
        ] + cells)
    }
    return ComparisonBlock(
      settings: cell.settings,
      heading: "\(cell.method), ε \(cell.epsilon.label), n = \(cell.runs.count)", table: table,
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
      ? [GroupFigure.legend] : []) + gaps
      + GroupWarnings.sentences(cell.runs.first?.result.groups ?? [])
  }
}

/// What must be said of groups that are too small.
enum GroupWarnings {
  static func sentences(_ attributes: [AttributeResult]) -> [String] {
    attributes.compactMap { attribute in
      let few = attribute.groups.filter { $0.testExamples < GroupResult.fewExamples }
      guard !few.isEmpty else { return nil }
      let names = few.map { "\($0.name) (\($0.testExamples))" }.joined(separator: ", ")
      let leftOut = few.count { $0.testExamples < GroupResult.leastExamples }
      return
        "\(attribute.attribute): with fewer than \(GroupResult.fewExamples) test examples the figures of "
        + "\(names) say little"
        + (leftOut == 0
          ? "."
          : "; gaps leave out those with fewer than \(GroupResult.leastExamples).")
    }
  }
}
