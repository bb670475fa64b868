// What a run says of two classes and of groups of people.

import Analysis
import Clustering
import Federation
import Formatting
import Scenarios

extension RunSections {
  /// How the scores of two classes order and how far they can be believed, cluster by cluster; nil for other models.
  func twoClasses() -> [String]? {
    guard result.clusters.contains(where: { $0.scores != nil }) else { return nil }
    var table = TextTable([
      ("true cluster", .left), ("AUC", .right), ("sensitivity", .right), ("specificity", .right),
      ("Brier", .right), ("calibration error", .right),
    ])
    for (index, cluster) in result.clusters.enumerated() {
      let matrix = result.confusion(ofCluster: index)
      table.add([
        TextTable.Cell(cluster.name, cluster.minority ? .marked : .plain),
        "\(NumberText.decimal(cluster.scores?.auc, 3))",
        "\(NumberText.percent(matrix?.sensitivity))", "\(NumberText.percent(matrix?.specificity))",
        "\(NumberText.decimal(cluster.scores?.brier, 3))",
        "\(NumberText.percent(cluster.scores?.calibrationError))",
      ])
    }
    let positive = ClassName.text(1, in: classNames)
    return [heading("Scores of the two classes, class \(positive) being positive")]
      + table.lines(colors: colors)
  }

  /// How each group of people is served, over all clients; nil without groups.
  func peopleGroups() -> [String]? {
    guard let attributes = result.groups else { return nil }
    let isBinary = attributes.contains { $0.groups.contains(where: \.isOfTwoClasses) }
    let figures = isBinary ? Array(GroupFigure.ofTwoClasses.prefix(3)) : []
    var table = TextTable(
      [("group", .left), ("tested", .right), ("accuracy", .right), ("95 %", .right)]
        + figures.map { ($0.title, .right) })
    for attribute in attributes {
      for group in attribute.groups {
        let interval = group.interval
        table.add(
          [
            TextTable.Cell("\(attribute.attribute): \(group.name)".shortened(to: 22)),
            "\(NumberText.grouped(group.testExamples))",
            TextTable.Cell(
              NumberText.percent(group.accuracy),
              group.accuracy != nil && group.accuracy == attribute.worstAccuracy ? .bad : .plain),
            "\(Comparison.percent(interval.lower))–\(Comparison.percent(interval.upper))",
          ] + figures.map { "\(NumberText.percent($0.value(group)))" })
      }
    }
    var lines = [heading("Groups of people, over all clients")] + table.lines(colors: colors)
    if isBinary {
      lines.append("  \(GroupFigure.legend(positive: ClassName.text(1, in: classNames)))")
    }
    for attribute in attributes {
      lines +=
        ("  \(attribute.attribute): accuracy gap \(NumberText.points(attribute.accuracyGap)), equalised "
        + "odds gap \(NumberText.points(attribute.equalizedOddsGap)), demographic parity gap "
        + "\(NumberText.points(attribute.demographicParityGap)).").printable.wrapped()
    }
    lines += withinClusters(attributes)
    return lines
      + GroupWarnings.sentences(attributes).flatMap { "  \($0)".printable.wrapped() }
  }
}

extension RunSections {
  /// More clusters than this are left to JSON.
  private static let mostColumns = 5

  /// The accuracy of each group within each true cluster; empty with one cluster.
  private func withinClusters(_ attributes: [AttributeResult]) -> [String] {
    let groups = attributes.flatMap { attribute in
      attribute.groups.map { (attribute: attribute.attribute, group: $0) }
    }
    guard let clusters = groups.first?.group.byCluster else { return [] }
    guard clusters.count <= Self.mostColumns else {
      return
        "  Groups within each of the \(clusters.count) true clusters: --format json, groups, by_cluster."
        .printable.wrapped()
    }
    var table = TextTable(
      [("within true clusters", .left)]
        + clusters.map { ("\($0.cluster.shortened(to: 9)) (tested)", .right) })
    for (attribute, group) in groups {
      table.add(
        [TextTable.Cell("\(attribute): \(group.name)".shortened(to: 20))]
          + (group.byCluster ?? []).map { share in
            share.testExamples == 0
              ? TextTable.Cell("·", .faint)
              : TextTable.Cell(
                "\(NumberText.percent(share.accuracy)) (\(NumberText.grouped(share.testExamples)))",
                share.testExamples < GroupResult.fewExamples ? .faint : .plain)
          })
    }
    return table.lines(colors: colors)
  }
}

extension AttributeResult {
  /// The groups of a column with their figures and gaps.
  var document: JSONValue {
    [
      "attribute": .string(attribute), "accuracy_gap": JSONValue(accuracyGap),
      "equalized_odds_gap": JSONValue(equalizedOddsGap),
      "demographic_parity_gap": JSONValue(demographicParityGap),
      "groups": .array(groups.map(\.document)),
    ]
  }
}

extension GroupResult {
  fileprivate var document: JSONValue {
    var members: [String: JSONValue] = [
      "name": .string(name), "clients": .integer(clients),
      "train_examples": .integer(trainExamples), "test_examples": .integer(testExamples),
      "accuracy_lower": .number(interval.lower), "accuracy_upper": .number(interval.upper),
    ]
    members["by_cluster"] =
      byCluster.map { shares in
        .array(
          shares.map {
            [
              "cluster": .string($0.cluster), "test_examples": .integer($0.testExamples),
              "accuracy": JSONValue($0.accuracy),
            ]
          })
      } ?? .null
    for figure in GroupFigure.all { members[figure.name] = JSONValue(figure.value(self)) }
    if let matrix {
      // Of every class against the rest.
      members["true_positive_rates"] = .array(
        (0..<matrix.classes).map { JSONValue(matrix.truePositiveRate(of: $0)) })
      members["false_positive_rates"] = .array(
        (0..<matrix.classes).map { JSONValue(matrix.falsePositiveRate(of: $0)) })
    }
    return .object(members)
  }
}

extension BinaryFigures {
  /// The members that clients and clusters with two classes have beside the others.
  func members(_ confusion: ConfusionMatrix?) -> [String: JSONValue] {
    [
      "auc": JSONValue(auc), "brier": .number(brier),
      "calibration_error": .number(calibrationError),
      "sensitivity": JSONValue(confusion?.sensitivity),
      "specificity": JSONValue(confusion?.specificity),
    ]
  }
}
