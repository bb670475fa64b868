// The privacy part of the table that ends a run: what is protected, and what each client's ε is.

import Analysis
import Federation
import Formatting
import Foundation
import Privacy

extension RunSections {
  /// Clients with the same guarantee share a line; their figures are shown as ranges.
  func privacy() -> [String] {
    guard result.clients.contains(where: { $0.epsilon != nil }) else {
      return [
        heading("Privacy"), "  None: this run trained without noise, so no ε can be stated.",
      ]
    }
    // One accountant for all is said in a sentence.
    let hasAccountants = Set(result.clients.compactMap(\.accountant)).count > 1
    var table = TextTable(
      [
        ("clients", .left), ("ε", .right), ("target", .right), ("δ", .right),
        ("noise multiplier", .right), ("first round", .right),
      ] + (hasAccountants ? [("accountant", .left)] : []))
    for group in groups {
      table.add(
        [
          TextTable.Cell(describe(group)),
          TextTable.Cell(range(group.map(\.epsilon), NumberText.epsilon), .bold),
          "\(NumberText.exact(group[0].targetEpsilon))", "\(NumberText.exact(group[0].delta))",
          "\(range(group.map(\.noiseMultiplier)) { NumberText.decimal($0, 3) })",
          "\(range(group.map(\.firstRoundNoiseMultiplier)) { NumberText.decimal($0, 3) })",
        ]
          + (hasAccountants
            ? [TextTable.Cell(AccountantTitle.texts([group[0].accountant].compactMap { $0 }))] : [])
      )
    }
    return [heading("Privacy")] + guarantee.map { "  \($0)" }
      + AllowedText.lines(result.allowedFindings ?? [])
      + table.lines(colors: colors)
  }

  /// What the numbers mean.
  private var guarantee: [String] {
    let relation =
      switch result.relation {
      case .addOrRemoveOne: "added or removed"
      case .replaceOne: "replaced by another"
      }
    return [
      "(ε, δ)-differential privacy for each \(protects.each), \(relation).",
      "\(SamplingText.sentence(result.sampling)); every release of the run is counted, by "
        + "\(AccountantTitle.texts(result.clients.compactMap(\.accountant))).",
    ]
  }

  /// Clients with equal target, δ and accountant, in the order of their first member.
  private var groups: [[ClientResult]] {
    struct Key: Hashable {
      let isPrivate: Bool
      let target: Double?
      let delta: Double
      let accountant: String?
    }
    var order: [Key] = []
    var members: [Key: [ClientResult]] = [:]
    for client in result.clients {
      let key = Key(
        isPrivate: client.epsilon != nil, target: client.targetEpsilon, delta: client.delta,
        accountant: client.accountant)
      if members[key] == nil { order.append(key) }
      members[key, default: []].append(client)
    }
    return order.compactMap { members[$0] }
  }

  /// Whole clusters by their names, other clients by their own names or numbers.
  private func describe(_ group: [ClientResult]) -> String {
    if group.count == result.clients.count {
      return group.count == 1 ? "the only client" : "all \(NumberText.grouped(group.count))"
    }
    let clusters = Set(group.map(\.cluster)).sorted()
    let isWhole = clusters.reduce(0) { $0 + result.clusters[$1].clients } == group.count
    if isWhole, clusters.count <= 3 {
      return clusters.map { result.clusters[$0].name }.joined(separator: ", ")
    }
    return list(group.map(\.client), limit: 8)
  }

  /// One figure, or the smallest and the largest where they do not read the same.
  private func range(_ values: [Double?], _ text: (Double?) -> String) -> String {
    let known = values.compactMap { $0 }
    guard known.count == values.count, let low = known.min(), let high = known.max() else {
      return text(nil)
    }
    let (first, last) = (text(low), text(high))
    return first == last ? first : "\(first) – \(last)"
  }
}
