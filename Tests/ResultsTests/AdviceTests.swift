// What a comparison recommends and says: for each sentence a case in which it is said, and one in which it must not
// be.

import Analysis
import Clustering
import Federation
import Formatting
import Foundation
import Presentation
import Privacy
import Scenarios
import Store
import Testing

@Suite("Advice and findings")
struct AdviceTests {
  /// A comparison of cells whose clusters have these accuracies in every seed, plus a hundredth of the seed.
  ///
  /// - Parameters:
  ///   - last: of the last client in every cell, where it is not its cluster's.
  ///   - knowsClusters: false has clients 3 and 4 end with a model of their own, which nobody can compare with a truth.
  ///   - page: takes the report.
  func comparison(
    _ cells: [(method: String, epsilon: Double?, clusters: [Double])], seeds: [UInt64] = [0, 1, 2],
    classes: Int = 10, isConfident: Bool = true, last: [Double]? = nil, confusion: [[Int]]? = nil,
    allowed: Set<Int> = [], knowsClusters: Bool = true, page: ((String) -> Void)? = nil
  ) async throws -> Comparison {
    try await withFolder { folder in
      let store = try RunStore.open(folder.appendingPathComponent("s.sqlite"))
      for (place, cell) in cells.enumerated() {
        for seed in seeds {
          let recorder = try RunRecorder(
            store: store, scenario: try Grid.scenario(cell.method, cell.epsilon, seed), workers: 1,
            machine: "m")
          for number in 1...2 { try await recorder.receive(.finishedRound(Sample.round(number))) }
          let result = try Self.result(
            cell.method, cell.epsilon, seed, cell.clusters, classes: classes,
            isConfident: isConfident, last: last?[place], confusion: confusion,
            allowed: allowed.contains(place) ? [Sample.finding] : nil,
            knowsClusters: knowsClusters)
          try await recorder.finish(
            result, models: [:], cost: RunRecorder.Cost(wallSeconds: 1, peakRSSBytes: nil))
        }
      }
      let comparison = try store.comparison()
      if let page { page(try ReportPage(comparison, in: store, runtime: nil).html) }
      return comparison
    }
  }

  /// Two clients, one a cluster, or as many as there are accuracies.
  private static func result(
    _ method: String, _ epsilon: Double?, _ seed: UInt64, _ accuracies: [Double], classes: Int,
    isConfident: Bool, last: Double? = nil, confusion: [[Int]]? = nil,
    allowed: [CheckReport.Finding]? = nil, knowsClusters: Bool = true
  ) throws -> RunResult {
    let shifted = accuracies.map { $0 + 0.001 * Double(seed) }
    let matrix = confusion ?? (0..<classes).map { row in (0..<classes).map { $0 == row ? 5 : 0 } }
    let names = ["few", "many"]
    let clients = (0..<5).map { client in
      let cluster = accuracies.count == 1 || client < 2 ? 0 : 1
      return ClientResult(
        client: client, cluster: cluster, model: knowsClusters || client < 3 ? 0 : 1,
        trainExamples: 10, testExamples: 5,
        accuracy: client == 4 ? last ?? shifted[cluster] : shifted[cluster], loss: 1,
        epsilon: epsilon, delta: 1e-4,
        targetEpsilon: epsilon, noiseMultiplier: nil, firstRoundNoiseMultiplier: nil,
        accountant: epsilon == nil ? nil : "rdp", confusion: ConfusionCounts(matrix: matrix))
    }
    let report = ClusteringReport(
      chosenClusters: accuracies.count, candidates: [], mss: 0, mpo: nil, switchRound: nil,
      isConfident: isConfident, projection: [], projectionWithoutNoise: nil, posteriors: [])
    return RunResult(
      scenario: "grid", scenarioHash: try Grid.scenario(method, epsilon, seed).hash, method: method,
      variant: nil, seed: seed, rounds: 2, clients: clients,
      clusters: shifted.enumerated().map { index, accuracy in
        ClusterResult(
          name: names[index], clients: index == 0 ? 2 : 3, samples: 10, accuracy: accuracy, loss: 1,
          minority: index == 0 && shifted.count > 1)
      }, clustering: method == "r-dpcfl" ? report : nil,
      agreement: method == "r-dpcfl" && knowsClusters
        ? AgreementReport(
          ari: 1, nmi: 1, purity: 1, misassignedClients: [], firstCorrectRound: 1,
          minorityIsolated: true) : nil,
      unit: .example, relation: .addOrRemoveOne, sampling: "poisson", bytesUp: 1, bytesDown: 1,
      resultDigest: String(repeating: "ab", count: 32), allowedFindings: allowed, notes: [])
  }

  private func joined(_ advice: Advice) -> String { advice.sentences.joined(separator: " ") }

  @Test("the least ε within one point of the best is taken, with reason, price and rival")
  func takes() async throws {
    let comparison = try await comparison([
      ("r-dpcfl", 1, [0.5, 0.8]), ("r-dpcfl", 4, [0.695, 0.8]), ("r-dpcfl", 8, [0.7, 0.8]),
      ("ifca", 4, [0.6, 0.9]), ("r-dpcfl", nil, [0.745, 0.8]),
    ])
    let advice = comparison.advice(for: "grid")
    #expect(advice.chosen?.method == "r-dpcfl" && advice.chosen?.epsilon.high == 4)
    #expect(
      advice.sentences == [
        "Take r-dpcfl at ε 4: its worst-off cluster, few (minority), gets 69.6 % (69.4 to 69.8 %, n = 3), with less "
          + "ε within one point of the best, r-dpcfl at ε 8.",
        "Against the same method without privacy that costs the minority 5.0 points and costs its clients on average "
          + "2.0 points.",
        "The next best at this ε, ifca, is 9.5 points behind (n = 3, p = 0.250), which so few seeds cannot tell "
          + "from chance.",
      ])
    #expect(advice.surer.contains { $0.hasPrefix("At least 6 seeds") })
    // Inside of the budgets that were tried, and with a price: nothing is asked for.
    #expect(!advice.surer.contains { $0.contains("nothing larger") || $0.contains("none`") })
  }

  @Test("with six seeds a clear difference is more than chance, and no more seeds are asked for")
  func sure() async throws {
    let comparison = try await comparison(
      [("r-dpcfl", 2, [0.7, 0.8]), ("ifca", 2, [0.6, 0.9])], seeds: [0, 1, 2, 3, 4, 5])
    let advice = comparison.advice(for: "grid")
    #expect(joined(advice).contains("which is more than chance"))
    #expect(!advice.surer.contains { $0.contains("seeds") })
    #expect(joined(advice).contains("What privacy costs is not known"))
    #expect(advice.surer.contains { $0.contains("nothing larger was tried") })
    #expect(!comparison.findings.contains { $0.contains("No cell has more") })
  }

  @Test("where all clients are of one cluster, the worst-off client is looked at first")
  func oneCluster() async throws {
    let comparison = try await comparison(
      [("global", 2, [0.7]), ("local", 2, [0.65])], last: [0.2, 0.6])
    #expect(comparison.worstOff == .client)
    let advice = comparison.advice(for: "grid")
    #expect(advice.chosen?.method == "local")
    #expect(advice.sentences[0].hasPrefix("Take local at ε 2: its worst-off client gets 60.0 %"))
    #expect(
      comparison.findings.first
        == "At ε 2 the worst-off client is served best by local: 60.0 % (60.0 to 60.0 %, n = 3).")
    #expect(comparison.frontier(settings: comparison.settings[0]).map(\.method) == ["local"])
    #expect(advice.table(comparison).lines(colors: false)[0].contains("worst client"))
    let text = comparison.lines(by: .method, colors: false).joined(separator: "\n")
    #expect(text.contains("Worst client, best method against the others"))
    let rows = comparison.lines(by: .cluster, colors: false).joined(separator: "\n")
    #expect(rows.contains("client 4") && !rows.contains("true cluster"))
    let two = try await self.comparison([("global", 2, [0.7, 0.6])], last: [0.2])
    #expect(two.worstOff == .cluster)
  }

  @Test("nothing is recommended that is no better than guessing, or without any privacy")
  func refuses() async throws {
    let poor = try await comparison([("r-dpcfl", 1, [0.033, 0.6]), ("r-dpcfl", nil, [0.9, 0.9])])
    let advice = poor.advice(for: "grid")
    #expect(advice.chosen == nil && advice.sentences.count == 1)
    #expect(
      advice.sentences[0].contains("3.4 % at best")
        && advice.sentences[0].contains("guessing among 10 classes gives 10.0 %"))
    #expect(poor.findings.contains { $0.contains("no better than guessing among 10 classes") })
    let open = try await comparison([("r-dpcfl", nil, [0.9, 0.9])])
    #expect(
      open.advice(for: "grid").sentences == [
        "No budget can be recommended: every run is without privacy."
      ])
    #expect(!open.findings.contains { $0.contains("guessing") })
  }

  @Test(
    "a model that answers the most frequent class alone is not recommended, one that does better is"
  )
  func constant() async throws {
    // Every client has 60 test examples of one class and 40 of the other.
    let same = [[60, 0], [40, 0]]
    let poor = try await comparison(
      [("global", 2, [0.6]), ("r-dpcfl", 4, [0.61])], seeds: [0], classes: 2, confusion: same)
    let advice = poor.advice(for: "grid")
    #expect(advice.chosen == nil && advice.sentences.count == 1)
    #expect(
      advice.sentences[0].contains("no combination does better than always answering")
        && advice.sentences[0].contains("gets 61.0 %")
        && advice.sentences[0].contains("60.0 % in its 100"))
    #expect(poor.cells.first?.baseline?.share == 0.6)
    #expect(
      poor.findings.contains {
        $0.contains(
          "no better than always answering each client's most frequent class, which gives 60.0 %")
      })
    let good = try await comparison(
      [("global", 2, [0.6]), ("r-dpcfl", 4, [0.8])], seeds: [0], classes: 2, confusion: same)
    #expect(good.advice(for: "grid").chosen?.method == "r-dpcfl")
  }

  @Test("a budget that runs because a finding was allowed is marked and never recommended")
  func allowed() async throws {
    let comparison = try await comparison(
      [("r-dpcfl", 2, [0.7, 0.8]), ("ifca", 4, [0.6, 0.7])], allowed: [0])
    let advice = comparison.advice(for: "grid")
    #expect(advice.chosen?.method == "ifca")
    #expect(
      advice.sentences.last
        == "Left out: the check refuses 1 combination, which ran because DP102 was allowed by name, so the ε there says "
        + "little.")
    let table = advice.lines(comparison, colors: false).joined(separator: "\n")
    #expect(table.contains("2 !") && table.contains("DP102 was allowed by name"))
    let text = comparison.lines(by: .method, colors: false).joined(separator: "\n")
    #expect(text.contains("r-dpcfl !") && text.contains("DP102 was allowed"))
    #expect(!text.contains("ifca !"))
    #expect(comparison.findings.contains { $0.contains("DP102 was allowed") })
    let alone = try await self.comparison([("r-dpcfl", 2, [0.7, 0.8])], allowed: [0])
    #expect(
      alone.advice(for: "grid").sentences.first?.hasPrefix(
        "No budget can be recommended: the check") == true)
  }

  @Test("no interval of an accuracy goes beyond 1")
  func range() async throws {
    let comparison = try await comparison([("r-dpcfl", 5, [0.9975, 0.9975])])
    let estimate = try #require(comparison.cells.first).estimate(.worstClusterAccuracy)
    let mean = try #require(estimate.mean)
    let lower = try #require(estimate.lower)
    #expect(estimate.upper == 1 && lower < mean && mean < 1)
  }

  @Test("one method at one budget: its accuracy is said, no rival and no best are made up")
  func single() async throws {
    let comparison = try await comparison([("r-dpcfl", 5, [0.7, 0.8])])
    #expect(
      comparison.findings.first
        == "At ε 5 r-dpcfl gives the worst-off cluster 70.1 % (69.9 to 70.3 %, n = 3).")
    #expect(!comparison.findings.contains { $0.contains("best") || $0.contains("knee") })
    let text = joined(comparison.advice(for: "grid"))
    #expect(text.contains("the only combination with privacy that was run"))
    #expect(text.contains("Nothing else was run at this ε"))
  }

  @Test(
    "a knee only where accuracy rises and bends",
    arguments: [
      ([0.30, 0.60, 0.65, 0.66], true), ([0.65, 0.655, 0.656, 0.657], false),
      ([0.60, 0.50, 0.40, 0.30], false), ([0.30, 0.40, 0.50, 0.60], false),
    ])
  func knee(_ accuracies: [Double], _ isThere: Bool) async throws {
    let comparison = try await comparison(
      zip([1.0, 2, 4, 8], accuracies).map { ("r-dpcfl", $0, [$1, 0.9]) })
    #expect(comparison.findings.contains { $0.contains("knee") } == isThere)
  }

  @Test("a price is a cost only where it costs; the payer is named only among several")
  func prices() async throws {
    let gain = try await comparison([("r-dpcfl", 2, [0.8, 0.8]), ("r-dpcfl", nil, [0.7, 0.7])])
    #expect(
      gain.findings.contains { $0.contains("privacy gains the clients of r-dpcfl 10.0 points") })
    #expect(!gain.findings.contains { $0.contains("privacy costs") })
    let one = try await comparison([("r-dpcfl", 2, [0.6]), ("r-dpcfl", nil, [0.7])])
    #expect(one.findings.contains { $0.contains("costs the clients of r-dpcfl 10.0 points") })
    #expect(!one.findings.contains { $0.contains("most with") || $0.contains("minority") })
  }

  @Test("what noise alone may have done is said beside the clusters found")
  func confidence() async throws {
    let cells: [(method: String, epsilon: Double?, clusters: [Double])] = [
      ("r-dpcfl", 2, [0.6, 0.7])
    ]
    let sure = try await comparison(cells).findings
    #expect(sure.contains("r-dpcfl gave the minority a model of its own in 3 of 3 runs."))
    let unsure = try await comparison(cells, isConfident: false).findings
    #expect(
      unsure.contains { $0.hasSuffix("; in 3 of them noise alone may put clusters as far apart.") })
  }

  @Test("the verdict on found clusters: none with one true cluster, none green without separation")
  func verdict() throws {
    func text(_ accuracies: [Double], isConfident: Bool) throws -> String {
      let result = try Self.result(
        "r-dpcfl", 2, 0, accuracies, classes: 2, isConfident: isConfident)
      return RunSections(result: result, colors: false).clustersFound()?.joined(separator: "\n")
        ?? ""
    }
    #expect(
      try text([0.6, 0.7], isConfident: true).contains("equal the true ones (ARI 1.00, since"))
    let unsure = try text([0.6, 0.7], isConfident: false)
    #expect(
      unsure.contains("equal the true ones") && unsure.contains("which noise alone may have done"))
    let one = try text([0.6], isConfident: false)
    #expect(one.contains("There is one true cluster") && !one.contains("equal the true ones"))
    #expect(!one.contains("model of its own"))
  }

  @Test("where nobody knows clusters, it is said who was put together, and in how many seeds")
  func unknownClusters() async throws {
    var pages: [String] = []
    let comparison = try await comparison(
      [("r-dpcfl", 2, [0.7])], isConfident: false, knowsClusters: false
    ) { pages.append($0) }
    let page = try #require(pages.first)
    let found = try #require(comparison.cells.first?.foundGroups)
    #expect(found.groups.map(\.clients) == [[0, 1, 2], [3, 4]])
    #expect(found.groups.allSatisfy { $0.seeds == [0, 1, 2] } && found.unsure == 3)
    #expect(page.contains("0, 1, 2") && page.contains("3 of 3"))
    #expect(page.contains("In 3 of 3 runs noise alone may put"))
    #expect(!page.contains("No method of this report looks for clusters"))
    let text = comparison.lines(by: .cluster, colors: false).joined(separator: " ")
    #expect(text.contains("Put together, without known clusters"))
    let result = try #require(comparison.cells.first?.runs.first?.result)
    let run =
      RunSections(result: result, colors: false).clustersFound()?.joined(separator: "\n") ?? ""
    #expect(run.contains("3, 4") && run.contains("Noise alone may put clusters"))
    let known = try await self.comparison([("r-dpcfl", 2, [0.7])])
    #expect(known.cells.first?.foundGroups == nil)
  }

  @Test("a share of right guesses comes with what it means")
  func meanings() {
    let words = [0.52, 0.7, 0.953, 0.999].map(ReportPage.meaning)
    #expect(words[0].contains("tossing a coin") && words[1].contains("up to 70 of a"))
    #expect(
      words[2].contains("up to 96 of a hundred (95.3 %) may be right")
        && words[3].contains("next to nothing"))
    #expect(Set(words).count == 4)
  }
}
