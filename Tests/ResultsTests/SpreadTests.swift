// Standard deviations in the tables of a comparison.

import Analysis
import Federation
import Formatting
import Foundation
import Presentation
import Store
import Testing

@Suite("Spread of seeds")
struct SpreadTests {
  @Test("standard deviations stand where intervals do, of every mean and of the gap")
  func spread() async throws {
    try await Grid.withStore { store in
      let comparison = try store.comparison()
      let own = try #require(
        comparison.cells.first { $0.method == "global" && $0.epsilon.label == "4" })
      func text(_ metric: RunMetric) throws -> String {
        let values = own.runs.compactMap { metric.value(of: $0.result) }
        let mean = Grid.mean(values)
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        return "\(NumberText.decimal(100 * mean, 1)) ± "
          + NumberText.decimal(100 * (squares / 2).squareRoot(), 1)
      }
      let lines = comparison.lines(by: .epsilon, spread: .standardDeviation, colors: false)
      #expect(lines.allSatisfy { $0.displayWidth <= 80 })
      let place = try #require(lines.firstIndex(of: "global"))
      let line = try #require(lines[place...].first { $0.hasPrefix("  4 ") })
      for metric in [
        RunMetric.worstClusterAccuracy, .minorityAccuracy, .clientMeanAccuracy, .accuracyGap,
      ] {
        #expect(try line.contains(text(metric)), "\(line)")
      }
      #expect(lines.contains { $0.contains("standard deviation (n − 1)") })
      let worst = try text(.worstClusterAccuracy)
      let markdown = comparison.markdown(by: .epsilon, spread: .standardDeviation)
      #expect(markdown.joined(separator: "\n").contains(worst))
      let latex = comparison.latex(by: .epsilon, spread: .standardDeviation)
        .joined(separator: "\n")
      #expect(latex.contains(worst.replacing("±", with: "$\\pm$")))
      #expect(latex.contains("($\\pm$ standard deviation, n $-$ 1)"))
      #expect(
        comparison.latex(by: .epsilon).joined(separator: "\n").contains("(95\\,\\% interval)"))
      let clusters = comparison.lines(by: .cluster, spread: .standardDeviation, colors: false)
      #expect(clusters.contains { $0.contains(" ± ") })
    }
  }
}
