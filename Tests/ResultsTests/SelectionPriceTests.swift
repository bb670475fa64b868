// What choosing the best cell costs, from the ledgers in the store.

import Analysis
import Federation
import Formatting
import Foundation
import Presentation
import Privacy
import Scenarios
import Store
import Testing

@Suite("Price of choosing")
struct SelectionPriceTests {
  @Test(
    "two methods at one budget: above the ε of one run, below that of both; one method costs nothing"
  )
  func price() async throws {
    try await withFolder { folder in
      let store = try RunStore.open(folder.appendingPathComponent("s.sqlite"))
      _ = try await RunCheckpointTests.whole(store)
      let alone = try store.comparison()
      let single = try #require(alone.advice.first)
      #expect(try store.selectionPrice(of: single, in: alone) == nil)

      let other = try RunCheckpointTests.Attempt(
        beginningIn: store, changes: [#"method={"name": "global"}"#])
      try await RunCheckpointTests.finish(other.recorder, other.outcome())
      let both = try store.comparison()
      var advice = try #require(both.advice.first)
      let price = try #require(try store.selectionPrice(of: advice, in: both))
      #expect(price.candidates == 2 && price.seeds == 1 && price.delta == 1e-3)
      let run = try store.run(named: "latest")
      let result = try #require(try store.result(of: run))
      #expect(price.epsilon >= (try #require(result.epsilonMax)) && price.epsilon <= 5)
      #expect(price.selectedEpsilon > price.epsilon && price.selectedEpsilon < 3 * price.epsilon)

      // The sum as it stands in the store, by the tested function.
      let payer = try #require(result.clients.max { ($0.epsilon ?? 0) < ($1.epsilon ?? 0) })
      let own = PrivacyLedger(
        try store.ledgerEntries(of: run.runID).filter { $0.client == payer.client })
      let curve = try RDPAccountant().curve(of: own.cost)
      let least = PrivateSelection.best(among: 2, candidate: curve, delta: 1e-3).bound.epsilon
      #expect(price.selectedEpsilon >= least - 1e-9)

      #expect(!advice.lines(both, colors: false).joined().contains("picked privately"))
      #expect(try store.pricedAdvice(both).map(\.selectionPrice) == [price])
      advice.selectionPrice = price
      #expect(advice.lines(both, colors: false).joined().contains(price.sentence))
      #expect(advice.document["sentences"]?[3] == .string(price.sentence))
      let page = try ReportPage(both, in: store, runtime: nil).html
      #expect(page.contains("picked privately among all 2 combinations"))
    }
  }

  @Test("all budgets and methods are candidates, and the seeds of one are composed")
  func grid() async throws {
    try await withFolder { folder in
      let store = try RunStore.open(folder.appendingPathComponent("s.sqlite"))
      let first = try await RunCheckpointTests.whole(store)
      for changes in [
        ["privacy.target_epsilon=2"], [#"method={"name": "global"}"#], ["seed=7"],
      ] {
        let next = try RunCheckpointTests.Attempt(beginningIn: store, changes: changes)
        try await RunCheckpointTests.finish(next.recorder, next.outcome())
      }
      let comparison = try store.comparison()
      #expect(comparison.cells.map(\.runs.count).sorted() == [1, 1, 2])
      let advice = try #require(comparison.advice.first)
      let price = try #require(try store.selectionPrice(of: advice, in: comparison))
      #expect(price.candidates == 3 && price.seeds == 2 && price.epsilon <= 5)
      #expect(price.sentence.contains("up to 2 seeds, are counted together"))

      // One client's releases of both seeds are at least twice those of the first, and one of three is taken.
      let result = try #require(try store.result(of: store.run(named: first)))
      let payer = try #require(result.clients.max { ($0.epsilon ?? 0) < ($1.epsilon ?? 0) })
      let own = PrivacyLedger(
        try store.ledgerEntries(of: first).filter { $0.client == payer.client })
      let twice = try RDPAccountant().curve(of: .selfComposed(event: own.cost, count: 2))
      let least = PrivateSelection.best(among: 3, candidate: twice, delta: 1e-3).bound.epsilon
      #expect(price.selectedEpsilon >= least * (1 - 1e-3))
      #expect(price.selectedEpsilon <= least * 1.1, "\(price.selectedEpsilon) of \(least)")
      #expect(advice.document["private_selection"] == .null)
      let priced = try #require(try store.pricedAdvice(comparison).first)
      #expect(priced.document["private_selection"]?["seeds"] == 2)
    }
  }
}
