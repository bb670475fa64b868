// Charts as Vega-Lite specifications: what every chart of a report shares, and the words in which the
// others are written. A specification holds its data, so it draws the same chart anywhere.
//
// Satyanarayan et al., "Vega-Lite: a grammar of interactive graphics" (2017).

import Formatting
import Foundation
import Scenarios

/// A chart with the numbers behind it as a table, for readers and for pages that cannot draw.
struct ReportChart {
  /// Names the figure in the page; letters and hyphens.
  let id: String
  let caption: String
  /// A whole Vega-Lite specification with its data.
  let specification: JSONValue
  let columns: [String]
  let rows: [[String]]
}

/// Pieces of specifications. Names of fields are ours; what comes from a scenario is only ever data.
enum VegaLite {
  /// Series differ in shape and dash too, for print and for readers who see no colours.
  static let shapes = [
    "circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "triangle-right",
    "triangle-left",
  ]
  private static let dashes: [JSONValue] = [
    [1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [4, 4], [10, 3], [1, 3], [6, 2, 1, 2],
  ]

  /// How the page's script lays a chart out anew for the width that it has.
  enum Layout {
    /// One view, at most so many pixels wide with its axis and legend.
    case single(width: Int)
    /// Panels beside and below each other, at most `columns` in a row, each from `least` to `most` pixels wide;
    /// `left` pixels go to the axis of a row.
    case panels(columns: Int, least: Int, most: Int, left: Int)

    /// At most three panels in a row, in rows that are as equal as can be.
    static func balanced(_ count: Int, least: Int, left: Int) -> Layout {
      let rows = max((count + 2) / 3, 1)
      let columns = max((count + rows - 1) / rows, 1)
      return .panels(columns: columns, least: least, most: 780 / max(columns, 2), left: left)
    }

    fileprivate var document: JSONValue {
      switch self {
      case .single(let width): ["width": .integer(width)]
      case .panels(let columns, let least, let most, let left):
        [
          "columns": .integer(columns), "least": .integer(least), "most": .integer(most),
          "left": .integer(left),
        ]
      }
    }
  }

  /// - Parameters:
  ///   - description: what is drawn, for those who hear the page.
  ///   - values: rows of data.
  ///   - layout: for the page's script; the body has the sizes for others.
  ///   - legend: `right` or `bottom`.
  ///   - legendColumns: entries side by side; nil puts all in a row, at the right one below another.
  ///   - body: marks and encodings.
  static func specification(
    _ description: String, values: [JSONValue], layout: Layout, legend: JSONValue = "right",
    legendColumns: Int? = nil, body: [String: JSONValue]
  ) -> JSONValue {
    var members = body
    members["$schema"] = "https://vega.github.io/schema/vega-lite/v6.json"
    members["description"] = .string(description)
    members["background"] = .null
    members["usermeta"] = ["layout": layout.document]
    members["data"] = ["values": .array(values)]
    members["config"] = [
      "font": "system-ui, sans-serif", "view": ["stroke": .null],
      "axis": [
        "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "titlePadding": 8,
        "gridColor": "#8884", "domainColor": "#888", "tickColor": "#888",
      ],
      "legend": [
        "orient": legend, "labelFontSize": 12, "titleFontSize": 12, "symbolSize": 90,
        "labelLimit": 240, "columns": .integer(legendColumns ?? (legend == "right" ? 1 : 0)),
      ],
      "header": ["labelFontSize": 13, "labelFontWeight": "bold", "labelLimit": 260],
      "title": ["fontSize": 13, "anchor": "start", "offset": 8],
    ]
    return .object(members)
  }

  /// A series told apart by colour and by shape.
  ///
  /// - Parameter shapes: a shape for each name; by default one after another.
  static func series(
    _ field: String, title: String? = nil, order: [String], _ palette: Palette,
    shapes own: [String]? = nil
  ) -> [String: JSONValue] {
    let marks = own ?? order.indices.map { shapes[$0 % shapes.count] }
    return [
      "color": color(field, title: title, order: order, palette),
      "shape": channel(field, title, order, marks.map { .string($0) }),
    ]
  }

  /// A series told apart by colour and, where lines coincide, by dash.
  static func lines(
    _ field: String, title: String? = nil, order: [String], _ palette: Palette
  ) -> [String: JSONValue] {
    [
      "color": color(field, title: title, order: order, palette),
      "strokeDash": channel(
        field, title, order, order.indices.map { dashes[$0 % dashes.count] }),
    ]
  }

  static func color(
    _ field: String, title: String? = nil, order: [String], _ palette: Palette
  ) -> JSONValue {
    channel(field, title, order, order.map { .string(palette.color($0)) })
  }

  private static func channel(
    _ field: String, _ title: String?, _ order: [String], _ range: [JSONValue]
  ) -> JSONValue {
    [
      "field": .string(field), "type": "nominal", "title": JSONValue(title),
      // With a domain and a range of its own a series looks the same in every chart of a page.
      "scale": ["domain": .array(order.map { .string($0) }), "range": .array(range)],
      // Marks of a legend would else be as pale as the bands.
      "legend": ["symbolOpacity": 1],
    ]
  }

  /// The same channel without a legend.
  static func withoutLegend(_ channel: JSONValue) -> JSONValue {
    guard case .object(var members) = channel else { return channel }
    members["legend"] = .null
    return .object(members)
  }

  /// A numeric channel.
  ///
  /// - Parameter padding: pixels between the outermost marks and the ends of the axis.
  static func number(
    _ field: String, _ title: String? = nil, zero: Bool = false, padding: Int = 0,
    axis: JSONValue = [:]
  ) -> JSONValue {
    [
      "field": .string(field), "type": "quantitative", "title": JSONValue(title),
      "scale": ["zero": .bool(zero), "nice": true, "padding": .integer(padding)], "axis": axis,
    ]
  }

  /// Layers of a chart without those that have nothing to draw: a runtime warns of them.
  static func layers(_ layers: [JSONValue?]) -> JSONValue { .array(layers.compactMap { $0 }) }

  /// A layer of a chart.
  ///
  /// - Parameters:
  ///   - filter: an expression over a row, `datum`.
  ///   - isNeeded: whether any row passes.
  static func layer(
    _ mark: JSONValue, _ encoding: [String: JSONValue], filter: String? = nil,
    isNeeded: Bool = true, values: [JSONValue]? = nil
  ) -> JSONValue? {
    guard isNeeded else { return nil }
    var members: [String: JSONValue] = ["mark": mark, "encoding": .object(encoding)]
    if let filter { members["transform"] = [["filter": .string(filter)]] }
    if let values { members["data"] = ["values": .array(values)] }
    return .object(members)
  }

  /// Fields that a reader sees when pointing at a mark, with their titles.
  static func tooltip(_ fields: [(field: String, title: String)]) -> JSONValue {
    .array(fields.map { ["field": .string($0.field), "title": .string($0.title)] })
  }

  /// A share as per cent with as many digits as a chart can show.
  static func percent(_ share: Double?) -> JSONValue {
    JSONValue(share.map { (1e5 * $0).rounded() / 1e3 })
  }

  /// An ε, rounded up.
  static func epsilon(_ value: Double) -> JSONValue { .number((1e6 * value).rounded(.up) / 1e6) }

  static func rounded(_ value: Double?) -> JSONValue {
    JSONValue(value.map { (1e6 * $0).rounded() / 1e6 })
  }
}
