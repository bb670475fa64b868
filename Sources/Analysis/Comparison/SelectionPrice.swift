// What choosing the best cell of a sweep by its results costs in privacy.

import Federation
import Formatting
import Privacy
package import Scenarios
public import Store

/// The ε of a private choice among the cells of one budget.
public struct SelectionPrice: Sendable, Hashable {
  /// Cells that were chosen among.
  public let candidates: Int
  /// The largest ε of the runs, by itself, at `delta`.
  public let epsilon: Double
  public let delta: Double
  /// Of a private selection of the best, with as many runs on average as there are cells.
  public let selectedEpsilon: Double

  /// For people.
  public var sentence: String {
    "Choosing by results is a release of its own: picked privately among the \(candidates) combinations at this ε "
      + "(a random number of runs, \(candidates) on average: Papernot and Steinke 2022), the best would have "
      + "ε \(NumberText.epsilon(selectedEpsilon)) instead of \(NumberText.epsilon(epsilon)) at δ \(NumberText.exact(delta)), "
      + "if accuracy is measured on public examples."
  }

  package var document: JSONValue {
    [
      "candidates": .integer(candidates), "epsilon": .number(epsilon), "delta": .number(delta),
      "selected_epsilon": .number(selectedEpsilon),
    ]
  }
}

extension RunStore {
  /// The advice for each scenario, with the price of its choice.
  public func pricedAdvice(_ comparison: Comparison) throws(StoreError) -> [Advice] {
    var priced = comparison.advice
    for index in priced.indices {
      priced[index].selectionPrice = try selectionPrice(of: priced[index], in: comparison)
    }
    return priced
  }

  /// The price of the choice that an advice makes, from the ledgers of the cells with its budget; nil where there is a
  /// single one, and where no ε is stated.
  public func selectionPrice(
    of advice: Advice, in comparison: Comparison
  ) throws(StoreError) -> SelectionPrice? {
    guard let chosen = advice.chosen, !chosen.epsilon.isNone else { return nil }
    let cells = comparison.cells.filter {
      $0.scenario == chosen.scenario && $0.epsilon == chosen.epsilon && !$0.isOracle
        && $0.allowedRules.isEmpty
    }
    guard cells.count > 1 else { return nil }
    let accountant = RDPAccountant()
    var (curves, epsilon, delta): ([RDPCurve], Double, Double) = ([], 0, 1)
    // Every ledger that differs, of all clients and seeds: who pays most at one order need not at another.
    var seen: Set<[Double?]> = []
    for run in cells.flatMap(\.runs) {
      let payers = run.result.clients.filter {
        seen.insert([
          $0.epsilon, $0.delta, $0.noiseMultiplier, $0.firstRoundNoiseMultiplier,
          Double($0.trainExamples),
        ]).inserted
      }
      guard !payers.isEmpty else { continue }
      let entries = Dictionary(grouping: try ledgerEntries(of: run.runID), by: \.client)
      let scenario = try scenario(of: self.run(named: run.runID))
      for payer in payers {
        guard let own = payer.epsilon, own.isFinite else { return nil }
        let ledger = PrivacyLedger((entries[payer.client] ?? []) + (entries[nil] ?? []))
        let spent = scenario.accountedDelta(payer.delta)
        // A ledger that proves less than what is stated is not the whole one.
        guard let curve = try? accountant.curve(of: ledger.cost),
          curve.bound(delta: spent).epsilon >= 0.99 * own
        else { return nil }
        curves.append(curve)
        (epsilon, delta) = (max(epsilon, own), min(delta, spent))
      }
    }
    guard let curve = RDPCurve(covering: curves) else { return nil }
    let found = PrivateSelection.best(among: cells.count, candidate: curve, delta: delta)
    guard found.bound.epsilon.isFinite else { return nil }
    return SelectionPrice(
      candidates: cells.count, epsilon: epsilon, delta: delta,
      selectedEpsilon: found.bound.epsilon)
  }
}
