// Whom a comparison shows side by side: the true clusters, or the clients where all of them are of one.

package import Clustering
import Federation
import Formatting
import Scenarios

/// One of those whose accuracies and prices stand beside each other.
package struct ComparedParty: Sendable, Hashable {
  fileprivate enum Place: Hashable {
    case cluster(Int)
    case client(Int)
  }

  /// As charts and sentences call it; minorities are marked.
  package let name: String
  fileprivate let place: Place
}

/// The parties of cells that are shown together.
package struct ComparedParties: Sendable {
  /// More clients than this are not shown one by one.
  private static let mostClients = 24

  package let parties: [ComparedParty]
  package let areClients: Bool

  package init(of cells: [ComparisonCell]) {
    let runs = cells.flatMap(\.runs)
    let counts = runs.map(\.result.clients.count)
    areClients =
      WorstOff(of: cells) == .client && Set(counts).count == 1
      && counts.allSatisfy { $0 <= Self.mostClients }
    if areClients, let first = runs.first {
      parties = first.result.clients.indices.map { index in
        let name = first.clientNames.flatMap { $0.indices.contains(index) ? $0[index] : nil }
        return ComparedParty(name: name ?? "client \(index)", place: .client(index))
      }
    } else {
      parties = (cells.first?.clusters ?? []).labels.enumerated().map {
        ComparedParty(name: $0.element, place: .cluster($0.offset))
      }
    }
  }

  /// Above a column of names, and in sentences after "every".
  package var noun: String { areClients ? "client" : "true cluster" }
}

extension ComparisonCell {
  /// The accuracy of one of them over the seeds.
  package func accuracy(of party: ComparedParty) -> SeedEstimate {
    Comparison.estimate(runs.map { $0.result.accuracy(of: party) }).within(0...1)
  }
}

extension Comparison {
  /// What privacy costs one of them; nil without a common seed, and for a cell without privacy.
  package func priceOfPrivacy(_ cell: ComparisonCell, of party: ComparedParty) -> SeedEstimate? {
    withoutPrivacy(cell).flatMap { price(of: cell, against: $0, party) }
  }

  /// What wrong clusters cost one of them; nil without a common seed, and for the oracle itself.
  package func priceOfMistakes(_ cell: ComparisonCell, of party: ComparedParty) -> SeedEstimate? {
    withTrueClusters(cell).flatMap { price(of: cell, against: $0, party) }
  }

  private func price(
    of cell: ComparisonCell, against reference: ComparisonCell, _ party: ComparedParty
  ) -> SeedEstimate? {
    let pairs = pairs(cell, reference)
    guard !pairs.isEmpty else { return nil }
    return Self.estimate(
      pairs.map { own, other in
        guard let with = own.result.accuracy(of: party),
          let without = other.result.accuracy(of: party)
        else { return nil }
        return without - with
      })
  }
}

extension RunResult {
  fileprivate func accuracy(of party: ComparedParty) -> Double? {
    switch party.place {
    case .cluster(let index): accuracy(ofCluster: index)
    case .client(let index):
      clients.indices.contains(index) && clients[index].testExamples > 0
        ? clients[index].accuracy : nil
    }
  }
}

extension ComparedRun {
  /// What a resolved scenario calls the clients of its only cluster; nil where they have numbers alone.
  static func clientNames(_ scenario: JSONValue) -> [String]? {
    texts(scenario["population"]?["clusters"]?[0]?["client_names"])
  }

  /// The members of a list; nil where there is none.
  static func texts(_ list: JSONValue?) -> [String]? {
    guard case .array(let members)? = list else { return nil }
    return members.map { if case .string(let text) = $0 { text } else { $0.text } }
  }
}
