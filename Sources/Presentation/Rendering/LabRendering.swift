// Reports of the laboratory as text, as JSON, and as files: a CSV a table, a page with the charts.

import Formatting
package import Foundation
package import Laboratory
package import Scenarios
package import Store

extension LabReport {
  /// The tables and findings for a terminal.
  package func lines(colors: Bool) -> [String] {
    var lines: [String] = [TextStyle.bold.applied(to: title, colors: colors), ""]
    for table in tables where !table.isDetail {
      lines.append(TextStyle.bold.applied(to: table.title, colors: colors))
      var text = TextTable(
        table.columns.enumerated().map { ($1, $0 == 0 ? .left : .right) })
      for row in table.rows { text.add(row.map { TextTable.Cell($0.labText) }) }
      lines += text.lines(colors: colors) + [""]
    }
    for finding in findings {
      let verdict = finding.holds ? "holds" : "DOES NOT HOLD"
      let style: TextStyle = finding.holds ? .good : .bad
      lines.append(
        "\(finding.experiment) \(style.applied(to: verdict, colors: colors)): "
          + "\(finding.expectation) (\(finding.measured)).")
    }
    return lines + ["", caution]
  }

  package var document: JSONValue {
    [
      "name": .string(name), "title": .string(title),
      "tables": .array(
        tables.map { table in
          [
            "name": .string(table.name), "title": .string(table.title),
            "columns": .array(table.columns.map { .string($0) }),
            "rows": .array(table.rows.map { .array($0) }),
          ]
        }),
      "findings": .array(
        findings.map {
          [
            "experiment": .string($0.experiment), "expectation": .string($0.expectation),
            "measured": .string($0.measured), "holds": .bool($0.holds),
          ]
        }),
    ]
  }

  /// Writes a CSV for each table, `NAME.json` and `NAME.html` into a folder, which is made if it is not there.
  ///
  /// - Returns: the files.
  package func write(to folder: URL) throws(StoreError) -> [URL] {
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    } catch {
      throw .cannotWrite(path: folder.path, reason: StoreError.reason(of: error))
    }
    var files: [(name: String, text: String)] = tables.map { table in
      var csv = CSVTable(table.columns)
      for row in table.rows { csv.add(row) }
      return ("\(table.name).csv", csv.text)
    }
    files.append(("\(name).json", document.prettyText + "\n"))
    files.append(("\(name).html", page))
    var written: [URL] = []
    for file in files {
      let place = folder.appendingPathComponent(file.name)
      try AtomicFile.write(Data(file.text.utf8), to: place)
      written.append(place)
    }
    return written
  }

  private var page: String {
    func heading(_ text: String) -> String { "<h2>\(text.escaped)</h2>\n" }
    func row(_ cells: [String], _ mark: String) -> String {
      "<tr>" + cells.map { "<\(mark)>\($0.escaped)</\(mark)>" }.joined() + "</tr>\n"
    }
    var body = "<h1>\(title.escaped)</h1>\n" + heading("Findings") + "<ul>\n"
    for finding in findings {
      let verdict = finding.holds ? "holds" : "does not hold"
      let text =
        "\(finding.experiment) \(verdict): \(finding.expectation) (\(finding.measured))"
      body += "<li>\(text.escaped)</li>\n"
    }
    body += "</ul>\n"
    for chart in charts { body += heading(chart.title) + LabPlot(chart).svg }
    for table in tables {
      body += heading(table.title) + "<table>\n" + row(table.columns, "th")
      body += table.rows.map { row($0.map(\.labText), "td") }.joined() + "</table>\n"
    }
    return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      + "<title>\(title.escaped)</title>\n<style>\n\(LabPlot.style)</style>\n</head>\n<body>\n"
      + body + "</body>\n</html>\n"
  }
}

extension JSONValue {
  /// Four significant digits for people; files have them all.
  fileprivate var labText: String {
    switch self {
    case .number(let value): value.labText
    case .string(let text): text
    case .null: "–"
    default: text
    }
  }
}

extension Double {
  var labText: String {
    guard isFinite, self != 0 else { return self == 0 ? "0" : "\(self)" }
    if magnitude >= 1e6 || magnitude < 1e-4 { return String(format: "%.3g", self) }
    return String(format: "%.4g", self)
  }
}
