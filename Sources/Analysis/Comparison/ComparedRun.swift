// One finished run as a comparison sees it: which method, which budget, which seed, and what else its
// scenario says.

public import Federation
import Formatting
import Foundation
package import Scenarios
import Store

/// The budgets of a run's clients; of a run that proved to cost more, what it proved.
public struct EpsilonTarget: Sendable, Hashable, Comparable {
  /// Of the clients, the smallest and the largest; infinite without privacy.
  public let low: Double
  public let high: Double

  /// What the clients of one run were to spend.
  init(_ result: RunResult) {
    self.init(result.clients.map { $0.targetEpsilon ?? .infinity })
  }

  /// What the clients of these runs spent where that is more than they were to, rounded up, and what they were to
  /// elsewhere.
  init(of results: [RunResult]) {
    var spent: [Int: Double] = [:]
    for client in results.flatMap(\.clients) {
      let target = client.targetEpsilon ?? .infinity
      let proven = client.epsilon ?? target
      let own = proven <= target ? target : (proven * 1000).rounded(.up) / 1000
      spent[client.client] = max(spent[client.client] ?? 0, own)
    }
    self.init(Array(spent.values))
  }

  private init(_ targets: [Double]) {
    low = targets.min() ?? .infinity
    high = targets.max() ?? .infinity
  }

  /// `none`, a number, or `1–5` where clients have budgets of their own.
  public var label: String {
    func text(_ value: Double) -> String { value.isFinite ? NumberText.exact(value) : "none" }
    return low == high ? text(low) : "\(text(low))–\(text(high))"
  }

  /// Whether nobody has privacy.
  public var isNone: Bool { low == .infinity }

  public static func < (a: Self, b: Self) -> Bool { (a.high, a.low) < (b.high, b.low) }
}

/// A finished run with its place in the comparison.
public struct ComparedRun: Sendable, Hashable {
  public let runID: String
  public let result: RunResult
  /// Its budgets, by which runs of several seeds belong together.
  public let epsilon: EpsilonTarget
  /// What the clients of the only true cluster are called; nil where they have numbers alone.
  let clientNames: [String]?
  /// What the scenario calls the classes; nil where it does not say.
  let classNames: [String]?
  /// The method with its settings, canonical.
  package let method: JSONValue
  /// The scenario without seed, method and budgets, and what data and program it was run with: runs with equal
  /// rest can be paired.
  private(set) var rest: JSONValue

  /// Nil for a run without a result.
  init?(_ run: RunRecord, result: RunResult?) {
    guard let result, let resolved = try? JSONValue(parsing: Data(run.scenarioJSON.utf8)),
      case .object(var members) = resolved
    else { return nil }
    runID = run.runID
    self.result = result
    epsilon = EpsilonTarget(result)
    clientNames = result.clusters.count == 1 ? Self.clientNames(resolved) : nil
    classNames = Self.texts(resolved["data"]?["classes"])
    method = members["method"] ?? .string(run.method)
    // The name stays: two scenarios are not one because their numbers agree.
    for key in ["seed", "method", "description"] { members[key] = nil }
    // Runs of other data or of another build are other cells, never more seeds of the same.
    members["data_hash"] = JSONValue(run.dataHash.map { String($0.prefix(12)) })
    members["build"] = .string(run.build.map { String($0.prefix(12)) } ?? "unknown")
    rest = Self.withoutTargets(.object(members))
  }

  /// Where data lie, beside what they are: `data_hash` tells that.
  private static let places = ["path", "test_path", "public_path"]

  /// The runs with one place for equal data: the same file in another folder is no other setting.
  static func placed(_ runs: [ComparedRun]) -> [ComparedRun] {
    var known: [JSONValue: [String: JSONValue]] = [:]
    return runs.map { run in
      guard case .object(var members) = run.rest, let hash = members["data_hash"], hash != .null,
        case .object(var data)? = members["data"]
      else { return run }
      let own = data.filter { places.contains($0.key) }
      let first = known[hash] ?? own
      known[hash] = first
      for key in places { data[key] = first[key] }
      members["data"] = .object(data)
      var placed = run
      placed.rest = .object(members)
      return placed
    }
  }

  private static func withoutTargets(_ value: JSONValue) -> JSONValue {
    switch value {
    case .object(let members):
      .object(
        members.reduce(into: [:]) { rest, member in
          if member.key != "target_epsilon" { rest[member.key] = withoutTargets(member.value) }
        })
    case .array(let entries): .array(entries.map(withoutTargets))
    default: value
    }
  }
}

// MARK: - What sets scenarios apart

/// Names values by the settings in which they differ, such as `adapter.r=4`.
package enum Settings {
  /// For each value the settings in which not all agree, by path; empty where all are equal.
  static func differences(of values: [JSONValue]) -> [JSONValue: [String: String]] {
    let flat = Set(values).map { (value: $0, settings: flatten($0)) }
    let paths = Set(flat.flatMap { $0.settings.keys })
    let differing = paths.filter { path in Set(flat.map { $0.settings[path] ?? "–" }).count > 1 }
    let shown = differing.reduce(into: [:]) { texts, path in
      texts[path] = shortened(Set(flat.map { $0.settings[path] ?? "–" }))
    }
    return flat.reduce(into: [:]) { differences, entry in
      differences[entry.value] = Dictionary(
        uniqueKeysWithValues: differing.map { path in
          let value = entry.settings[path] ?? "–"
          return (path, shown[path]?[value] ?? value)
        })
    }
  }

  /// Values of a setting cut to 60 characters; those that begin alike get a number, since they stay apart.
  private static func shortened(_ values: Set<String>) -> [String: String] {
    let cuts = Dictionary(grouping: values.sorted()) { $0.shortened(to: 60) }
    return cuts.reduce(into: [:]) { texts, group in
      for (place, value) in group.value.enumerated() {
        texts[value] =
          group.value.count == 1 ? group.key : "\(value.shortened(to: 55)) (\(place + 1))"
      }
    }
  }

  /// "adapter.r=4 rounds=10"; empty for none.
  static func label(_ settings: [String: String]) -> String {
    settings.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
  }

  /// Every leaf of a document by its path.
  package static func flatten(_ value: JSONValue, at path: String = "") -> [String: String] {
    switch value {
    case .object(let members):
      members.reduce(into: [:]) { flat, member in
        let place = path.isEmpty ? member.key : "\(path).\(member.key)"
        flat.merge(flatten(member.value, at: place)) { $1 }
      }
    case .array(let entries) where entries.contains { if case .object = $0 { true } else { false } }:
      entries.enumerated().reduce(into: [:]) { flat, entry in
        flat.merge(flatten(entry.element, at: "\(path)[\(entry.offset)]")) { $1 }
      }
    case .string(let text): [path: text]
    default: [path: value.text]
    }
  }
}
