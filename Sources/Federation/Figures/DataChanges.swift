// Clusters whose data change while the run goes on: what is forgotten of the old data and gained on the new.

/// A cluster whose data change during the run, in a round with evaluation.
public struct ChangeRound: Codable, Hashable, Sendable {
  public let cluster: Int
  /// Mean accuracy of its clients on their test examples before and after the change, with the models of this round.
  public let old: Double
  public let new: Double
}

/// What the change of a cluster's data did to its models.
public struct ChangeResult: Codable, Hashable, Sendable {
  public let cluster: Int
  /// The first round (from 1) with the new data.
  public let fromRound: Int
  /// Accuracy on the old data at its best in any round with evaluation, after the last round with them, and at the end.
  public internal(set) var bestOld: Double
  public internal(set) var oldAtChange: Double?
  public internal(set) var oldAtEnd: Double
  /// Accuracy on the new data before they were trained on (transfer), and at the end.
  public internal(set) var newAtChange: Double?
  public internal(set) var newAtEnd: Double

  /// How much of the accuracy on the old data is gone.
  public var forgetting: Double { bestOld - oldAtEnd }
  /// What training on the new data brought.
  public var gain: Double? { newAtChange.map { newAtEnd - $0 } }
}

extension RunProgress {
  mutating func add(_ rounds: [ChangeRound], round: Int, beginnings: [Int: Int]) {
    guard !rounds.isEmpty else { return }
    var known = changes ?? []
    for change in rounds {
      guard let begin = beginnings[change.cluster] else { continue }
      let isLast = round == begin - 1
      let place = known.firstIndex { $0.cluster == change.cluster }
      var result =
        place.map { known[$0] }
        ?? ChangeResult(
          cluster: change.cluster, fromRound: begin, bestOld: change.old, oldAtChange: nil,
          oldAtEnd: change.old, newAtChange: nil, newAtEnd: change.new)
      result.bestOld = max(result.bestOld, change.old)
      result.oldAtEnd = change.old
      result.newAtEnd = change.new
      if isLast {
        result.oldAtChange = change.old
        result.newAtChange = change.new
      }
      if let place { known[place] = result } else { known.append(result) }
    }
    changes = known
  }
}
