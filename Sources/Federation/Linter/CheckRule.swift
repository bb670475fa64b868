// One rule of `dpflsim check`, and the list of all of them.

import Scenarios

/// Something that a scenario can get wrong, or that its reader must know.
struct CheckRule: Sendable {
  /// What one rule found at one place.
  struct Violation: Sendable {
    let path: String
    let message: String

    init(_ path: String, _ message: String) {
      self.path = path
      self.message = message
    }
  }

  let id: String
  let severity: CheckReport.Severity
  let find: @Sendable (CheckFacts) -> [Violation]

  init(
    _ id: String, _ severity: CheckReport.Severity,
    _ find: @escaping @Sendable (CheckFacts) -> [Violation]
  ) {
    self.id = id
    self.severity = severity
    self.find = find
  }

  /// Every rule, in the order of docs/check.md.
  static let all = truth + budget + clustering + training + meaning
}

extension PrivacyLinter {
  /// The ids of all rules, for the page that explains them and for its test.
  package static var ruleIDs: [String] { CheckRule.all.map(\.id) }
}

/// Numbers in sentences: three significant digits.
func short(_ value: Double) -> String {
  guard value.isFinite, value != 0 else { return "\(value)" }
  var scale = 1.0
  while value.magnitude * scale < 100, scale < 1e12 { scale *= 10 }
  let rounded = (value * scale).rounded() / scale
  return rounded == rounded.rounded() && rounded.magnitude < 1e15
    ? "\(Int(rounded))" : "\(rounded)"
}
