// Comparisons as tables for a paper: LaTeX and Markdown.

public import Analysis
import Formatting

extension Comparison {
  /// The tables for a Markdown page.
  public func markdown(by order: ComparisonOrder) -> [String] {
    blocks(by: order).flatMap { block in
      ["**\(Self.title(of: block).printable)**", ""] + block.table.markdown + [""]
    } + [
      "Accuracies in per cent, mean over n seeds (95 % interval); bold and *: best of its table."
    ] + (Self.allowedLegend(cells).map { ["", $0] } ?? [])
  }

  /// The tables for LaTeX, each in a float of its own; they need the package booktabs.
  public func latex(by order: ComparisonOrder) -> [String] {
    blocks(by: order).flatMap { block in
      ["\\begin{table}", "\\centering"] + block.table.latex
        + [
          "\\caption{\(Self.title(of: block).printable.latex). Accuracies in per cent, mean over $n$ seeds "
            + "(95\\,\\% interval); *: best of its table.}",
          "\\end{table}", "",
        ]
    } + (Self.allowedLegend(cells).map { [$0.latex] } ?? [])
  }

  private static func title(of block: ComparisonBlock) -> String {
    block.settings.isEmpty ? block.heading : "\(block.settings): \(block.heading)"
  }
}
