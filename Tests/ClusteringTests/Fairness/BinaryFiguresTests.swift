// Figures of two classes against brute force and published numbers.

import Clustering
import Kernels
import TestSupport
import Testing

@Suite("Figures of two classes")
struct BinaryFiguresTests {
  /// Examples with many ties.
  private func made(_ seed: UInt64) -> (labels: [Int], margins: [Double]) {
    var stream = RandomStream(seed: seed, purpose: .bootstrap)
    let labels = (0..<60).map { _ in stream.nextUnit() < 0.3 ? 1 : 0 }
    return (labels, labels.map { 0.5 * (Double($0) + 6 * stream.nextUnit() - 4).rounded() })
  }

  @Test("AUC, Brier score and calibration error equal their definitions", arguments: 0..<8)
  func definitions(seed: Int) throws {
    let (labels, margins) = made(UInt64(seed))
    let figures = try #require(try BinaryFigures(labels: labels, margins: margins))
    let positives = labels.indices.filter { labels[$0] == 1 }
    let negatives = labels.indices.filter { labels[$0] == 0 }
    var wins = 0.0
    for p in positives {
      for n in negatives {
        wins += margins[p] > margins[n] ? 1 : margins[p] == margins[n] ? 0.5 : 0
      }
    }
    #expect(isClose(try #require(figures.auc), wins / Double(positives.count * negatives.count)))
    let p = margins.map { 1 / (1 + Elementary.exp(-$0)) }
    let squares = zip(p, labels).map { ($0 - Double($1)) * ($0 - Double($1)) }
    #expect(isClose(figures.brier, squares.reduce(0, +) / 60))
    let error = (0..<10).reduce(0.0) { total, bin in
      let members = p.indices.filter { Int(p[$0] * 10) == bin }
      let share = members.reduce(0.0) { $0 + Double(labels[$1]) - p[$1] }
      return total + abs(share) / 60
    }
    #expect(isClose(figures.calibrationError, error, absolute: 1e-12))
  }

  @Test("one class alone has no AUC; no examples have no figures")
  func edges() throws {
    let single = try #require(try BinaryFigures(labels: [1, 1], margins: [0, .infinity]))
    #expect(single.auc == nil)
    #expect(single.brier == 0.125)
    #expect(try BinaryFigures(labels: [], margins: []) == nil)
    #expect(throws: ClusteringError.self) { try BinaryFigures(labels: [1], margins: []) }
  }

  @Test("Wilson's interval: 8 of 10, nothing, all")
  func wilson() {
    // Agresti and Coull (1998) and any statistics package: 0.4902 to 0.9433.
    let interval = ShareInterval(successes: 8, trials: 10)
    #expect(isClose(interval.lower, 0.490162, absolute: 1e-6))
    #expect(isClose(interval.upper, 0.943318, absolute: 1e-6))
    #expect(ShareInterval(successes: 0, trials: 5).lower == 0)
    #expect(ShareInterval(successes: 5, trials: 5).upper == 1)
    #expect(ShareInterval(successes: 0, trials: 0).upper == 1)
  }

  @Test("demographic parity compares predictions, not truth")
  func parity() throws {
    let gap = try DemographicParityGap(groups: [
      ConfusionMatrix(counts: [[8, 2], [0, 10]]), ConfusionMatrix(counts: [[5, 0], [0, 5]]),
      ConfusionMatrix(counts: [[0, 0], [0, 0]]),
    ]).gap
    #expect(isClose(try #require(gap), 0.1))
    #expect(try DemographicParityGap(groups: [ConfusionMatrix(counts: [[1]])]).gap == nil)
  }
}
