// Text for HTML. Everything that comes from a scenario, a store or a machine goes through `escaped` or
// `escapedJSON`.

import Scenarios

extension String {
  /// The text with nothing in it that HTML would read as markup, also inside of attributes.
  var escaped: String { printable.withoutMarkup }

  fileprivate var withoutMarkup: String {
    var text = ""
    for character in unicodeScalars {
      switch character {
      case "&": text += "&amp;"
      case "<": text += "&lt;"
      case ">": text += "&gt;"
      case "\"": text += "&quot;"
      case "'": text += "&#39;"
      default: text.unicodeScalars.append(character)
      }
    }
    return text
  }
}

extension JSONValue {
  /// Indented JSON as text of a page, which reads back as the same value: characters that a reader could
  /// not see are written as JSON writes them.
  var escapedJSON: String {
    prettyText.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      var text = ""
      for scalar in line.unicodeScalars {
        if String(scalar).printable == String(scalar) {
          text.unicodeScalars.append(scalar)
        } else {
          for unit in String(scalar).utf16 {
            let digits = String(unit, radix: 16)
            text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
          }
        }
      }
      return text.withoutMarkup
    }.joined(separator: "\n")
  }
}

/// Pieces of a page.
enum HTML {
  static func paragraph(_ text: String) -> String { "<p>\(text.escaped)</p>\n" }

  static func list(_ items: [String]) -> String {
    "<ul>\n" + items.map { "<li>\($0.escaped)</li>\n" }.joined() + "</ul>\n"
  }

  /// Terms with what they mean.
  static func definitions(_ items: [(term: String, text: String)]) -> String {
    "<dl>\n"
      + items.map { "<dt>\($0.term.escaped)</dt><dd>\($0.text.escaped)</dd>\n" }.joined()
      + "</dl>\n"
  }

  /// - Parameters:
  ///   - columns: a head for each column; those after the first hold numbers.
  ///   - best: cells that are set in bold, as row and column.
  static func table(
    _ columns: [String], _ rows: [[String]], best: Set<[Int]> = []
  ) -> String {
    let head = columns.map { "<th scope=\"col\">\($0.escaped)</th>" }.joined()
    let body = rows.enumerated().map { row, cells in
      "<tr>"
        + cells.enumerated().map { column, cell in
          best.contains([row, column])
            ? "<td><strong>\(cell.escaped)</strong></td>" : "<td>\(cell.escaped)</td>"
        }.joined() + "</tr>\n"
    }.joined()
    return "<div class=\"scroll\"><table><thead><tr>\(head)</tr></thead>\n"
      + "<tbody>\n\(body)</tbody></table></div>\n"
  }

  static func details(_ summary: String, _ content: String, isOpen: Bool = false) -> String {
    "<details\(isOpen ? " open" : "")><summary>\(summary.escaped)</summary>\n\(content)</details>\n"
  }

  /// A chart with its caption, the numbers behind it, and its specification, which the page's script
  /// reads from the very text that readers see.
  ///
  /// - Parameter isDrawn: whether the page has a script that draws; if not, the numbers stand open.
  static func figure(_ chart: ReportChart, isDrawn: Bool) -> String {
    "<figure class=\"chart\" id=\"\(chart.id.escaped)\">\n<div class=\"picture\"></div>\n"
      + "<figcaption>\(chart.caption.escaped)</figcaption>\n"
      + details("The numbers of this chart", table(chart.columns, chart.rows), isOpen: !isDrawn)
      + details(
        "Its specification (Vega-Lite)",
        "<pre class=\"specification\">\(chart.specification.escapedJSON)</pre>\n")
      + "</figure>\n"
  }

  /// Nothing but what stands in the file may be loaded, whatever a script tries.
  static let policy =
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    + "img-src data: blob:"

  /// Legible in print and in the dark. Text and lines of the charts take the colours of the page; the
  /// colours of the series suit both.
  static let style = """
    :root { color-scheme: light dark; --ink: #1b1d21; --paper: #ffffff; --faint: #5c6470;
      --line: #d9dce1; --soft: #f4f6f8; --accent: #0072b2; }
    @media (prefers-color-scheme: dark) { :root { --ink: #e6e8eb; --paper: #15171b;
      --faint: #a3abb6; --line: #3a3f47; --soft: #1e2127; --accent: #56b4e9; } }
    * { box-sizing: border-box; }
    body { font: 16px/1.55 system-ui, -apple-system, "Segoe UI", "Liberation Sans", sans-serif;
      color: var(--ink); background: var(--paper); max-width: 62rem; margin: 2.5rem auto;
      padding: 0 1.25rem 4rem; }
    h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 .3rem; overflow-wrap: anywhere; }
    .lead { color: var(--faint); margin: 0 0 1.5rem; }
    nav { font-size: .9rem; margin: 0 0 1.5rem; } nav a { margin-right: 1.1em; white-space: nowrap; }
    a { color: var(--accent); }
    h2 { font-size: 1.4rem; margin: 3rem 0 .8rem; padding-bottom: .3rem;
      border-bottom: 2px solid var(--line); }
    h3 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
    .findings { background: var(--soft); border-left: 4px solid var(--accent);
      padding: .8rem 1.2rem .8rem 2.4rem; margin: 0; } .findings li { margin: .4rem 0; }
    .notice { border: 1px solid var(--line); background: var(--soft); padding: .7rem 1rem; }
    table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .92rem; }
    th { color: var(--faint); font-weight: 600; vertical-align: bottom; }
    th, td { padding: .28rem .7rem; border-bottom: 1px solid var(--line); text-align: right; }
    td { white-space: nowrap; }
    th:first-child, td:first-child { text-align: left; padding-left: 0; }
    .words td { text-align: left; vertical-align: top; white-space: normal; } .words td:first-child { width: 34%; }
    .scroll { overflow-x: auto; }
    figure { margin: 1.2rem 0 2.2rem; } .picture { overflow-x: auto; }
    figcaption { color: var(--faint); font-size: .92rem; margin: .2rem 0 .4rem; max-width: 52rem; }
    summary { color: var(--faint); font-size: .88rem; cursor: pointer; }
    pre { overflow-x: auto; font-size: .78rem; line-height: 1.4; max-height: 26rem;
      background: var(--soft); padding: .8rem; }
    dt { font-weight: 600; margin-top: .5rem; } dd { margin: 0 0 0 1.2rem; }
    .picture svg { max-width: 100%; height: auto; }
    .picture svg text { fill: var(--ink); }
    .picture .role-axis-grid line { stroke: var(--line); }
    @media print { :root { --ink: #000; --paper: #fff; --faint: #333; --line: #bbb; --soft: #fff; }
      body { max-width: none; margin: 0; font-size: 11pt; } h2 { break-after: avoid; }
      figure, tr { break-inside: avoid; } nav, details:not([open]), .vega-embed details
      { display: none !important; } }

    """
}
