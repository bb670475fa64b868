// Scales that one outlier does not squeeze: they span what lies within Tukey's outer fences (Tukey, "Exploratory
// data analysis", 1977: three quartile distances beyond the quartiles); what lies outside is drawn at the edge.

import Scenarios

/// The part of an axis that a chart shows.
package struct RobustScale: Sendable, Hashable {
  package let low: Double
  package let high: Double

  /// - Parameters:
  ///   - values: finite numbers in the axis' unit, at least one.
  ///   - least: the least quartile distance that counts, so that equal values do not make outliers of their
  ///     neighbours.
  package init(_ values: [Double], least: Double) {
    let sorted = values.sorted()
    let (first, third) = (Self.quantile(sorted, 0.25), Self.quantile(sorted, 0.75))
    let reach = 3 * max(third - first, least)
    let inside = sorted.filter { $0 >= first - reach && $0 <= third + reach }
    let ends = (inside.first ?? 0, inside.last ?? 0)
    let margin = max(0.08 * (ends.1 - ends.0), least / 4)
    low = ends.0 - margin
    high = ends.1 + margin
  }

  /// The scale over means that shows as much of their intervals as fits into one more span at either side.
  package init(_ values: [Double], intervals: [Double], least: Double) {
    let core = RobustScale(values, least: least)
    let span = core.high - core.low
    let near = intervals.filter { $0 >= core.low - span && $0 <= core.high + span }
    low = min(core.low, near.min() ?? core.low)
    high = max(core.high, near.max() ?? core.high)
  }

  package func shows(_ value: Double) -> Bool { (low...high).contains(value) }

  /// The value, or the edge that is nearest to it.
  package func clamped(_ value: Double) -> Double { min(max(value, low), high) }

  var domain: JSONValue { [.number(low), .number(high)] }

  /// Linear between order statistics.
  private static func quantile(_ sorted: [Double], _ share: Double) -> Double {
    guard let last = sorted.indices.last else { return 0 }
    let place = share * Double(last)
    let index = min(Int(place), last)
    let next = min(index + 1, last)
    return sorted[index] + (place - Double(index)) * (sorted[next] - sorted[index])
  }
}
