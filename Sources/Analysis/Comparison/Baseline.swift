// What somebody gets right who never looks at an example: a model that does no better has learned nothing.

import Clustering
package import Federation
import Formatting

/// The accuracy of the worst off if each of its clients were always given the most frequent class of its test
/// examples.
public struct Baseline: Sendable, Hashable {
  /// Mean over seeds.
  public let share: Double
  /// Test examples of the worst off, of the seed that has the fewest; nil where nobody counted them.
  public let examples: Int?
  let classes: Int

  /// Whether the most frequent class is no more frequent than any other.
  public var isGuess: Bool { share <= 1 / Double(classes) + 1e-9 }

  /// Whether an accuracy is above it by more than chance in so many test examples leaves open: two standard errors.
  public func isBeaten(by accuracy: Double) -> Bool {
    guard let examples, examples > 0 else { return accuracy > share }
    // Nothing can be better, however few the examples are.
    return accuracy >= 1
      || accuracy > share + 2 * (share * (1 - share) / Double(examples)).squareRoot()
  }

  /// How it is made, such as "guessing among 10 classes".
  package var words: String {
    isGuess
      ? "guessing among \(classes) classes" : "always answering each client's most frequent class"
  }
}

extension ComparisonCell {
  /// What the worst off of this cell would get without a model; nil where there are no classes to tell apart, and for
  /// models that predict next tokens.
  public var baseline: Baseline? {
    guard classes > 1,
      runs.first?.result.clusters.contains(where: { $0.perplexity != nil }) == false
    else { return nil }
    let known = runs.compactMap { $0.result.majority(of: worstOff) }
    guard known.count == runs.count, let examples = known.map(\.examples).min() else {
      return Baseline(share: 1 / Double(classes), examples: nil, classes: classes)
    }
    return Baseline(
      share: known.map(\.share).reduce(0, +) / Double(known.count), examples: examples,
      classes: classes)
  }

  /// Whether its worst off get more than they would without a model; true where that is not known.
  package var isBetterThanBaseline: Bool {
    guard let baseline, let worstMean else { return true }
    return baseline.isBeaten(by: worstMean)
  }
}

extension RunResult {
  /// Of the worst off of this run, what the most frequent class of each client would get; nil without counts.
  fileprivate func majority(of worstOff: WorstOff) -> (share: Double, examples: Int)? {
    let tested = clients.filter { $0.testExamples > 0 }
    let members: [ClientResult]
    switch worstOff {
    case .client:
      members = tested.min { $0.accuracy < $1.accuracy }.map { [$0] } ?? []
    case .cluster:
      let worst = clusters.indices.min { clusters[$0].accuracy < clusters[$1].accuracy }
      members = tested.filter { $0.cluster == worst }
    }
    let shares = members.compactMap(\.majorityAccuracy)
    guard !shares.isEmpty, shares.count == members.count else { return nil }
    return (
      shares.reduce(0, +) / Double(shares.count),
      members.reduce(0) { $0 + $1.confusion.examples }
    )
  }

  /// Clients whose test examples of several classes are all given the same one, by that class.
  package var constantAnswers: [(class: Int, clients: [Int])] {
    var found: [Int: [Int]] = [:]
    for client in clients {
      if let answer = client.confusion.onlyAnswer {
        found[answer, default: []].append(client.client)
      }
    }
    return found.sorted { $0.key < $1.key }.map { (class: $0.key, clients: $0.value) }
  }
}

extension ClientResult {
  /// The share of its test examples that are of the most frequent class; nil where none are counted.
  package var majorityAccuracy: Double? {
    let counts = confusion.countsByLabel
    guard let most = counts.values.max() else { return nil }
    return Double(most) / Double(counts.values.reduce(0, +))
  }
}

extension ConfusionCounts {
  fileprivate var countsByLabel: [UInt32: Int] {
    stride(from: 0, to: triples.count, by: 3).reduce(into: [:]) {
      $0[triples[$1], default: 0] += Int(triples[$1 + 2])
    }
  }

  fileprivate var examples: Int { countsByLabel.values.reduce(0, +) }

  /// The label that all examples are given although they have several; nil otherwise.
  fileprivate var onlyAnswer: Int? {
    let places = stride(from: 0, to: triples.count, by: 3)
    let answers = Set(places.map { triples[$0 + 1] })
    guard answers.count == 1, countsByLabel.count > 1 else { return nil }
    return answers.first.map { Int($0) }
  }
}
