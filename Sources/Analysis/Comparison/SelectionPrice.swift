// What choosing the best cell of a sweep by its results costs in privacy.

import Federation
import Formatting
import Privacy
package import Scenarios
public import Store

/// The ε of a private choice among all cells that an advice looks at.
public struct SelectionPrice: Sendable, Hashable {
  /// Cells that were chosen among: every ε, method and setting with privacy.
  public let candidates: Int
  /// The most runs of one cell. They are one candidate's mechanism, whose score is their mean, so they compose.
  public let seeds: Int
  /// The largest ε of the runs, by itself, at `delta`.
  public let epsilon: Double
  public let delta: Double
  /// Of a private selection of the best, with as many cells run on average as there are.
  public let selectedEpsilon: Double

  /// For people.
  public var sentence: String {
    "Choosing by results is a release of its own: picked privately among all \(candidates) combinations with privacy, "
      + "whatever their ε, by accuracy alone (a random number of them run anew, \(candidates) on average: Papernot and "
      + "Steinke 2022\(seeds > 1 ? "; the runs of a combination, up to \(seeds) seeds, are counted together" : "")), the "
      + "best would have ε \(NumberText.epsilon(selectedEpsilon)), where one run has at most "
      + "\(NumberText.epsilon(epsilon)), at δ \(NumberText.exact(delta)), if accuracy is measured on public examples."
  }

  package var document: JSONValue {
    [
      "candidates": .integer(candidates), "seeds": .integer(seeds), "epsilon": .number(epsilon),
      "delta": .number(delta), "selected_epsilon": .number(selectedEpsilon),
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

  /// The price of the choice that an advice makes, from the ledgers of all cells that it looks at; nil where there is a
  /// single one, and where no ε is stated.
  ///
  /// A candidate is a cell with all its seeds: its score is their mean, so a record is in each of these runs, and their
  /// curves add up. Which client holds it in which seed is open, so that each run counts with the largest divergence of
  /// any client at each order. A cell that is drawn at random from several has at most the largest divergence of them.
  public func selectionPrice(
    of advice: Advice, in comparison: Comparison
  ) throws(StoreError) -> SelectionPrice? {
    guard advice.chosen != nil else { return nil }
    let cells = comparison.candidates(of: advice.scenario)
    guard cells.count > 1 else { return nil }
    var ledgers = CandidateLedgers()
    var curves: [RDPCurve] = []
    for cell in cells {
      var runs: [RDPCurve] = []
      for run in cell.runs {
        guard let curve = try ledgers.curve(of: run, in: self) else { return nil }
        runs.append(curve)
      }
      guard let whole = RDPCurve(composing: runs) else { return nil }
      curves.append(whole)
    }
    guard let curve = RDPCurve(covering: curves) else { return nil }
    let found = PrivateSelection.best(
      among: cells.count, candidate: curve, delta: ledgers.delta)
    guard found.bound.epsilon.isFinite else { return nil }
    return SelectionPrice(
      candidates: cells.count, seeds: cells.map(\.runs.count).max() ?? 1,
      epsilon: ledgers.epsilon, delta: ledgers.delta, selectedEpsilon: found.bound.epsilon)
  }
}

/// The curves of runs, each ledger read once: most clients and seeds of a cell release the same.
private struct CandidateLedgers {
  /// What runs have in common that differ in seed and budget alone.
  private struct Kind: Hashable {
    let method: JSONValue
    let rest: JSONValue
  }

  /// By ε, δ, noise and size: clients of one kind that agree in these have equal ledgers.
  private var known: [Kind: [[Double?]: RDPCurve]] = [:]
  private let accountant = RDPAccountant()
  /// The largest ε, and the least δ, of a client so far.
  private(set) var epsilon = 0.0
  private(set) var delta = 1.0

  /// The largest divergence of any client of a run at each order; nil where no ε is stated, and where a ledger proves
  /// less than that.
  mutating func curve(of run: ComparedRun, in store: RunStore) throws(StoreError) -> RDPCurve? {
    let kind = Kind(method: run.method, rest: run.rest)
    var members: [[Double?]: ClientResult] = [:]
    for client in run.result.clients {
      let figures: [Double?] = [
        client.epsilon, client.delta, client.noiseMultiplier, client.firstRoundNoiseMultiplier,
        Double(client.trainExamples),
      ]
      if members[figures] == nil { members[figures] = client }
    }
    let missing = members.filter { known[kind]?[$0.key] == nil }
    if !missing.isEmpty {
      let entries = Dictionary(grouping: try store.ledgerEntries(of: run.runID), by: \.client)
      let scenario = try store.scenario(of: store.run(named: run.runID))
      for (figures, payer) in missing {
        guard let own = payer.epsilon, own.isFinite else { return nil }
        let ledger = PrivacyLedger((entries[payer.client] ?? []) + (entries[nil] ?? []))
        let spent = scenario.accountedDelta(payer.delta)
        // A ledger that proves less than what is stated is not the whole one.
        guard let curve = try? accountant.curve(of: ledger.cost),
          curve.bound(delta: spent).epsilon >= 0.99 * own
        else { return nil }
        known[kind, default: [:]][figures] = curve
        (epsilon, delta) = (max(epsilon, own), min(delta, spent))
      }
    }
    return RDPCurve(covering: members.keys.compactMap { known[kind]?[$0] })
  }
}
