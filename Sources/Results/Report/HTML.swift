// Text for HTML. Everything that comes from a scenario, a store or a machine goes through `escaped`.

extension String {
  /// The text with nothing in it that HTML or SVG would read as markup, also inside of attributes.
  var escaped: String {
    var text = ""
    for character in printable.unicodeScalars {
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

/// Pieces of a page.
enum HTML {
  static func heading(_ text: String) -> String { "<h2>\(text.escaped)</h2>\n" }
  static func paragraph(_ text: String) -> String { "<p>\(text.escaped)</p>\n" }

  static func list(_ items: [String]) -> String {
    "<ul>\n" + items.map { "<li>\($0.escaped)</li>\n" }.joined() + "</ul>\n"
  }

  /// - Parameter columns: a head for each column; those after the first hold numbers.
  static func table(_ columns: [String], _ rows: [[String]]) -> String {
    let head = columns.map { "<th scope=\"col\">\($0.escaped)</th>" }.joined()
    let body = rows.map { row in
      "<tr>" + row.map { "<td>\($0.escaped)</td>" }.joined() + "</tr>\n"
    }.joined()
    return "<div class=\"scroll\"><table><thead><tr>\(head)</tr></thead>\n"
      + "<tbody>\n\(body)</tbody></table></div>\n"
  }

  /// A chart with its caption and the numbers behind it.
  static func figure(_ svg: String, caption: String, data: String) -> String {
    "<figure>\n\(svg)<figcaption>\(caption.escaped)</figcaption>\n"
      + "<details><summary>The numbers of this chart</summary>\n\(data)</details>\n</figure>\n"
  }

  /// Legible in print, in the dark, and without colour vision: the palette is that of Okabe and Ito, and
  /// series differ in marks too.
  static let style = """
    :root { color-scheme: light dark; --ink: #1a1a1a; --paper: #ffffff; --faint: #6a6a6a;
      --line: #d0d0d0; --s0: #0072b2; --s1: #d55e00; --s2: #009e73; --s3: #cc79a7; --s4: #b38600;
      --s5: #3a9bd9; }
    @media (prefers-color-scheme: dark) { :root { --ink: #e8e8e8; --paper: #16181c;
      --faint: #a0a0a0; --line: #44484f; --s0: #56b4e9; --s1: #f08030; --s2: #2fc79a;
      --s3: #e29bc5; --s4: #f0e442; --s5: #b0b8ff; } }
    body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
      max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
    h1 { line-height: 1.2; } h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); }
    table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
    th, td { padding: .2rem .6rem; border-bottom: 1px solid var(--line); text-align: right; }
    th:first-child, td:first-child { text-align: left; } .scroll { overflow-x: auto; }
    figure { margin: 1.5rem 0; } figcaption, summary { color: var(--faint); font-size: .9rem; }
    svg { width: 100%; height: auto; } svg text { fill: var(--ink); font: 12px system-ui, sans-serif; }
    .grid { stroke: var(--line); } .s0 { --c: var(--s0); } .s1 { --c: var(--s1); }
    .s2 { --c: var(--s2); } .s3 { --c: var(--s3); } .s4 { --c: var(--s4); } .s5 { --c: var(--s5); }
    .path { stroke: var(--c); fill: none; stroke-width: 2; } .band { fill: var(--c); opacity: .15; }
    .mark { fill: var(--c); stroke: var(--paper); } pre { overflow-x: auto; font-size: .8rem; }
    @media print { body { max-width: none; margin: 0; } figure, table { break-inside: avoid; }
      details:not([open]) { display: none; } }

    """
}
