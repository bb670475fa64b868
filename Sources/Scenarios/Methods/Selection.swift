// The keys of private selection, which several methods share.

extension MethodTraits.Selection {
  static let keys: [Key] = [
    .defaults(
      "selection_epsilon_ratio", 0.03, .number(.above(0, below: 1)),
      "Epsilon of one private selection over target_epsilon."),
    .defaults(
      "selection_rounds_ratio", 0.1, .number(.from(0, to: 1)),
      "Share of the rounds in which clients select their cluster."),
  ]

  init(_ fields: Fields) throws(ScenarioError) {
    self.init(
      roundsRatio: try fields.number("selection_rounds_ratio"),
      epsilonRatio: try fields.number("selection_epsilon_ratio"))
  }
}
