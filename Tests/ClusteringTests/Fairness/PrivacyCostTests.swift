// The price of privacy and the unfairness of the R-DPCFL papers, by hand.

import Clustering
import TestSupport
import Testing

@Suite("Price of privacy")
struct PrivacyCostTests {
  private let without: [Double?] = [0.9, 0.8, nil, 0.7]
  private let with: [Double?] = [0.6, 0.7, 0.5, 0.7]

  @Test("price, F_acc and F_loss of four clients, one without a partner")
  func byHand() throws {
    let prices = try PrivacyCost.price(accuracyWithout: without, accuracyWith: with)
    #expect(prices.map { $0 != nil } == [true, true, false, true])
    #expect(isClose(try #require(prices[0]), 0.3, relative: 1e-12))
    let unfairness = try PrivacyCost.accuracyUnfairness(
      accuracyWithout: without, accuracyWith: with)
    #expect(isClose(try #require(unfairness), 0.3, relative: 1e-12))
    let loss = try PrivacyCost.lossUnfairness(
      lossWithout: [0.1, 0.4, 0.2], lossWith: [0.5, 0.3, .nan])
    #expect(isClose(try #require(loss), 0.5, relative: 1e-12))
  }

  @Test("minority over majority, plain and weighted, nil where a ratio says nothing")
  func ratio() throws {
    let minority = [true, true, false, false]
    let ratio = try PrivacyCost.minorityRatio(
      prices: [0.3, 0.1, 0.05, 0.15], isMinority: minority)
    #expect(isClose(try #require(ratio), 2, relative: 1e-12))
    let weighted = try PrivacyCost.minorityRatio(
      prices: [0.3, 0.1, 0.05, 0.15], isMinority: minority, weights: [1, 3, 1, 1])
    #expect(isClose(try #require(weighted), 1.5, relative: 1e-12))
    #expect(try PrivacyCost.minorityRatio(prices: [0.3, nil, 0, 0], isMinority: minority) == nil)
    #expect(
      try PrivacyCost.minorityRatio(prices: [0.3, nil, -0.1, 0], isMinority: minority) == nil)
    #expect(
      try PrivacyCost.minorityRatio(prices: [nil, nil, 0.1, 0.1], isMinority: minority) == nil)
    #expect(
      try PrivacyCost.minorityRatio(prices: [0.1], isMinority: [true]) == nil)
  }

  @Test("no pair, one pair, unequal lengths")
  func degenerate() throws {
    #expect(try PrivacyCost.accuracyUnfairness(accuracyWithout: [], accuracyWith: []) == nil)
    #expect(
      try PrivacyCost.accuracyUnfairness(accuracyWithout: [nil, 1], accuracyWith: [1, nil]) == nil)
    #expect(try PrivacyCost.accuracyUnfairness(accuracyWithout: [1], accuracyWith: [0.4]) == 0)
    #expect(throws: ClusteringError.self) {
      try PrivacyCost.price(accuracyWithout: [1], accuracyWith: [])
    }
    #expect(throws: ClusteringError.self) {
      try PrivacyCost.minorityRatio(prices: [1], isMinority: [])
    }
  }
}

@Suite("Equalised odds")
struct EqualizedOddsTests {
  @Test("the largest differences of the rates of two clusters, by hand")
  func byHand() throws {
    let a = try ConfusionMatrix(counts: [[8, 2], [1, 9]])
    let b = try ConfusionMatrix(counts: [[5, 5], [3, 7]])
    #expect(a.truePositiveRate(of: 0) == 0.8 && a.falsePositiveRate(of: 0) == 0.1)
    let gap = try EqualizedOddsGap(clusters: [a, b])
    #expect(isClose(try #require(gap.truePositive), 0.3, relative: 1e-12))
    #expect(isClose(try #require(gap.falsePositive), 0.3, relative: 1e-12))
    let third = try ConfusionMatrix(counts: [[0, 0], [10, 0]])
    let three = try EqualizedOddsGap(clusters: [a, b, third])
    #expect(isClose(try #require(three.truePositive), 0.9, relative: 1e-12))
    #expect(isClose(try #require(three.falsePositive), 0.9, relative: 1e-12))
    #expect(isClose(try #require(three.gap), 0.9, relative: 1e-12))
  }

  @Test("one cluster, absent classes, no clusters, bad tables")
  func degenerate() throws {
    let a = try ConfusionMatrix(counts: [[8, 2], [1, 9]])
    #expect(try EqualizedOddsGap(clusters: [a]).gap == nil)
    #expect(try EqualizedOddsGap(clusters: []).gap == nil)
    let empty = try ConfusionMatrix(counts: [[0, 0], [0, 0]])
    #expect(try EqualizedOddsGap(clusters: [a, empty]).gap == nil)
    #expect(try EqualizedOddsGap(clusters: [a, a]).gap == 0)
    #expect(throws: ClusteringError.self) { try ConfusionMatrix(counts: [[1, 2]]) }
    #expect(throws: ClusteringError.self) { try ConfusionMatrix(counts: [[-1]]) }
    #expect(throws: ClusteringError.self) {
      try EqualizedOddsGap(clusters: [a, ConfusionMatrix(counts: [[1]])])
    }
  }
}
