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
      [("clients", .left), ("releases", .right)]
        + names.map { (names.count == 1 ? "ε" : "ε, \($0)", .right) }
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
      "For each \(protects.each), "
        + "added or removed; computed from the stored releases"
        + (names.count == 1 ? " by \(names[0])." : "."),
      "",
    ]
    lines += table.lines(colors: colors)
    if clients.contains(where: { $0.epsilon != nil }) {
      lines += AllowedText.lines(allowedFindings)
    }
    if let arrivalsEpsilon {
      lines.append(
        "  Clients that came after training: ε \(NumberText.epsilon(arrivalsEpsilon)) at most, for one choice each."
      )
    }
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
      "allowed": .array(allowedFindings.map(\.document)),
      "arrivals_epsilon_max": JSONValue(arrivalsEpsilon),
      "clients": .array(clients.map(\.document)),
    ]
  }

  /// The entries of all ledgers, one JSON object a line.
  public func jsonLines() throws -> Data {
    var ledger = PrivacyLedger()
    ledger.append(contentsOf: entries)
    return try ledger.jsonLines()
  }

  /// Every accountant that proved something: the best of them is not the same for every client.
  private var accountants: [AccountantKind] {
    var seen: Set<AccountantKind> = []
    let known = clients.flatMap { $0.bounds.map(\.accountant) }.filter { seen.insert($0).inserted }
    return known.isEmpty ? [accountant] : known
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

/// How accountants are called wherever people read of them: by what they do, with their name for programs.
enum AccountantTitle {
  static func text(_ kind: AccountantKind) -> String {
    switch kind {
    case .rdp: "Rényi (rdp)"
    case .pld: "loss distributions (pld)"
    case .gdp: "Gaussian (gdp)"
    case .best: "best"
    }
  }

  /// The accountants that results name, in order and each once; empty where there are none.
  static func texts(_ stored: some Sequence<String>) -> String {
    Set(stored).sorted().map { AccountantKind(rawValue: $0).map(text) ?? $0 }
      .joined(separator: ", ")
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
