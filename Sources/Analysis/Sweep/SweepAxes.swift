// The axes of a sweep and how they are written: `0.5,1,none`, `0..4`, `adapter.r=1,4,16`.

import Formatting
import Foundation
public import Scenarios

/// The values that a sweep combines. An axis without values leaves the scenario as it is.
public struct SweepAxes: Sendable, Hashable {
  /// A setting with the values it takes.
  public struct Setting: Sendable, Hashable {
    /// Such as `adapter.r`.
    public let path: String
    public let values: [JSONValue]

    public init(path: String, values: [JSONValue]) {
      self.path = path
      self.values = values
    }
  }

  /// Budgets; nil trains without privacy.
  public var epsilons: [Double?] = []
  public var methods: [String] = []
  public var seeds: [UInt64] = []
  public var settings: [Setting] = []

  public init() {}

  /// Cells of the whole grid; `Int.max` for more than that.
  public var cellCount: Int {
    ([epsilons.count, methods.count, seeds.count] + settings.map(\.values.count)).reduce(1) {
      let (product, overflow) = $0.multipliedReportingOverflow(by: max($1, 1))
      return overflow ? .max : product
    }
  }

  /// More cells than a person can mean.
  public static let cellLimit = 100_000
}

// MARK: - Reading

extension SweepAxes {
  /// Reads `0.5,1,2,none`.
  public static func epsilons(_ text: String) throws(SweepError) -> [Double?] {
    var values: [Double?] = []
    for part in parts(of: text) {
      if part == "none" {
        values.append(nil)
      } else if let value = Double(part), value > 0, value.isFinite {
        values.append(value)
      } else {
        throw .malformed(place: "--epsilon", text: part, example: "0.5,1,2,none")
      }
    }
    try check("--epsilon", values.map { $0.map { NumberText.exact($0) } ?? "none" })
    return values
  }

  /// Reads `r-dpcfl,ifca`. Which names there are is the scenario reader's to say.
  public static func methods(_ text: String) throws(SweepError) -> [String] {
    let names = parts(of: text)
    for name in names where name.isEmpty {
      throw .malformed(place: "--method", text: text, example: "r-dpcfl,ifca")
    }
    try check("--method", names)
    return names
  }

  /// Reads `0..4`, `0,3,7` or both mixed; both ends of a range count.
  public static func seeds(_ text: String) throws(SweepError) -> [UInt64] {
    var seeds: [UInt64] = []
    for part in parts(of: text) {
      let ends = part.components(separatedBy: "..")
      let numbers = ends.compactMap { UInt64($0) }
      guard numbers.count == ends.count, let first = numbers.first, let last = numbers.last,
        numbers.count <= 2, first <= last, last - first < UInt64(cellLimit - seeds.count)
      else { throw .malformed(place: "--seeds", text: part, example: "0..4 or 0,3,7") }
      seeds += Array(first...last)
    }
    try check("--seeds", seeds.map(String.init))
    return seeds
  }

  /// Reads `path=value,value`; commas inside of brackets and quotes belong to a value.
  public static func setting(_ text: String) throws(SweepError) -> Setting {
    guard let equals = text.firstIndex(of: "="), equals > text.startIndex else {
      throw .malformed(place: "--vary", text: text, example: "adapter.r=1,4,16")
    }
    let path = String(text[..<equals])
    let values = parts(of: String(text[text.index(after: equals)...])).map { part in
      // As everywhere on the command line: JSON where it is JSON, else a string.
      (try? JSONValue(parsing: Data(part.utf8))) ?? .string(part)
    }
    guard !values.contains(.string("")) else {
      throw .malformed(place: "--vary", text: text, example: "adapter.r=1,4,16")
    }
    try check("--vary \(path)", values.map(\.text))
    return Setting(path: path, values: values)
  }

  /// - Throws: `SweepError.duplicate` if a value stands there twice.
  public static func check(_ place: String, _ values: [String]) throws(SweepError) {
    var seen: Set<String> = []
    for value in values where !seen.insert(value).inserted {
      throw .duplicate(place: place, value: value)
    }
  }

  /// - Throws: `SweepError.conflict` if a varied setting would be overwritten by another axis, or overwrite it.
  func checkDistinct() throws(SweepError) {
    for setting in settings {
      let taken =
        switch setting.path {
        case "seed": seeds.isEmpty ? nil : "--seeds"
        case "method", "method.name": methods.isEmpty ? nil : "--method"
        case "privacy", "privacy.target_epsilon": epsilons.isEmpty ? nil : "--epsilon"
        default: String?.none
        }
      if let taken { throw .conflict(path: setting.path, axis: taken) }
    }
  }

  /// The text cut at its commas, except at those inside of brackets and quotes.
  private static func parts(of text: String) -> [String] {
    var parts = [""]
    var depth = 0
    var isQuoted = false
    for character in text {
      switch character {
      case "\"": isQuoted.toggle()
      case "[", "{": depth += isQuoted ? 0 : 1
      case "]", "}": depth -= isQuoted ? 0 : 1
      case "," where depth == 0 && !isQuoted:
        parts.append("")
        continue
      default: break
      }
      parts[parts.count - 1].append(character)
    }
    return parts.map { $0.trimmingCharacters(in: .whitespaces) }
  }
}
