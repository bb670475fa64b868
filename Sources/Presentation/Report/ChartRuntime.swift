// The Vega runtime that draws the charts of a report: Vega, Vega-Lite and Vega-Embed in one script, which
// tools/setup takes from the Python package vl-convert-python.

public import Foundation
import Scenarios

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
    "<script>\n{\n\(script)\n}\n</script>\n<script>\n"
      + "const twins = \(Palette.twins.text);\n\(Self.drawing)</script>\n"
  }

  /// `draw(figure)` lays a chart out for the width that its figure has, by day or by night; it is called again when
  /// either changes.
  private static let drawing = """
    const dark = matchMedia("(prefers-color-scheme: dark)");
    // Colours of series become their twins; data and names stay as they are.
    function toned(value) {
      if (typeof value === "string") return twins[value] ?? value;
      if (Array.isArray(value)) return value.map(toned);
      if (value === null || typeof value !== "object") return value;
      const kept = ["data", "domain", "description", "sort"];
      return Object.fromEntries(
        Object.entries(value).map(([key, part]) => [key, kept.includes(key) ? part : toned(part)]));
    }
    function laid(specification, width, excess) {
      const layout = specification.usermeta.layout;
      if (width < 600) {
        Object.assign(specification.config.legend,
          { orient: "bottom", columns: width < 450 ? 1 : 2, labelLimit: width - 60 });
      }
      if (layout.width) {
        specification.width = Math.min(layout.width, width) - excess;
        specification.autosize = { type: "fit-x", contains: "padding" };
        return specification;
      }
      const gap = 24;
      const left = width < 600 ? Math.min(layout.left, 110) : layout.left;
      const columns = Math.max(1, Math.min(layout.columns,
        Math.floor((width - left + gap) / (layout.least + gap))));
      const share = Math.floor((width - left - (columns - 1) * gap) / columns);
      const panel = Math.max(80, Math.min(layout.most, share) - Math.ceil(excess / columns));
      specification.columns = columns;
      specification.config.header.labelLimit = panel;
      if (width < 600) specification.config.axisY = { labelLimit: 90 };
      if (specification.spec) specification.spec.width = panel;
      for (const view of specification.concat ?? []) view.width = panel;
      return specification;
    }
    async function draw(figure) {
      const picture = figure.querySelector(".picture");
      const text = figure.querySelector(".specification").textContent;
      const width = Math.floor(picture.getBoundingClientRect().width);
      if (width < 100) return;
      figure.drawnFor = width;
      try {
        // Labels have widths that only the drawn chart knows: what is too wide is drawn once more.
        for (let excess = 0, turn = 0; turn < 3; turn += 1) {
          figure.view?.finalize();
          const plain = laid(JSON.parse(text), width, excess);
          figure.view = await vegaEmbed(picture, dark.matches ? toned(plain) : plain, {
            renderer: "svg",
            actions: { export: true, source: false, compiled: false, editor: false },
          });
          const over = picture.querySelector("svg").getBoundingClientRect().width - width;
          if (over <= 0) break;
          excess += over;
        }
      } catch (error) {
        picture.textContent = "This chart could not be drawn: " + error;
        console.error(error);
      }
    }
    const figures = () => [...document.querySelectorAll("figure.chart")];
    figures().forEach(draw);
    dark.addEventListener("change", () => figures().forEach(draw));
    let waiting;
    addEventListener("resize", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => figures().filter((figure) => Math.floor(
        figure.querySelector(".picture").getBoundingClientRect().width) !== figure.drawnFor
      ).forEach(draw), 150);
    });
    // Paper shows what is folded; the screen gets back what it had.
    let folded = [];
    addEventListener("beforeprint", () => {
      folded = [...document.querySelectorAll("details:not([open]):not(.unprinted)")];
      for (const part of folded) part.open = true;
    });
    addEventListener("afterprint", () => { for (const part of folded) part.open = false; });

    """
}
