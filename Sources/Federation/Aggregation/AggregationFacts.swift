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

extension Scenario.Adapter.Aggregation {
  private static let postProcessing =
    "whatever the server computes, it computes from noisy releases: post-processing, at no cost"

  public var facts: AggregationFacts {
    let (trains, sends, averages): (String, String, String) =
      switch self {
      case .fedIT: ("A and B", "A and B", "means of A and of B; products do not average")
      case .ffaLoRA: ("B beside a common, frozen A", "B", "mean of B; exact")
      case .roLoRA:
        ("B in odd rounds, A in even ones", "the trained factor", "its mean; exact in every round")
      case .flexLoRA:
        (
          "A and B at the client's rank", "A and B",
          "mean of the products, cut to the rank by singular values"
        )
      case .floRA:
        (
          "fresh A and B each round", "A and B",
          "stacked factors, folded into the frozen weights; exact"
        )
      case .fedSALoRA: ("A and B", "A", "mean of A; every client keeps its own B")
      case .fedExLoRA:
        ("A and B", "A and B", "means of A and of B, the rest into the frozen weights; exact")
      case .loRAFAIR: ("A and B", "A and B", "means of A and of B, then B corrected; nearly exact")
      case .deer:
        (
          "first B, then A, within a round", "B, then A",
          "mean of each, with the other factor orthonormal; exact"
        )
      case .fedSVD:
        (
          "B beside a common A", "B",
          "mean of B; exact; the product is rewritten so that A is orthonormal"
        )
      case .rgp:
        (
          "the adapted weights, by gradients with respect to thin carriers",
          "the change of the weights", "its mean; exact"
        )
      case .mean: ("the adapter", "the same", "mean of every number")
      }
    return AggregationFacts(
      trains: trains, sends: sends, averages: averages,
      privacy: self == .fedSALoRA
        ? "B is trained with the same noise although it stays with the client: later releases of A "
          + "depend on it" : Self.postProcessing)
  }
}

extension Scenario.Adapter {
  /// The same with what this kind trains, and whether its mean is exact.
  public var facts: AggregationFacts {
    guard aggregation == .mean else { return aggregation.facts }
    return AggregationFacts(
      trains: kind.trainedWords, sends: "the same",
      averages: kind.isLinear
        ? "mean of every number; exact" : "mean of every number; inexact, products do not average",
      privacy: aggregation.facts.privacy)
  }
}
