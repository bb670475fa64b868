// The answer of `privacy epsilon` and `privacy calibrate`.

public import Privacy
public import Scenarios

/// A noise multiplier and what it costs, by one accountant or several.
public struct EpsilonAnswer: Sendable, Hashable {
  private let noiseMultiplier: Double
  private let bounds: [EpsilonBound]

  /// - Parameter bounds: the bound asked for, then those it is compared with.
  public init(noiseMultiplier: Double, bounds: [EpsilonBound]) {
    self.noiseMultiplier = noiseMultiplier
    self.bounds = bounds
  }

  public func lines(colors: Bool) -> [String] {
    var table = TextTable([
      ("accountant", .left), ("ε", .right), ("δ", .right), ("noise multiplier", .right),
    ])
    for bound in bounds {
      table.add([
        TextTable.Cell(AccountantTitle.text(bound.accountant)),
        TextTable.Cell(NumberText.epsilon(bound.epsilon), .bold),
        "\(NumberText.exact(bound.delta))", "\(NumberText.exact(noiseMultiplier))",
      ])
    }
    return [
      "For one training example added or removed, with Poisson sampling, every release counted:"
    ] + table.lines(colors: colors) + bounds.flatMap(\.warnings).map { "Note: \($0)" }
  }

  public var document: JSONValue {
    [
      "unit": "example", "relation": "add-or-remove-one", "sampling": "poisson",
      "noise_multiplier": .number(noiseMultiplier),
      "epsilon": JSONValue(bounds.first?.epsilon), "delta": JSONValue(bounds.first?.delta),
      "accountant": JSONValue(bounds.first?.accountant.rawValue),
      "bounds": .array(bounds.map(\.document)),
    ]
  }
}
