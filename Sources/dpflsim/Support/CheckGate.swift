// The check in front of everything that trains a scenario: what it finds critical ends the command before any training.

import Federation
import Formatting
import Scenarios

extension RunCheck {
  /// Asks the rules.
  ///
  /// - Throws: a `Failure` with status 65 if the check refuses the scenario.
  static func passed(by scenario: Scenario, in places: Places) throws -> RunCheck {
    let check = try RunCheck(scenario: scenario, catalog: places.catalog)
    guard check.refused.isEmpty else { throw Failure(refusing: check.refused) }
    return check
  }

  /// What is said of a scenario that passed: first what was allowed.
  var findings: [CheckReport.Finding] { allowed + warnings }

  /// Says it on standard error.
  func tell() {
    for finding in findings { Terminal.tell(finding.line) }
  }
}

extension Failure {
  /// The refusal of a scenario by the check.
  init(refusing findings: [CheckReport.Finding]) {
    let lines = findings.map { "\($0.path): \($0.message) (\($0.rule))" }
    let names = Set(findings.map(\.rule)).sorted()
    // The findings say themselves how to fix them.
    let permission =
      names.allSatisfy(RunCheck.allowableRules.contains)
      ? [
        "refused by \(names.joined(separator: ", ")); fix it, or run it all the same with "
          + names.map { "--allow \($0)" }.joined(separator: " ")
      ] : []
    self.init(.invalidInput, (lines + permission).joined(separator: "\n"))
    isRefusal = true
  }
}

extension CheckReport.Finding {
  /// For standard error, before a run.
  var line: String {
    let word = severity == .critical ? "allowed" : "warning"
    return "\(word): \(rule), \(path): \(message)".printable
  }
}
