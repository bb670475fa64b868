// Text for HTML. Everything that comes from a scenario, a store or a machine goes through `escaped` or
// `escapedJSON`.

import Formatting
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

extension String {
  /// Prose for HTML: what stands between backticks is code.
  var marked: String {
    let parts = split(separator: "`", omittingEmptySubsequences: false).map(String.init)
    // A backtick without a partner stands for itself.
    guard parts.count > 1, !parts.count.isMultiple(of: 2) else { return escaped }
    return parts.enumerated().map { place, part in
      place.isMultiple(of: 2) ? part.escaped : "<code>\(part.escaped)</code>"
    }.joined()
  }
}

/// Pieces of a page.
enum HTML {
  static func paragraph(_ text: String) -> String { "<p>\(text.marked)</p>\n" }

  static func list(_ items: [String], of kind: String? = nil) -> String {
    "<ul\(kind.map { " class=\"\($0)\"" } ?? "")>\n"
      + items.map { "<li>\($0.marked)</li>\n" }.joined() + "</ul>\n"
  }

  /// - Parameters:
  ///   - columns: a head for each column; those after the first hold numbers.
  ///   - best: cells that are set in bold, as row and column.
  ///   - words: columns that hold words, besides the first.
  static func table(
    _ columns: [String], _ rows: [[String]], best: Set<[Int]> = [], words: Set<Int> = []
  ) -> String {
    func kind(_ column: Int) -> String { words.contains(column) ? " class=\"word\"" : "" }
    let head = columns.enumerated().map {
      "<th scope=\"col\"\(kind($0.offset))>\(Glossary.linked($0.element))</th>"
    }.joined()
    let body = rows.enumerated().map { row, cells in
      "<tr>"
        + cells.enumerated().map { column, cell in
          let text = cell.marked
          return "<td\(kind(column))>"
            + (best.contains([row, column]) ? "<strong>\(text)</strong>" : text) + "</td>"
        }.joined() + "</tr>\n"
    }.joined()
    return "<div class=\"scroll\" tabindex=\"0\"><table><thead><tr>\(head)</tr></thead>\n"
      + "<tbody>\n\(body)</tbody></table></div>\n"
  }

  /// - Parameter isPrinted: whether a printed page has it open.
  static func details(
    _ summary: String, _ content: String, isOpen: Bool = false, isPrinted: Bool = true
  ) -> String {
    "<details\(isPrinted ? "" : " class=\"unprinted\"")\(isOpen ? " open" : "")><summary>\(summary.escaped)</summary>\n\(content)</details>\n"
  }

  /// A chart with its caption, the numbers behind it, and its specification, which the page's script
  /// reads from the very text that readers see.
  ///
  /// - Parameter isDrawn: whether the page has a script that draws; if not, the numbers stand open.
  static func figure(_ chart: ReportChart, isDrawn: Bool) -> String {
    "<figure class=\"chart\" id=\"\(chart.id.escaped)\">\n<div class=\"picture\"></div>\n"
      + "<figcaption>\(Glossary.linked(chart.caption))</figcaption>\n"
      + details("The numbers of this chart", table(chart.columns, chart.rows), isOpen: !isDrawn)
      + details(
        "Its specification (Vega-Lite)",
        "<pre class=\"specification\">\(chart.specification.escapedJSON)</pre>\n", isPrinted: false)
      + "</figure>\n"
  }

  /// Nothing but what stands in the file may be loaded, whatever a script tries.
  static let policy =
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    + "img-src data: blob:"
}
