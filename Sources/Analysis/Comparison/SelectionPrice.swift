// What choosing the best cell of a sweep by its results costs in privacy.

import Federation
import Formatting
import GRDB
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
    }
    guard cells.count > 1 else { return nil }
    let accountant = RDPAccountant()
    var (curves, epsilon, delta): ([RDPCurve], Double, Double) = ([], 0, 1)
    for cell in cells {
      guard let run = cell.runs.first,
        let payer = run.result.clients.max(by: { ($0.epsilon ?? -1) < ($1.epsilon ?? -1) }),
        let own = payer.epsilon, own.isFinite
      else { return nil }
      let ledger = PrivacyLedger(try ledgerEntries(of: run.runID, client: payer.client))
      // A ledger that proves less than what is stated is not the whole one.
      guard let curve = try? accountant.curve(of: ledger.cost),
        curve.bound(delta: payer.delta).epsilon >= 0.99 * own
      else { return nil }
      curves.append(curve)
      (epsilon, delta) = (max(epsilon, own), min(delta, payer.delta))
    }
    guard let curve = RDPCurve(covering: curves) else { return nil }
    let found = PrivateSelection.best(among: cells.count, candidate: curve, delta: delta)
    guard found.bound.epsilon.isFinite else { return nil }
    return SelectionPrice(
      candidates: cells.count, epsilon: epsilon, delta: delta,
      selectedEpsilon: found.bound.epsilon)
  }

  /// The entries of one client, and of the server.
  private func ledgerEntries(
    of runID: String, client: Int
  ) throws(StoreError) -> [LedgerEntry] {
    let records = try read { database in
      try LedgerRecord.fetchAll(
        database,
        sql: """
          SELECT * FROM privacy_events
          WHERE run_id = ? AND (client IS NULL OR client = ?) ORDER BY sequence
          """, arguments: [runID, client])
    }
    return try records.map { record throws(StoreError) in try record.entry() }
  }
}
