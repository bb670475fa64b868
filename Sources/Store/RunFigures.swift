// The figures that stand for a whole run: means, the worst off, and how unequal accuracies are.

public import Clustering
public import Federation

/// Whose weight a mean carries; docs/metrics.md, "Conventions".
public enum Weighting: String, Sendable, Hashable, CaseIterable {
  /// Every client (or cluster) counts once.
  case clients
  /// Every client (or cluster) counts with its training examples.
  case samples
}

extension RunResult {
  /// Accuracies of the clients.
  public var clientAccuracies: FairnessValues { clientValues(\.accuracy) }

  /// Accuracies of the clients, each with the weight of its training examples.
  public var sampleAccuracies: FairnessValues { clientValues(\.accuracy, by: .samples) }

  /// Unweighted mean accuracies of the true clusters.
  public var clusterAccuracies: FairnessValues { clusterValues(\.accuracy, \.accuracy) }

  /// The largest ε of a client; nil if one of them has none.
  public var epsilonMax: Double? {
    let values = clients.compactMap(\.epsilon)
    return values.count == clients.count ? values.max() : nil
  }

  /// The largest ε of the one choice of a client that came after training; nil where none did, or none has a budget.
  package var arrivalsEpsilon: Double? { arrivals?.compactMap(\.epsilon).max() }

  /// A figure of every client; one without test examples has none.
  package func clientValues(
    _ figure: (ClientResult) -> Double, by weighting: Weighting = .clients
  ) -> FairnessValues {
    values(clients, figure, by: weighting)
  }

  /// A figure of the scores of every client with two classes.
  package func scoreValues(_ figure: (BinaryFigures) -> Double?) -> FairnessValues {
    Self.fairness(clients.map { $0.testExamples > 0 ? $0.scores.flatMap(figure) : nil })
  }

  /// The mean of a figure over the clients of every true cluster; with samples as weights, both the
  /// clients in a cluster and the clusters count with their training examples.
  ///
  /// - Parameter mean: the unweighted mean, which the result of the cluster holds.
  package func clusterValues(
    _ figure: (ClientResult) -> Double, _ mean: (ClusterResult) -> Double,
    by weighting: Weighting = .clients
  ) -> FairnessValues {
    switch weighting {
    case .clients: return Self.fairness(clusters.map(mean))
    case .samples:
      let members = clusters.indices.map { index in clients.filter { $0.cluster == index } }
      return Self.fairness(
        members.map { values($0, figure, by: .samples).mean },
        weights: members.map { $0.reduce(0) { $0 + Double($1.trainExamples) } })
    }
  }

  /// The mean accuracy over the clients of all minority clusters; nil without such clusters.
  package func minorityAccuracy(by weighting: Weighting = .clients) -> Double? {
    let members = clients.filter {
      clusters.indices.contains($0.cluster) && clusters[$0.cluster].minority
    }
    return values(members, \.accuracy, by: weighting).mean
  }

  private func values(
    _ clients: [ClientResult], _ figure: (ClientResult) -> Double, by weighting: Weighting
  ) -> FairnessValues {
    Self.fairness(
      clients.map { $0.testExamples > 0 ? figure($0) : nil },
      weights: weighting == .samples ? clients.map { Double($0.trainExamples) } : nil)
  }

  private static func fairness(_ values: [Double?], weights: [Double]? = nil) -> FairnessValues {
    do {
      return try FairnessValues(values, weights: weights)
    } catch {
      preconditionFailure("every value has one weight: \(error)")
    }
  }
}
