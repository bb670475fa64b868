// Charts as SVG inside of a page: points, lines and bands on two axes. No script is needed to see them.

import Foundation

/// One series of a chart.
struct ChartSeries {
  struct Point {
    let x: Double
    let y: Double
    /// The band around y, where there is one.
    var band: (low: Double, high: Double)?
    /// What a reader sees when pointing at it.
    let title: String
    /// Mark of the point; the series' own if nil.
    var shape: Int?
  }

  let name: String
  let points: [Point]
  /// Place in the palette and, unless a point says otherwise, shape of its marks.
  let style: Int
  var isConnected = true
}

/// Two axes with series.
struct Chart {
  /// Texts below the horizontal axis.
  struct Tick {
    let x: Double
    let label: String
  }

  let title: String
  let xName: String
  let yName: String
  var ticks: [Tick]
  let series: [ChartSeries]
  /// A vertical line with a text, such as the switch round.
  var rule: (x: Double, label: String)?
  /// How a value of the vertical axis is written.
  var yText: (Double) -> String = { NumberText.decimal(100 * $0, 0) }

  private static let (width, height) = (760.0, 360.0)
  private static let (left, right, top, bottom) = (60.0, 170.0, 20.0, 50.0)

  /// The chart; an empty text without points.
  var svg: String {
    let points = series.flatMap(\.points).filter { $0.x.isFinite && $0.y.isFinite }
    guard !points.isEmpty else { return "" }
    let xRange = Self.range(points.map(\.x) + ticks.map(\.x) + (rule.map { [$0.x] } ?? []))
    let yRange = Self.range(points.flatMap { [$0.y, $0.band?.low ?? $0.y, $0.band?.high ?? $0.y] })
    func place(_ x: Double, _ y: Double) -> (Double, Double) {
      let share = (x - xRange.0) / (xRange.1 - xRange.0)
      let rise = (y - yRange.0) / (yRange.1 - yRange.0)
      return (
        Self.left + share * (Self.width - Self.left - Self.right),
        Self.height - Self.bottom - rise * (Self.height - Self.top - Self.bottom)
      )
    }
    var output = "<svg viewBox=\"0 0 760 360\" role=\"img\" aria-label=\"\(title.escaped)\">\n"
    output += axes(yRange, place)
    for (index, one) in series.enumerated() { output += draw(one, row: index, place) }
    return output + "</svg>\n"
  }

  private func axes(
    _ yRange: (Double, Double), _ place: (Double, Double) -> (Double, Double)
  ) -> String {
    var output = ""
    let (left, right) = (Self.left, Self.width - Self.right)
    for step in 0...4 {
      let value = yRange.0 + (yRange.1 - yRange.0) * Double(step) / 4
      let y = place(0, value).1
      output += "<line class=\"grid\" x1=\"\(n(left))\" x2=\"\(n(right))\" y1=\"\(n(y))\" "
      output += "y2=\"\(n(y))\"/>"
      output += text(left - 8, y + 4, yText(value), "end")
    }
    let floor = Self.height - Self.bottom
    for tick in ticks {
      let x = place(tick.x, yRange.0).0
      output += text(x, floor + 18, tick.label, "middle")
    }
    if let rule {
      let x = place(rule.x, yRange.0).0
      output += "<line class=\"grid\" stroke-dasharray=\"4 3\" x1=\"\(n(x))\" x2=\"\(n(x))\" "
      output += "y1=\"\(n(Self.top))\" y2=\"\(n(floor))\"/>"
      output += text(x + 4, Self.top + 10, rule.label, "start")
    }
    output += text((left + right) / 2, Self.height - 8, xName, "middle")
    output += text(left - 50, Self.top - 6, yName, "start")
    return output + "\n"
  }

  private func draw(
    _ one: ChartSeries, row: Int, _ place: (Double, Double) -> (Double, Double)
  ) -> String {
    let points = one.points.filter { $0.x.isFinite && $0.y.isFinite }
    var output = "<g class=\"s\(one.style % 6)\">"
    let banded = points.compactMap { point in point.band.map { (point.x, $0) } }
    if banded.count > 1, one.isConnected {
      let corners =
        banded.map { place($0.0, $0.1.high) } + banded.reversed().map { place($0.0, $0.1.low) }
      output += "<polygon class=\"band\" points=\"\(Self.list(corners))\"/>"
    }
    if points.count > 1, one.isConnected {
      let corners = points.map { place($0.x, $0.y) }
      output += "<polyline class=\"path\" points=\"\(Self.list(corners))\"/>"
    }
    for point in points {
      let (x, y) = place(point.x, point.y)
      output += mark(x, y, point.shape ?? one.style, point.title)
    }
    let y = Self.top + 14 + Double(row) * 20
    let x = Self.width - Self.right + 20
    if one.points.contains(where: { $0.shape == nil }) { output += mark(x, y, one.style, one.name) }
    return output + text(x + 12, y + 4, one.name.shortened(to: 22), "start") + "</g>\n"
  }

  /// A mark whose shape tells series apart without colours.
  private func mark(_ x: Double, _ y: Double, _ shape: Int, _ title: String) -> String {
    let corners: [(Double, Double)] =
      switch shape % 6 {
      case 0: []
      case 1: [(-4, -4), (4, -4), (4, 4), (-4, 4)]
      case 2: [(0, -5), (5, 4), (-5, 4)]
      case 3: [(0, -6), (6, 0), (0, 6), (-6, 0)]
      case 4: [(0, 5), (5, -4), (-5, -4)]
      default: [(-5, -2), (-2, -5), (5, 2), (2, 5)]
      }
    let inner = "<title>\(title.escaped)</title>"
    if corners.isEmpty {
      return "<circle class=\"mark\" cx=\"\(n(x))\" cy=\"\(n(y))\" r=\"4.5\">\(inner)</circle>"
    }
    let points = Self.list(corners.map { (x + $0.0, y + $0.1) })
    return "<polygon class=\"mark\" points=\"\(points)\">\(inner)</polygon>"
  }

  private func text(_ x: Double, _ y: Double, _ text: String, _ anchor: String) -> String {
    "<text x=\"\(n(x))\" y=\"\(n(y))\" text-anchor=\"\(anchor)\">\(text.escaped)</text>"
  }

  /// Some room around the values; never empty.
  private static func range(_ values: [Double]) -> (Double, Double) {
    let (low, high) = (values.min() ?? 0, values.max() ?? 1)
    let margin = high > low ? 0.05 * (high - low) : max(0.05 * abs(high), 0.01)
    return (low - margin, high + margin)
  }

  private static func list(_ points: [(Double, Double)]) -> String {
    points.map { "\(NumberText.decimal($0.0, 1)),\(NumberText.decimal($0.1, 1))" }
      .joined(separator: " ")
  }

  private func n(_ value: Double) -> String { NumberText.decimal(value, 1) }
}
