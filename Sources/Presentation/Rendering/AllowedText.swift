// What stands beside the ε of runs that the check would have refused, had nobody allowed a finding by name, and of those
// that were made before it refused them.

import Analysis
import Federation
import Formatting
import Scenarios

enum AllowedText {
  /// Behind an ε in a table; `legend` says what it means.
  static let mark = " !"

  /// Below a table with the mark.
  static func legend(_ rules: some Sequence<String>) -> String {
    "!: the check refuses this run, which went on because \(CheckReport.Finding.excuse(rules)): its ε says little. "
      + "`runs show RUN` has the finding."
  }

  /// The rules in a column of a table for programs; empty where there are none.
  static func field(_ rules: [String]) -> JSONValue { .string(rules.joined(separator: " ")) }

  /// Below the ε of one run, a line a finding.
  static func lines(_ findings: [CheckReport.Finding]) -> [String] {
    findings.map {
      ($0.isWithdrawal
        ? "  Refused today, since ε does not hold or cannot be read: "
        : "  Allowed, though ε says little then: ") + $0.sentence.printable
    }
  }
}

extension ComparisonCell {
  /// The ε, marked where it says little.
  var markedEpsilon: String { marked(epsilon.label) }

  /// A text that stands for the cell where its ε stands elsewhere, such as above the table.
  func marked(_ text: String) -> String { text + (allowedRules.isEmpty ? "" : AllowedText.mark) }
}

extension Comparison {
  /// What the mark of an ε means; nil where none has it.
  static func allowedLegend(_ cells: [ComparisonCell]) -> String? {
    let rules = cells.flatMap(\.allowedRules)
    return rules.isEmpty
      ? nil : AllowedText.legend(rules) + " It is called the best nowhere, and is on no frontier."
  }
}

extension RunResult {
  /// The rules whose findings were allowed for this run, each once; none where it states no ε.
  var allowedRules: [String] {
    clients.contains { $0.epsilon != nil } ? Set((allowedFindings ?? []).map(\.rule)).sorted() : []
  }

  /// An ε of the run, rounded up, marked where it says little.
  func marked(_ epsilon: Double?) -> String {
    NumberText.epsilon(epsilon) + (epsilon == nil || allowedRules.isEmpty ? "" : AllowedText.mark)
  }

  /// What the mark of an ε means, behind the caption of a chart; empty where none has it.
  var allowedCaption: String {
    allowedRules.isEmpty ? "" : " " + AllowedText.legend(allowedRules)
  }
}

extension CheckReport.Finding {
  var document: JSONValue {
    ["rule": .string(rule), "path": .string(path), "message": .string(message)]
  }
}
