// The cells of a sweep: every combination of its axes as a scenario of its own, checked before the
// first one runs.

import Formatting
public import Foundation
public import Scenarios

/// One run of a sweep.
public struct SweepCell: Sendable, Hashable {
  public let scenario: Scenario
  /// What sets the cell apart, as `key=value`; also usable with `run --set`.
  public let overrides: [String]
  /// `none`, a number, or `own` where the sweep leaves the scenario's budget.
  public let epsilonLabel: String
  /// Method and varied settings, such as `r-dpcfl adapter.r=4`.
  public let rowLabel: String
}

/// A combination that is no valid scenario, such as more clusters than clients.
public struct InvalidCell: Sendable, Hashable {
  public let overrides: [String]
  public let message: String
}

/// All cells of a sweep in the order in which they run.
///
/// Seeds come first, so that a sweep that is stopped has whole grids of fewer seeds. Cells of one seed
/// share partition, initial model, cohorts and batches by construction: every draw is keyed by seed,
/// purpose, round and client and by nothing else.
public struct SweepGrid: Sendable, Hashable {
  public let cells: [SweepCell]
  public let invalid: [InvalidCell]

  /// - Parameters:
  ///   - json: the scenario file.
  ///   - overrides: applied to every cell, before what the axes say.
  ///   - folder: of the scenario file, where relative paths in it begin.
  /// - Throws: `ScenarioError` if the scenario itself is wrong, `SweepError` for too many cells and for
  ///   axes that set the same.
  public init(
    json: Data, overrides: [String], axes: SweepAxes, folder: String? = nil
  ) throws {
    try axes.checkDistinct()
    guard axes.cellCount <= SweepAxes.cellLimit else {
      throw SweepError.tooManyCells(count: axes.cellCount, limit: SweepAxes.cellLimit)
    }
    let base = try Scenario(json: json, overrides: overrides, folder: folder)
    var combinations: [Combination] = []
    for seed in Self.optional(axes.seeds) {
      for settings in Self.products(axes.settings) {
        for method in Self.optional(axes.methods) {
          for epsilon in Self.optional(axes.epsilons) {
            combinations.append(
              Combination(seed: seed, settings: settings, method: method, epsilon: epsilon))
          }
        }
      }
    }
    var cells: [SweepCell] = []
    var invalid: [InvalidCell] = []
    for combination in combinations {
      let changes = combination.overrides(of: base)
      do throws(ScenarioError) {
        let scenario = try Scenario(
          json: json, overrides: overrides + changes, folder: folder)
        cells.append(
          SweepCell(
            scenario: scenario, overrides: changes,
            epsilonLabel: combination.epsilonLabel,
            rowLabel: ([scenario.method.name] + combination.settingTexts).joined(separator: " ")))
      } catch {
        invalid.append(InvalidCell(overrides: changes, message: error.description))
      }
    }
    self.cells = cells
    self.invalid = invalid
  }

  /// The values of an axis, or once nothing.
  private static func optional<Value>(_ values: [Value]) -> [Value?] {
    values.isEmpty ? [nil] : values.map { $0 }
  }

  private static func products(
    _ settings: [SweepAxes.Setting]
  ) -> [[(path: String, value: JSONValue)]] {
    settings.reduce([[]]) { partial, setting in
      partial.flatMap { chosen in setting.values.map { chosen + [(setting.path, $0)] } }
    }
  }
}

/// One value of every axis; nil where an axis has none.
private struct Combination {
  let seed: UInt64?
  let settings: [(path: String, value: JSONValue)]
  package let method: String?
  package let epsilon: Double??

  var settingTexts: [String] { settings.map { "\($0.path)=\($0.value.text)" } }

  var epsilonLabel: String {
    guard let epsilon else { return "own" }
    return epsilon.map { NumberText.exact($0) } ?? "none"
  }

  func overrides(of base: Scenario) -> [String] {
    var texts: [String] = []
    // The scenario's own method keeps its settings; another one has its defaults.
    if let method, method != base.method.name {
      texts.append("method=" + JSONValue.object(["name": .string(method)]).text)
    }
    texts += settingTexts
    switch epsilon {
    case nil: break
    case .some(nil): texts += Self.withoutPrivacy(base.resolved)
    case .some(let value?): texts.append("privacy.target_epsilon=\(NumberText.exact(value))")
    }
    if let seed { texts.append("seed=\(seed)") }
    return texts
  }

  /// Takes the noise from everybody: `none` is what privacy is compared with, so budgets that
  /// clusters and clients have of their own go as well.
  private static func withoutPrivacy(_ resolved: JSONValue) -> [String] {
    var texts = ["privacy.target_epsilon=null"]
    if let noise = resolved["privacy"]?["noise_multiplier"], noise != .null {
      texts.append("privacy.noise_multiplier=null")
    }
    guard case .array(let clusters)? = resolved["population"]?["clusters"] else { return texts }
    for (index, cluster) in clusters.enumerated() {
      let place = "population.clusters[\(index)]"
      if let own = cluster["privacy"]?["target_epsilon"], own != .null {
        texts.append("\(place).privacy.target_epsilon=null")
      }
      guard case .array(let clients)? = cluster["client_privacy"] else { continue }
      for (client, budget) in clients.enumerated() {
        if let own = budget["target_epsilon"], own != .null {
          texts.append("\(place).client_privacy[\(client)].target_epsilon=null")
        }
      }
    }
    return texts
  }
}
