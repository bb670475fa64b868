// The Vega runtime that draws the charts of a report: Vega, Vega-Lite and Vega-Embed in one script, which
// tools/setup takes from the Python package vl-convert-python.

public import Foundation

/// The script that turns specifications into pictures, to be written into a page.
public struct ChartRuntime: Sendable {
  let script: String
  /// The first comment of the file: which versions it holds.
  let versions: String

  /// Reads the runtime.
  ///
  /// - Returns: nil if the file is not there, or is not a script that can stand in a page.
  public init?(file: URL) {
    guard let data = try? Data(contentsOf: file), let text = String(data: data, encoding: .utf8),
      text.contains("window.vegaEmbed"), !text.lowercased().contains("</script"),
      !text.contains("<!--"), text.hasPrefix("// "), let end = text.firstIndex(of: "\n")
    else { return nil }
    script = text
    versions = String(text[text.index(text.startIndex, offsetBy: 3)..<end])
  }

  /// Draws every specification of the page where it stands. The runtime's own names stay inside of a
  /// block, and links to the network are not offered.
  var elements: String {
    "<script>\n{\n\(script)\n}\n</script>\n<script>\n\(Self.drawing)</script>\n"
  }

  private static let drawing = """
    for (const figure of document.querySelectorAll("figure.chart")) {
      const specification = JSON.parse(figure.querySelector(".specification").textContent);
      vegaEmbed(figure.querySelector(".picture"), specification, {
        renderer: "svg",
        actions: { export: true, source: false, compiled: false, editor: false },
      }).catch((error) => {
        figure.querySelector(".picture").textContent = "This chart could not be drawn: " + error;
        console.error(error);
      });
    }

    """
}
