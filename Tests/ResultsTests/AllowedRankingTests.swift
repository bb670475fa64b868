// Cells that run only because a critical finding was allowed are the best of nothing.

import Analysis
import Foundation
import Presentation
import Scenarios
import Testing

extension AdviceTests {
  @Test(
    "an allowed budget is ranked nowhere: no finding, star, frontier or contrast; its marks are hollow"
  )
  func allowedIsUnranked() async throws {
    var pages: [String] = []
    let comparison = try await comparison(
      [
        ("r-dpcfl", 2, [0.9, 0.95]), ("ifca", 2, [0.65, 0.7]), ("global", 2, [0.6, 0.8]),
        ("r-dpcfl", nil, [0.95, 0.95]),
      ], allowed: [0]
    ) { pages.append($0) }
    let findings = comparison.findings
    #expect(
      findings.first
        == "At ε 2 the worst-off cluster is served best by ifca: 65.1 % (64.9 to 65.3 %, n = 3).")
    #expect(
      findings.contains(
        "Left out of these: the check refuses 1 combination, which ran because DP102 was allowed by name, so the ε there "
          + "says little."))
    #expect(!findings.contains { $0.contains("At ε 2 knowing") })
    let settings = try #require(comparison.settings.first)
    #expect(comparison.frontier(settings: settings).map(\.method) == ["ifca", "r-dpcfl"])
    #expect(comparison.frontier(settings: settings).last?.epsilon.isNone == true)
    guard case .array(let points)? = comparison.document["frontiers"]?[0]?["points"] else {
      Issue.record("no frontier")
      return
    }
    #expect(points.map { $0["epsilon"] } == ["2", "none"])
    #expect(comparison.contrasts().map(\.other) == ["global"])
    for spread in Spread.allCases {
      let lines = comparison.lines(by: .method, spread: spread, colors: false)
      let line = try #require(lines.first { $0.contains("r-dpcfl !") })
      #expect(!line.contains("*"))
      #expect(try #require(lines.first { $0.contains("ifca") }).contains(" *"))
      // Wherever the lines break.
      let words = lines.flatMap { $0.split(separator: " ") }.joined(separator: " ")
      #expect(words.contains("is called the best nowhere"))
    }
    let rows = comparison.csv.split(separator: "\n")
    #expect(rows.first?.hasSuffix(",standard_deviation,allowed") == true)
    #expect(rows.contains { $0.contains("r-dpcfl,2,") })
    for row in rows.dropFirst() {
      #expect(row.hasSuffix(",DP102") == row.contains("r-dpcfl,2,"), "\(row)")
    }
    let page = try #require(pages.first)
    #expect(page.contains("Its mark is hollow, and no line leads there."))
    #expect(page.contains("&quot;epsilon&quot;: &quot;2 !&quot;"))
    #expect(page.contains("<td>r-dpcfl !</td>") && page.contains("<td>2 !</td>"))
    #expect(!page.contains("<strong>90.1"))
  }
}
