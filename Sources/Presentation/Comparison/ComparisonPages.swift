// Comparisons as tables for a paper: LaTeX and Markdown.

public import Analysis
import Formatting

extension Comparison {
  /// The tables for a Markdown page.
  public func markdown(by order: ComparisonOrder, spread: Spread = .interval) -> [String] {
    let tables = blocks(by: order, spread).flatMap { block -> [String] in
      ["**\(Self.title(of: block).printable)**", ""] + block.table.markdown + [""]
    }
    let legend = Self.allowedLegend(cells).map { ["", $0] } ?? []
    return tables + [
      "Accuracies in per cent, mean over n seeds (\(spread.words)); bold and *: best of its table."
    ] + legend
  }

  /// The tables for LaTeX, each in a float of its own; they need the package booktabs.
  public func latex(by order: ComparisonOrder, spread: Spread = .interval) -> [String] {
    // No line ends between a number and its sign.
    let words = spread.words.latex.replacing(" \\%", with: "\\,\\%")
    let tables = blocks(by: order, spread).flatMap { block -> [String] in
      let title = Self.title(of: block).printable.latex
      return ["\\begin{table}", "\\centering"] + block.table.latex
        + [
          "\\caption{\(title). Accuracies in per cent, mean over $n$ seeds (\(words)); *: best of its table.}",
          "\\end{table}", "",
        ]
    }
    return tables + (Self.allowedLegend(cells).map { [$0.latex] } ?? [])
  }

  private static func title(of block: ComparisonBlock) -> String {
    block.settings.isEmpty ? block.heading : "\(block.settings): \(block.heading)"
  }
}
