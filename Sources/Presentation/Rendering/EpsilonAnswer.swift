// The answer of `privacy epsilon` and `privacy calibrate`.

import Formatting
public import Privacy
public import Scenarios

/// A noise multiplier and what it costs, by one accountant or several.
public struct EpsilonAnswer: Sendable {
  private let noiseMultiplier: Double
  private let bounds: [EpsilonBound]
  private let target: Double?
  private let refusals: [(accountant: AccountantKind, reason: String)]

  /// - Parameters:
  ///   - bounds: the bound asked for, then those it is compared with.
  ///   - target: what the noise was calibrated to; no bound that keeps to it is rounded beyond it.
  ///   - refusals: accountants that were asked and cannot answer.
  public init(
    noiseMultiplier: Double, bounds: [EpsilonBound], target: Double? = nil,
    refusals: [(accountant: AccountantKind, reason: String)] = []
  ) {
    self.refusals = refusals
    self.noiseMultiplier = noiseMultiplier
    self.bounds = bounds
    self.target = target
  }

  public func lines(colors: Bool) -> [String] {
    var table = TextTable([
      ("accountant", .left), ("ε", .right), ("δ", .right), ("noise multiplier", .right),
    ])
    for bound in bounds {
      table.add([
        TextTable.Cell(AccountantTitle.text(bound.accountant)),
        TextTable.Cell(NumberText.epsilon(bound.epsilon, within: target), .bold),
        "\(NumberText.exact(bound.delta))", "\(NumberText.exact(noiseMultiplier))",
      ])
    }
    for refusal in refusals {
      table.add([TextTable.Cell(AccountantTitle.text(refusal.accountant)), "–", "–", "–"])
    }
    return [
      "For one training example added or removed, with Poisson sampling, every release counted:"
    ] + table.lines(colors: colors) + bounds.flatMap(\.warnings).map { "Note: \($0)" }
      + refusals.map { "Note: \(AccountantTitle.text($0.accountant)) cannot answer: \($0.reason)." }
  }

  public var document: JSONValue {
    [
      "unit": "example", "relation": "add-or-remove-one", "sampling": "poisson",
      "noise_multiplier": .number(noiseMultiplier),
      "epsilon": JSONValue(bounds.first?.epsilon), "delta": JSONValue(bounds.first?.delta),
      "accountant": JSONValue(bounds.first?.accountant.rawValue),
      "bounds": .array(bounds.map(\.document)),
      "refusals": .array(
        refusals.map {
          ["accountant": .string($0.accountant.rawValue), "reason": .string($0.reason)]
        }),
    ]
  }
}
