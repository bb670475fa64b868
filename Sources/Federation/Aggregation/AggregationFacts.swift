// What is said of each aggregation rule wherever its figures are shown: what clients train and send, what
// the server makes of it, and what the guarantee covers.

public import Scenarios

/// Four sentences about a rule.
public struct AggregationFacts: Codable, Sendable, Hashable {
  public let trains: String
  public let sends: String
  public let averages: String
  /// What the guarantee covers.
  public let privacy: String
}

extension Scenario.Adapter {
  /// What the rule says of itself; of kinds without A and B what the kind trains, and whether its mean is exact.
  public var facts: AggregationFacts {
    let rule = aggregation.traits
    guard traits.factors == nil else {
      return AggregationFacts(
        trains: rule.trains, sends: rule.sends, averages: rule.averages, privacy: rule.privacy)
    }
    return AggregationFacts(
      trains: traits.trains, sends: rule.sends,
      averages: traits.isLinear
        ? "\(rule.averages); exact" : "\(rule.averages); inexact, products do not average",
      privacy: rule.privacy)
  }
}
