// The report: its sentences recomputed from the chosen accuracies, and nothing in it that runs.

import Foundation
import Results
import Testing

@Suite("Report")
struct ReportTests {
  @Test("the numbers of the findings are those of the runs")
  func findings() async throws {
    try await Grid.withStore { store in
      let findings = try store.comparison().findings
      for epsilon in Grid.epsilons {
        let start = epsilon.map { "With ε \(NumberText.exact($0))" } ?? "Without privacy"
        let best = try #require(findings.first { $0.hasPrefix(start + ":") })
        #expect(best.contains("of 2 methods r-dpcfl serves the worst-off cluster best"))
        #expect(best.contains("with \(NumberText.percent(Grid.worst("r-dpcfl", epsilon))) ("))
      }
      for epsilon in [1.0, 2, 4, 8] {
        let label = NumberText.exact(epsilon)
        let price = try #require(
          findings.first { $0.hasPrefix("Privacy at ε \(label) costs the clients of global ") })
        func lost(_ cluster: Int) -> Double {
          Grid.cluster(cluster, "global", nil) - Grid.cluster(cluster, "global", epsilon)
        }
        let mean = (2 * lost(0) + 3 * lost(1)) / 5
        func points(_ value: Double) -> String { NumberText.decimal(100 * value, 1) + " points" }
        #expect(price.contains("global \(points(mean)) of accuracy on average (n = 3)"))
        #expect(price.contains("minority clusters pay \(points(lost(0))), the others "))
        #expect(price.contains("the others \(points(lost(1)))"))
        let (worst, name) =
          lost(0) >= lost(1) ? (lost(0), "few, a minority,") : (lost(1), "many")
        #expect(price.contains("it costs \(name) most: \(points(worst))"))
        let known = try #require(
          findings.first { $0.contains("would change r-dpcfl at ε \(label) by ") })
        let better =
          (2 * (Grid.cluster(0, "oracle", epsilon) - Grid.cluster(0, "r-dpcfl", epsilon))
            + 3 * (Grid.cluster(1, "oracle", epsilon) - Grid.cluster(1, "r-dpcfl", epsilon))) / 5
        #expect(known.contains("by \(points(better)) on average (n = 3)"))
      }
      #expect(findings.contains { $0.contains("2 of 3 at ε 1, 2 of 3 at ε 2") })
      #expect(findings.contains { $0.hasPrefix("No cell has more than 3 seeds") })
      #expect(!findings.contains { $0.contains("oracle") })
    }
  }

  @Test("what comes from outside is text and nothing else; the page asks the network for nothing")
  func escaping() async throws {
    try await Grid.withStore { store in
      let page = try ReportPage(store.comparison(), in: store).html
      for mark in ["<script", "<i>machine", "<b>note", "http:", "https:", "src=", "href=", "url("] {
        #expect(!page.contains(mark), "\(mark)")
      }
      #expect(page.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"))
      #expect(page.contains("a &lt;i&gt;machine&lt;/i&gt;"))
      #expect(page.contains("&lt;b&gt;note&lt;/b&gt;"))
    }
  }

  @Test("every chart draws its marks, one a cell, round and client")
  func charts() async throws {
    try await Grid.withStore { store in
      let page = try ReportPage(store.comparison(), in: store).html
      for method in Grid.methods {
        for epsilon in Grid.epsilons {
          let label = epsilon.map { NumberText.exact($0) } ?? "none"
          #expect(page.contains("<title>\(method), ε \(label): "))
        }
      }
      for client in 0..<5 {
        #expect(page.contains("<title>client \(client): "))
        #expect(page.contains("<title>client \(client), "))
      }
      #expect(page.contains("assignments fixed after 1"))
      // Frontier, a price for each method, rounds, clustering, clients.
      #expect(page.components(separatedBy: "<svg ").count - 1 == 1 + 3 + 3)
      #expect(
        page.components(separatedBy: "<svg ").count == page.components(separatedBy: "</svg>").count)
      #expect(!page.contains("nan") && !page.contains("inf,"))
    }
  }

  @Test("a page of one run without partners stands by itself")
  func single() async throws {
    try await withFolder { folder in
      let store = try RunStore.open(folder.appendingPathComponent("s.sqlite"))
      try await Grid.store("global", nil, 0, in: store)
      let file = folder.appendingPathComponent("r.html")
      try ReportPage(store.comparison(), in: store).write(to: file)
      let page = try String(contentsOf: file, encoding: .utf8)
      #expect(page.contains("none for 5 of 5 clients"))
      #expect(page.hasSuffix("</html>\n"))
    }
  }
}
