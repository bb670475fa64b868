// A sweep as a file: {"scenario": "skewed.json", "epsilon": [1, 2, null], "method": ["r-dpcfl"],
// "seeds": [0, 1], "vary": {"adapter.r": [1, 4]}}.

public import Foundation
import Scenarios

/// The contents of a sweep file.
public struct SweepFile: Sendable, Hashable {
  /// Path of the scenario, relative to the folder of the sweep file.
  public let scenario: String
  public let axes: SweepAxes

  /// Nil if the document is no sweep file but, for all that can be seen, a scenario.
  public init?(json: Data) throws {
    guard let document = try? JSONValue(parsing: json), case .object(let members) = document,
      members["scenario"] != nil
    else { return nil }
    for key in members.keys.sorted() where !Self.keys.contains(key) {
      throw SweepError.file(
        place: key,
        reason: "a sweep file has no such key; it has \(Self.keys.joined(separator: ", "))")
    }
    guard case .string(let scenario)? = members["scenario"], !scenario.isEmpty else {
      throw SweepError.file(place: "scenario", reason: "must be the path of a scenario file")
    }
    self.scenario = scenario
    var axes = SweepAxes()
    axes.epsilons = try Self.list(members, "epsilon", "budgets above 0, or null for none") {
      switch $0 {
      case .null: .some(nil)
      case .integer(let value) where value > 0: .some(Double(value))
      case .number(let value) where value > 0: .some(value)
      default: nil
      }
    }
    axes.methods = try Self.list(members, "method", "names of methods") {
      if case .string(let name) = $0 { name } else { nil }
    }
    if case .string(let text)? = members["seeds"] {
      axes.seeds = try SweepAxes.seeds(text)
    } else {
      axes.seeds = try Self.list(members, "seeds", "whole numbers of at least 0, or \"0..4\"") {
        $0.exactInteger.flatMap { UInt64(exactly: $0) }
      }
    }
    switch members["vary"] {
    case nil: break
    case .object(let settings)?:
      for path in settings.keys.sorted() {
        axes.settings.append(
          SweepAxes.Setting(
            path: path, values: try Self.list(settings, path, "values", of: "vary.") { $0 }))
      }
    default:
      throw SweepError.file(
        place: "vary", reason: "must be an object such as {\"adapter.r\": [1, 4]}")
    }
    self.axes = axes
  }

  private static let keys = ["epsilon", "method", "scenario", "seeds", "vary"]

  private static func list<Value>(
    _ members: [String: JSONValue], _ key: String, _ what: String, of prefix: String = "",
    _ read: (JSONValue) -> Value?
  ) throws(SweepError) -> [Value] {
    guard let value = members[key] else { return [] }
    guard case .array(let entries) = value, !entries.isEmpty else {
      throw .file(place: prefix + key, reason: "must be a list of \(what)")
    }
    try SweepAxes.check(prefix + key, entries.map(\.text))
    var values: [Value] = []
    for (index, entry) in entries.enumerated() {
      guard let value = read(entry) else {
        throw .file(
          place: "\(prefix)\(key)[\(index)]", reason: "\(entry.text) is not one of: \(what)")
      }
      values.append(value)
    }
    return values
  }
}
