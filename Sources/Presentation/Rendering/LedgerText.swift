// A ledger report as a table and as JSON.

public import Analysis
import Formatting
public import Foundation
public import Privacy
public import Scenarios

extension LedgerReport {
  /// Clients with equal figures share a line.
  public func lines(colors: Bool) -> [String] {
    let names = accountants.map { AccountantTitle.text($0) }
    var table = TextTable(
      [("clients", .left), ("releases", .right)] + names.map { ("ε (\($0))", .right) }
        + [("target", .right), ("δ", .right), ("", .left)])
    for group in groups {
      let first = group[0]
      let isWithin = first.targetEpsilon.map { (first.epsilon ?? .infinity) <= $0 }
      table.add(
        [TextTable.Cell(describe(group)), "\(NumberText.grouped(first.releases))"]
          + accountants.map { kind in
            let bound = first.bounds.first { $0.accountant == kind }
            return TextTable.Cell(bound.map { NumberText.epsilon($0.epsilon) } ?? "–", .bold)
          } + [
            "\(NumberText.exact(first.targetEpsilon))", "\(NumberText.exact(first.delta))",
            isWithin == false
              ? TextTable.Cell("above the target", .bad)
              : TextTable.Cell(isWithin == true ? "within the target" : "", .good),
          ])
    }
    var lines = [
      "Run \(runID): \(finishedRounds) of \(NumberText.count(rounds, "round")), "
        + NumberText.count(entries.reduce(0) { $0 + $1.count }, "release") + ".",
      "For each \(unit == .client ? "client with all its examples" : "training example of a client"), "
        + "added or removed; computed from the stored releases.",
      "",
    ]
    lines += table.lines(colors: colors)
    for refusal in Set(clients.compactMap(\.refusal)).sorted() { lines.append("  \(refusal)") }
    if !contradictions.isEmpty {
      lines += [
        "",
        TextStyle.bad.applied(
          to:
            "The run stated a smaller ε for clients \(NumberText.list(contradictions, named: clientNames)) "
            + "than its "
            + "ledger proves.", colors: colors),
      ]
    }
    return lines
  }

  /// What `privacy ledger --format json` prints.
  public var document: JSONValue {
    [
      "run_id": .string(runID), "unit": .string(unit.rawValue), "relation": "add-or-remove-one",
      "accountant": .string(accountant.rawValue), "rounds": .integer(rounds),
      "finished_rounds": .integer(finishedRounds),
      "contradictions": .array(contradictions.map { .integer($0) }),
      "clients": .array(clients.map(\.document)),
    ]
  }

  /// The entries of all ledgers, one JSON object a line.
  public func jsonLines() throws -> Data {
    var ledger = PrivacyLedger()
    ledger.append(contentsOf: entries)
    return try ledger.jsonLines()
  }

  /// Every accountant that proved something, in the order of the first client that has all.
  private var accountants: [AccountantKind] {
    let longest = clients.map(\.bounds).max { $0.count < $1.count } ?? []
    return longest.isEmpty ? [accountant] : longest.map(\.accountant)
  }

  private var groups: [[Client]] {
    struct Key: Hashable {
      let epsilons: [Double]
      let target: Double?
      let delta: Double
      let releases: Int
      let refusal: String?
    }
    var order: [Key] = []
    var members: [Key: [Client]] = [:]
    for client in clients {
      let key = Key(
        epsilons: client.bounds.map(\.epsilon), target: client.targetEpsilon, delta: client.delta,
        releases: client.releases, refusal: client.refusal)
      if members[key] == nil { order.append(key) }
      members[key, default: []].append(client)
    }
    return order.compactMap { members[$0] }
  }

  private func describe(_ group: [Client]) -> String {
    if group.count == clients.count, group.count > 1 {
      return "all \(NumberText.grouped(group.count))"
    }
    return NumberText.list(group.map(\.client), named: clientNames, limit: 8)
  }
}

/// How accountants are called in tables.
enum AccountantTitle {
  static func text(_ kind: AccountantKind) -> String {
    switch kind {
    case .rdp: "Rényi"
    case .pld: "loss distribution"
    case .gdp: "Gaussian"
    case .best: "best"
    }
  }
}

extension LedgerReport.Client {
  fileprivate var document: JSONValue {
    [
      "client": .integer(client), "cluster": .string(cluster), "delta": .number(delta),
      "target_epsilon": JSONValue(targetEpsilon), "releases": .integer(releases),
      "epsilon": JSONValue(epsilon), "stored_epsilon": JSONValue(storedEpsilon),
      "bounds": .array(bounds.map(\.document)), "refusal": JSONValue(refusal),
    ]
  }
}

extension EpsilonBound {
  /// An ε with who proved it; null where nothing finite can be proved.
  public var document: JSONValue {
    [
      "epsilon": JSONValue(epsilon), "delta": .number(delta),
      "accountant": .string(accountant.rawValue), "order": JSONValue(order),
      "warnings": .array(warnings.map { .string($0) }),
    ]
  }
}
