// Groups of people (data.group_columns) over seeds: how well each is served, and how far apart they are.

package import Clustering
package import Federation
import Formatting
import Scenarios

/// A figure of a group of people.
package struct GroupFigure: Sendable {
  package let name: String
  package let title: String
  /// Values that it can take, beyond which no interval need go.
  package var range: ClosedRange<Double> = 0...1
  package let value: @Sendable (GroupResult) -> Double?

  package static let accuracy = GroupFigure(name: "accuracy", title: "accuracy") { $0.accuracy }
  package static let ofTwoClasses: [GroupFigure] = [
    GroupFigure(name: "sensitivity", title: "sens.") { $0.matrix?.sensitivity },
    GroupFigure(name: "specificity", title: "spec.") { $0.matrix?.specificity },
    GroupFigure(name: "predicted_positive", title: "pred. +") { group in
      group.matrix.flatMap { $0.classes == 2 ? $0.predictedShare(of: 1) : nil }
    },
    GroupFigure(name: "auc", title: "AUC") { $0.scores?.auc },
    GroupFigure(name: "calibration_error", title: "calibration") { $0.scores?.calibrationError },
  ]
  /// What the titles mean.
  package static func legend(positive: String) -> String {
    "sens., spec.: sensitivity and specificity; pred. +: predicted as class \(positive)."
  }
  package static let all =
    [accuracy, GroupFigure(name: "loss", title: "loss", range: 0 ... .infinity) { $0.loss }]
    + ofTwoClasses
}

extension GroupResult {
  package var matrix: ConfusionMatrix? { try? ConfusionMatrix(counts: confusion.matrix) }

  /// Whether its scores are those of two classes.
  package var isOfTwoClasses: Bool { confusion.classes == 2 }
}

/// A group of a cell, by name.
package struct ComparedGroup: Sendable, Hashable {
  package let attribute: String
  package let name: String
}

extension ComparisonCell {
  /// The groups of people, as the first run names them.
  package var groups: [ComparedGroup] {
    (runs.first?.result.groups ?? []).flatMap { attribute in
      attribute.groups.map { ComparedGroup(attribute: attribute.attribute, name: $0.name) }
    }
  }

  /// A group in every run that has it.
  package func results(of group: ComparedGroup) -> [GroupResult] {
    runs.compactMap { run in
      run.result.groups?.first { $0.attribute == group.attribute }?.groups
        .first { $0.name == group.name }
    }
  }

  package func estimate(_ figure: GroupFigure, of group: ComparedGroup) -> SeedEstimate {
    Comparison.estimate(results(of: group).map(figure.value)).within(figure.range)
  }

  /// Gaps between the groups of a column over the seeds.
  package func gap(
    _ attribute: String, _ gap: (AttributeResult) -> Double?
  ) -> SeedEstimate {
    Comparison.estimate(
      runs.map { $0.result.groups?.first { $0.attribute == attribute }.flatMap(gap) }
    ).within(0...1)
  }
}

/// What must be said of groups that are too small.
package enum GroupWarnings {
  package static func sentences(_ attributes: [AttributeResult]) -> [String] {
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
