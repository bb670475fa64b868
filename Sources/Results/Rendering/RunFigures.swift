// The figures that stand for a whole run: means, the worst off, and how unequal accuracies are.

public import Clustering
public import Federation

extension RunResult {
  /// Accuracies of the clients.
  public var clientAccuracies: FairnessValues { values(clients.map(\.accuracy)) }

  /// Unweighted mean accuracies of the true clusters.
  public var clusterAccuracies: FairnessValues { values(clusters.map(\.accuracy)) }

  /// Accuracies of the clients, each with the weight of its training examples.
  public var sampleAccuracies: FairnessValues {
    values(clients.map(\.accuracy), weights: clients.map { Double($0.trainExamples) })
  }

  /// The largest ε of a client; nil if one of them has none.
  public var epsilonMax: Double? {
    let values = clients.compactMap(\.epsilon)
    return values.count == clients.count ? values.max() : nil
  }

  private func values(_ values: [Double], weights: [Double]? = nil) -> FairnessValues {
    do {
      return try FairnessValues(values, weights: weights)
    } catch {
      preconditionFailure("every client has one accuracy and one number of examples: \(error)")
    }
  }
}
