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
  var markedEpsilon: String { epsilon.label + (allowedRules.isEmpty ? "" : AllowedText.mark) }
}

extension Comparison {
  /// What the mark of an ε means; nil where none has it.
  static func allowedLegend(_ cells: [ComparisonCell]) -> String? {
    let rules = cells.flatMap(\.allowedRules)
    return rules.isEmpty ? nil : AllowedText.legend(rules)
  }
}

extension CheckReport.Finding {
  var document: JSONValue {
    ["rule": .string(rule), "path": .string(path), "message": .string(message)]
  }
}
