// Evaluation of a sample of the clients: who is drawn, what the sample says of all, and what it must not change.

import Federation
import Foundation
import Scenarios
import Testing

@Suite("Sampled evaluation")
struct EvaluationSampleTests {
  @Test("clusters get their shares, at least two clients each, and no more than they have")
  func shares() {
    #expect(EvaluationSample.shares(of: 100, sizes: [100, 400, 500]) == [10, 40, 50])
    #expect(EvaluationSample.shares(of: 7, sizes: [10, 10, 10]) == [3, 2, 2])
    #expect(EvaluationSample.shares(of: 3, sizes: [1, 5, 1000]) == [1, 2, 3])
    #expect(EvaluationSample.shares(of: 99, sizes: [2, 3]) == [2, 3])
  }

  @Test("every client of a cluster is drawn as often as the others, anew in every round")
  func uniform() {
    let rounds = 4000
    var counts = [Int](repeating: 0, count: 16)
    for round in 0..<rounds {
      let sample = EvaluationSample(of: 8, sizes: [6, 10], seed: 3, round: round)
      #expect(sample.clusters.map(\.count) == [3, 5])
      #expect(sample.clients == Set(sample.clients).sorted())
      for client in sample.clients { counts[client] += 1 }
    }
    // Half of all rounds, give or take five standard deviations of a binomial count.
    let spread = 5 * (Double(rounds) / 4).squareRoot()
    #expect(counts.allSatisfy { abs(Double($0) - Double(rounds) / 2) < spread })
    #expect(
      EvaluationSample(of: 8, sizes: [6, 10], seed: 3, round: 7)
        == EvaluationSample(of: 8, sizes: [6, 10], seed: 3, round: 7))
  }

  /// All ways to choose `count` of `values`, which are as probable as one another.
  private static func subsets(_ values: [Double], _ count: Int) -> [[Double]] {
    guard count > 0 else { return [[]] }
    return values.indices.flatMap { first in
      subsets(Array(values[(first + 1)...]), count - 1).map { [values[first]] + $0 }
    }
  }

  @Test("over all samples the mean is that of all clients, and the squared error its variance")
  func unbiased() {
    let (small, large) = ([0.1, 0.9, 0.4, 0.4], [0.2, 0.7, 0.5, 1, 0.3])
    let sizes = [small.count, large.count]
    let truth = (small + large).reduce(0, +) / 9
    var estimates: [SampledAccuracy] = []
    for first in Self.subsets(small, 2) {
      for second in Self.subsets(large, 3) {
        estimates.append(
          SampledAccuracy(
            [SampleMean(first, of: 4), SampleMean(second, of: 5)], sizes: sizes, clients: 5))
      }
    }
    let count = Double(estimates.count)
    let mean = estimates.reduce(0) { $0 + $1.mean } / count
    let variance = estimates.reduce(0) { $0 + ($1.mean - truth) * ($1.mean - truth) } / count
    let claimed = estimates.reduce(0) { $0 + $1.standardError * $1.standardError } / count
    #expect(estimates.count == 60 && abs(mean - truth) < 1e-12)
    #expect(abs(claimed - variance) < 1e-12)
    #expect(SampleMean(small, of: 4).standardError == 0)
  }

  @Test("a sampled run trains as ever, reports the sample, and ends with figures of all clients")
  func run() async throws {
    let url = packageFolder.appendingPathComponent("scenarios/tiny.json")
    func scenario(_ changes: [String]) throws -> Scenario {
      try Scenario(json: Data(contentsOf: url), overrides: changes)
    }
    let all = try await FederationTests.run(try scenario([])).result
    let sampled = try scenario(["evaluation.clients=6"])
    let recorder = Recorder()
    let result = try await FederationTests.run(sampled, observer: recorder).result
    #expect(result.clients == all.clients && result.resultDigest != all.resultDigest)
    #expect(result.notes.contains { $0.contains("6 of 8 clients") })
    for report in await recorder.rounds {
      let seen = report.clients.filter { $0.testAccuracy != nil }.map(\.client)
      #expect(seen.count == 6 && report.sampled?.clients == 6)
      #expect(
        seen == EvaluationSample(of: 6, sizes: [2, 3, 3], seed: 0, round: report.round - 1).clients)
      #expect(report.clusters.count == 3 && report.clusters[0].standardError == 0)
      let mean = zip(report.clusters, [2.0, 3, 3]).reduce(0) {
        $0 + ($1.0.testAccuracy ?? .nan) * $1.1 / 8
      }
      #expect(abs((report.clientMeanAccuracy ?? 0) - mean) < 1e-12)
    }
    let again = try await FederationTests.run(sampled, workers: 2).result
    #expect(again.resultDigest == result.resultDigest)
    // Whoever evaluates everybody says what was always said.
    let whole = try await FederationTests.run(try scenario(["evaluation.clients=8"])).result
    #expect(whole.resultDigest == all.resultDigest)
  }
}

@Suite("Forecasts for ranks")
struct RankForecastTests {
  private static func forecast(
    _ ranks: Int, _ workers: Int = 1, _ changes: [String] = []
  ) throws -> RankForecast {
    try RankForecast(
      of: Sound.scenario(["method={\"name\":\"global\"}"] + changes), catalog: Sound.catalog,
      ranks: ranks, workers: workers)
  }

  @Test("eleven equal clients share four lanes as 11 over 12, and one rank sends nothing")
  func balance() throws {
    let (one, four) = (try Self.forecast(1), try Self.forecast(4))
    #expect(one.balance == 1 && one.messageShare == 0)
    #expect(abs(four.balance - 11.0 / 12) < 1e-12)
    #expect(try Self.forecast(2, 2).balance == four.balance)
    let cost = try CostForecast(
      of: Sound.scenario(["method={\"name\":\"global\"}"]), catalog: Sound.catalog)
    // Twenty rounds of eleven participants at 55 us beside the work.
    let rows = 20 * 11 * 55e-6
    #expect(abs(one.seconds - cost.secondsOnOneWorker - rows) < 1e-9)
    let messages = four.seconds * four.messageShare
    let work = cost.secondsOnOneWorker / 4 * 12 / 11
    #expect(abs(four.seconds - work - rows - messages) < 1e-9)
    // Two steps there and back at 20 us, and 64-bit sums both ways of 4 * 13 numbers, twenty times.
    #expect(abs(messages - 20 * (4 * 20e-6 + 16 * 52 / 2.5e9)) < 1e-12)
  }

  @Test("rules that look at single updates need room for a cohort on every rank")
  func memory() throws {
    let folds = try Self.forecast(2)
    let reads = try Self.forecast(2, 1, ["privacy.unit=client", "cohort_size=8"])
    #expect(folds.bytesPerRank < reads.bytesPerRank)
  }
}
