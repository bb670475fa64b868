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
      #expect(price.candidates == 2 && price.delta == 1e-3)
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
      #expect(page.contains("picked privately among the 2 combinations"))
    }
  }
}
