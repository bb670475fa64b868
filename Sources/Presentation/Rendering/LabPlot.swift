// A chart of the laboratory as SVG: lines over one axis, no script needed to see them.

import Foundation
import Laboratory

/// Draws the lines of one chart.
struct LabPlot {
  private let chart: LabChart
  private let x: (low: Double, high: Double)
  private let y: (low: Double, high: Double)

  /// Colours of Okabe and Ito; lines differ in their dashes too.
  private static let colours = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b38600", "#56b4e9", "#666666",
  ]
  private static let (left, right, top, bottom) = (60.0, 560.0, 20.0, 310.0)

  static let style = """
    body { font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; }
    table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
    th, td { padding: .2rem .6rem; border-bottom: 1px solid #d0d0d0; text-align: right; }
    th:first-child, td:first-child { text-align: left; } svg { max-width: 100%; }
    svg text { font-size: 12px; }

    """

  init(_ chart: LabChart) {
    self.chart = chart
    let points = chart.lines.flatMap(\.points)
    x = Self.range(points.map(\.x))
    y = Self.range(points.map(\.y))
  }

  /// The values' range, never empty.
  private static func range(_ values: [Double]) -> (Double, Double) {
    let finite = values.filter(\.isFinite)
    guard let low = finite.min(), let high = finite.max() else { return (0, 1) }
    return low < high ? (low, high) : (low - 0.5, high + 0.5)
  }

  private func place(_ point: LabChart.Point) -> (x: Double, y: Double) {
    (
      Self.left + (point.x - x.low) / (x.high - x.low) * (Self.right - Self.left),
      Self.bottom - (point.y - y.low) / (y.high - y.low) * (Self.bottom - Self.top)
    )
  }

  var svg: String {
    var output =
      "<svg viewBox=\"0 0 760 360\" role=\"img\" aria-label=\"\(chart.title.escaped)\">\n"
    for step in 0...4 {
      let value = y.low + (y.high - y.low) * Double(step) / 4
      let height = Self.bottom - (Self.bottom - Self.top) * Double(step) / 4
      output += "<line x1=\"\(Self.left)\" x2=\"\(Self.right)\" y1=\"\(height)\" y2=\"\(height)\" "
      output += "stroke=\"#d0d0d0\"/>\n"
      output += text(Self.left - 6, height + 4, value.labText, "end")
    }
    for value in Set(chart.lines.flatMap { $0.points.map(\.x) }).sorted() {
      let across = place(LabChart.Point(value, y.low)).x
      output += text(across, Self.bottom + 16, value.labText, "middle")
    }
    output += text((Self.left + Self.right) / 2, 350, chart.xName, "middle")
    output += text(4, 14, chart.yName, "start")
    for (index, line) in chart.lines.enumerated() { output += draw(line, index) }
    return output + "</svg>\n"
  }

  private func draw(_ line: LabChart.Line, _ index: Int) -> String {
    let colour = Self.colours[index % Self.colours.count]
    let corners = line.points.filter { $0.x.isFinite && $0.y.isFinite }.map(place)
    let list = corners.map { String(format: "%.1f,%.1f", $0.x, $0.y) }.joined(separator: " ")
    var output = "<polyline fill=\"none\" stroke=\"\(colour)\" stroke-width=\"2\" "
    output +=
      "stroke-dasharray=\"\(index == 0 ? "none" : "\(2 * index + 2) 2")\" points=\"\(list)\"/>\n"
    for corner in corners {
      output += String(format: "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" ", corner.x, corner.y)
      output += "fill=\"\(colour)\"/>\n"
    }
    let height = Self.top + 14 + Double(index) * 18
    output += "<circle cx=\"576\" cy=\"\(height - 4)\" r=\"4\" fill=\"\(colour)\"/>\n"
    return output + text(586, height, line.name, "start")
  }

  private func text(_ x: Double, _ y: Double, _ words: String, _ anchor: String) -> String {
    "<text x=\"\(x)\" y=\"\(y)\" text-anchor=\"\(anchor)\">\(words.escaped)</text>\n"
  }
}
