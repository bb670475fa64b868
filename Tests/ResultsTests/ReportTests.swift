// The report: its sentences recomputed from the chosen accuracies, its specifications read back, and
// nothing in it that runs or leads outside.

import Analysis
import Clustering
import Formatting
import Foundation
import Presentation
import Scenarios
import Store
import Testing

@Suite("Report")
struct ReportTests {
  // MARK: - Findings

  private func points(_ share: Double) -> String { NumberText.decimal(100 * share, 1) }

  /// What privacy costs a cluster of a method on average over seeds.
  private func lost(_ method: String, _ epsilon: Double, _ cluster: Int) -> Double {
    Grid.cluster(cluster, method, nil) - Grid.cluster(cluster, method, epsilon)
  }

  /// Over clients: two of the minority, three others.
  private func mean(_ minority: Double, _ others: Double) -> Double {
    (2 * minority + 3 * others) / 5
  }

  /// Every sentence, written anew from the accuracies of the grid.
  private func expectedFindings() throws -> [String] {
    func place(_ epsilon: Double?) -> String {
      epsilon.map { "At ε \(NumberText.exact($0))" } ?? "Without privacy"
    }
    var sentences = try Grid.epsilons.map { epsilon in
      let worst = Grid.seeds.map { seed -> Double? in
        let all = Grid.accuracies("r-dpcfl", epsilon, seed)
        return min(Grid.mean(Array(all[0..<2])), Grid.mean(Array(all[2..<5])))
      }
      let estimate = try SeedEstimate.interval(worst)
      let mean = try #require(estimate.mean)
      // Confusions of the grid have two classes.
      return "\(place(epsilon)) the worst-off cluster is served best by r-dpcfl: \(points(mean)) % "
        + "(\(points(try #require(estimate.lower))) to \(points(try #require(estimate.upper))) %, n = 3)"
        + (mean <= 0.5 ? ", no better than guessing among 2 classes." : ".")
    }
    sentences.append(
      "The knee of the frontier is ε 2 with r-dpcfl: beyond it more ε buys less accuracy.")
    let (few, many) = (lost("r-dpcfl", 1, 0), lost("r-dpcfl", 1, 1))
    #expect(few > many)
    sentences += [
      "At ε 1 privacy costs the clients of r-dpcfl \(points(mean(few, many))) points on average (n = 3).",
      "At ε 1 privacy costs few (minority) most with r-dpcfl: \(points(few)) points (n = 3).",
      "At ε 1 privacy costs the minority \(points(few - many)) points more than the others with r-dpcfl (n = 3).",
      "r-dpcfl gave the minority a model of its own in 10 of 15 runs.",
    ]
    let gain = mean(
      Grid.cluster(0, "oracle", 1) - Grid.cluster(0, "r-dpcfl", 1),
      Grid.cluster(1, "oracle", 1) - Grid.cluster(1, "r-dpcfl", 1))
    sentences.append(
      "At ε 1 knowing the true clusters would change r-dpcfl by +\(points(gain)) points.")
    sentences.append(
      "No cell has more than 3 seeds: before 6 no difference between methods can reach a p-value of 0.05."
    )
    return sentences
  }

  @Test("every sentence of the findings, recomputed from the runs")
  func findings() async throws {
    try await Grid.withStore { store in
      let findings = try store.comparison().findings
      let expected = try expectedFindings()
      #expect(findings.count == expected.count)
      for (own, other) in zip(findings, expected) { #expect(own == other) }
      let page = try ReportPage(store.comparison(), in: store, runtime: nil).html
      #expect(page.contains("Noise comes from the seed: whoever knows it"))
      for sentence in expected {
        #expect(page.contains("<li>\(sentence)</li>"), "\(sentence)")
      }
    }
  }

  // MARK: - The page

  /// A runtime that draws nothing.
  private func runtime(_ folder: URL, script: String = "window.vegaEmbed = 0") throws
    -> ChartRuntime?
  {
    let file = folder.appendingPathComponent("vega.js")
    try Data("// Vega 0\n\(script)\n".utf8).write(to: file)
    return ChartRuntime(file: file)
  }

  /// The specifications of a page, read as its script reads them.
  private func specifications(_ page: String) throws -> [JSONValue] {
    let marks = [
      ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&"),
    ]
    return try page.components(separatedBy: "<pre class=\"specification\">").dropFirst().map {
      let text = try #require($0.components(separatedBy: "</pre>").first)
      let plain = marks.reduce(text) { $0.replacingOccurrences(of: $1.0, with: $1.1) }
      return try JSONValue(parsing: Data(plain.utf8))
    }
  }

  @Test("what comes from outside is text and nothing else; the page asks the network for nothing")
  func escaping() async throws {
    let hostile = "</script><script>alert(\"1\")</script>&amp;\u{202E}\u{1}'"
    try await withFolder { folder in
      let store = try RunStore.open(folder.appendingPathComponent("s.sqlite"))
      for epsilon in [2, nil] as [Double?] {
        for seed in Grid.seeds {
          try await Grid.store("r-dpcfl", epsilon, seed, few: hostile, in: store)
        }
      }
      for runtime in [nil, try runtime(folder)] {
        let page = try ReportPage(store.comparison(), in: store, runtime: runtime).html
        #expect(page.components(separatedBy: "<script").count - 1 == (runtime == nil ? 0 : 2))
        #expect(
          page.components(separatedBy: "<script").count
            == page.components(separatedBy: "</script").count)
        for mark in [
          "<i>machine", "<b>note", "src=", "url(", "<link", "<iframe", "\u{202E}", "\u{1}",
        ] {
          #expect(!page.contains(mark), "\(mark)")
        }
        // Links stay inside of the page, and the policy forbids everything else.
        #expect(
          page.components(separatedBy: "href=").count
            == page.components(separatedBy: "href=\"#").count)
        #expect(page.contains("Content-Security-Policy\" content=\"default-src 'none';"))
        #expect(page.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"))
        #expect(page.contains("a &lt;i&gt;machine&lt;/i&gt;"))
        #expect(page.contains("&lt;b&gt;note&lt;/b&gt;"))
        // In the specifications the name is data, whole and unchanged.
        let text = try specifications(page).map(\.text).joined()
        #expect(text.contains(JSONValue.string(hostile + " (minority)").text))
      }
    }
  }

  @Test("every chart has a specification with the numbers of its table, one row a mark")
  func charts() async throws {
    try await Grid.withStore { store in
      let page = try ReportPage(store.comparison(), in: store, runtime: nil).html
      let ids = page.components(separatedBy: "<figure class=\"chart\" id=\"").dropFirst().map {
        $0.components(separatedBy: "\"")[0]
      }
      // The rounds of the made-up runs are not evaluated before the second.
      #expect(
        ids == [
          "frontier", "prices", "clusters", "candidates", "clustering", "rounds", "clients",
          "spending",
        ])
      let specifications = try specifications(page)
      func rows(_ id: String) throws -> [JSONValue] {
        let index = try #require(ids.firstIndex(of: id))
        guard case .array(let rows)? = specifications[index]["data"]?["values"] else { return [] }
        return rows
      }
      #expect(try rows("frontier").count == Grid.methods.count * Grid.epsilons.count)
      #expect(try rows("clusters").count == 2 * Grid.methods.count * Grid.epsilons.count)
      #expect(try rows("prices").count == 2 * Grid.methods.count * 4)
      for (id, count) in [("clustering", 5), ("clients", 5), ("rounds", 2), ("candidates", 2)] {
        #expect(try rows(id).count == count, "\(id)")
      }
      for method in Grid.methods {
        for epsilon in Grid.epsilons {
          let label = epsilon.map { NumberText.exact($0) } ?? "none"
          let row = try #require(
            try rows("frontier").first {
              $0["method"] == .string(method) && $0["epsilon"] == .string(label)
            })
          guard case .number(let accuracy)? = row["accuracy"] else {
            Issue.record("no accuracy for \(method) at \(label)")
            continue
          }
          #expect(abs(accuracy - 100 * Grid.worst(method, epsilon)) < 0.001)
        }
      }
      let client = try rows("clients")[0]
      guard case .number(let without)? = client["without"],
        case .number(let own)? = client["accuracy"]
      else {
        Issue.record("\(client)")
        return
      }
      // The grid's privacy costs every client something.
      #expect(without > own)
      #expect(try rows("clustering")[3]["first_without_noise"] == 3)
    }
  }

  @Test("without a runtime the page says so and shows its tables; with one it draws")
  func withoutRuntime() async throws {
    try await withFolder { folder in
      let store = try RunStore.open(folder.appendingPathComponent("s.sqlite"))
      try await Grid.store("global", nil, 0, in: store)
      let file = folder.appendingPathComponent("r.html")
      try ReportPage(store.comparison(), in: store, runtime: nil).write(to: file)
      let page = try String(contentsOf: file, encoding: .utf8)
      #expect(page.contains("none for 5 of 5 clients") || page.contains("None for 5 of 5 clients"))
      #expect(page.contains("made without the Vega runtime"))
      #expect(page.contains("<details open><summary>The numbers of this chart</summary>"))
      #expect(page.hasSuffix("</html>\n"))
      let drawn = try ReportPage(store.comparison(), in: store, runtime: runtime(folder)).html
      #expect(drawn.contains("window.vegaEmbed = 0") && drawn.contains("<li>Charts: Vega 0.</li>"))
      #expect(!drawn.contains("<details open>") && !drawn.contains("without the Vega runtime"))
    }
  }

  @Test(
    "a file that cannot stand in a page is no runtime",
    arguments: [
      "", "window.vegaEmbed = '</script>'", "window.vegaEmbed = 1 // <!--", "nothing",
    ])
  func noRuntime(_ script: String) async throws {
    try await withFolder { folder in
      let refused = try runtime(folder, script: script)
      #expect(refused == nil)
      #expect(ChartRuntime(file: folder.appendingPathComponent("none.js")) == nil)
    }
  }

  // MARK: - The bound on guesses

  @Test(
    "no test that (ε, δ) allows guesses right more often than the bound",
    arguments: [(0, 0), (0.1, 0), (1, 1e-5), (3, 0.01), (8, 1e-4), (800, 0.5)] as [(Double, Double)]
  )
  func guesses(_ epsilon: Double, _ delta: Double) {
    let bound = MembershipBound.rightGuesses(epsilon: epsilon, delta: delta)
    var best = 0.0
    for step in 0...100_000 {
      let falsePositive = Double(step) / 100_000
      // TPR ≤ e^ε·FPR + δ, and the same for the complement of the test.
      let truePositive = min(
        exp(epsilon) * falsePositive + delta, 1 - exp(-epsilon) * (1 - falsePositive - delta), 1)
      best = max(best, (truePositive + 1 - falsePositive) / 2)
    }
    #expect(bound >= min(best, 1) - 1e-12 && bound <= best + 0.0011)
  }
}
