// Comparisons against figures computed by brute force from the accuracies that were stored.

import Analysis
import Clustering
import Federation
import Formatting
import Foundation
import GRDB
import Presentation
import Scenarios
import Store
import TestSupport
import Testing

@Suite("Comparison")
struct ComparisonTests {
  private func cell(
    _ comparison: Comparison, _ method: String, _ epsilon: Double?
  ) throws -> ComparisonCell {
    let label = epsilon.map { NumberText.exact($0) } ?? "none"
    return try #require(
      comparison.cells.first { $0.method == method && $0.epsilon.label == label })
  }

  @Test("a run that proved to cost more than its target stands at what it proved, rounded up")
  func proven() async throws {
    try await Grid.withStore { store in
      try await Grid.store("ifca", 5, 0, proven: 6.35879, in: store)
      try await Grid.store("ifca", 5, 1, proven: 6.1, in: store)
      try await Grid.store("ifca", 2, 0, proven: 1.9, in: store)
      let cells = try store.comparison().cells.filter { $0.method == "ifca" }
      // Seeds stay together, at the largest of them.
      #expect(Set(cells.map(\.epsilon.label)) == ["6.359", "2"] && cells.count == 2)
    }
  }

  @Test("means over seeds, of clusters and of the worst one")
  func means() async throws {
    try await Grid.withStore { store in
      let comparison = try store.comparison()
      #expect(comparison.cells.count == Grid.methods.count * Grid.epsilons.count)
      for method in Grid.methods {
        for epsilon in Grid.epsilons {
          let cell = try cell(comparison, method, epsilon)
          #expect(cell.seeds == Grid.seeds)
          let worst = cell.estimate(.worstClusterAccuracy)
          #expect(worst.count == 3)
          #expect(isClose(try #require(worst.mean), Grid.worst(method, epsilon)))
          #expect(
            isClose(
              try #require(cell.estimate(.minorityAccuracy).mean), Grid.cluster(0, method, epsilon))
          )
          for cluster in 0...1 {
            #expect(
              isClose(
                try #require(cell.accuracy(ofCluster: cluster).mean),
                Grid.cluster(cluster, method, epsilon)))
          }
        }
      }
    }
  }

  @Test("price of privacy and of mistakes, paired by seed")
  func prices() async throws {
    try await Grid.withStore { store in
      let comparison = try store.comparison()
      let own = try cell(comparison, "r-dpcfl", 2)
      let price = try #require(comparison.priceOfPrivacy(own))
      let mistakes = try #require(comparison.priceOfMistakes(own))
      for cluster in 0...1 {
        #expect(
          isClose(
            try #require(price.cost.clusters[cluster].mean),
            Grid.cluster(cluster, "r-dpcfl", nil) - Grid.cluster(cluster, "r-dpcfl", 2)))
        #expect(
          isClose(
            try #require(mistakes.clusters[cluster].mean),
            Grid.cluster(cluster, "oracle", 2) - Grid.cluster(cluster, "r-dpcfl", 2)))
      }
      let unfairness = Grid.seeds.map { seed -> Double in
        let differences = zip(
          Grid.accuracies("r-dpcfl", nil, seed), Grid.accuracies("r-dpcfl", 2, seed)
        ).map { $0 - $1 }
        return (differences.max() ?? 0) - (differences.min() ?? 0)
      }
      #expect(isClose(try #require(price.accuracyUnfairness.mean), Grid.mean(unfairness)))
      #expect(isClose(try #require(price.lossUnfairness.mean), Grid.mean(unfairness)))
      #expect(price.cost.pairs == 3)
      let reference = try cell(comparison, "r-dpcfl", nil)
      #expect(comparison.priceOfPrivacy(reference) == nil)
      #expect(comparison.priceOfMistakes(try cell(comparison, "oracle", 2)) == nil)
    }
  }

  @Test("a seed without its partner drops out of the pairs and not of the mean")
  func missingPartner() async throws {
    try await withFolder { folder in
      let store = try RunStore.open(folder.appendingPathComponent("s.sqlite"))
      for seed in Grid.seeds { try await Grid.store("global", 1, seed, in: store) }
      try await Grid.store("global", nil, 1, in: store)
      let comparison = try store.comparison()
      let own = try cell(comparison, "global", 1)
      let price = try #require(comparison.priceOfPrivacy(own))
      #expect(own.runs.count == 3)
      #expect(price.cost.pairs == 1)
      #expect(price.cost.clientMean.lower == nil)
      let difference =
        Grid.mean(Grid.accuracies("global", nil, 1)) - Grid.mean(Grid.accuracies("global", 1, 1))
      #expect(isClose(try #require(price.cost.clientMean.mean), difference))
    }
  }

  @Test("the frontier holds exactly what nothing dominates, and the knee lies on it")
  func frontier() async throws {
    try await Grid.withStore { store in
      let comparison = try store.comparison()
      let all = ["r-dpcfl", "global"].flatMap { method in
        Grid.epsilons.map { epsilon in
          (method: method, epsilon: epsilon ?? .infinity, worst: Grid.worst(method, epsilon))
        }
      }
      let expected = all.filter { point in
        !all.contains { other in
          other.epsilon <= point.epsilon && other.worst >= point.worst
            && (other.epsilon < point.epsilon || other.worst > point.worst)
        }
      }.sorted { $0.epsilon < $1.epsilon }
      let frontier = comparison.frontier(settings: "")
      #expect(frontier.map(\.method) == expected.map(\.method))
      #expect(frontier.map(\.epsilon.high) == expected.map(\.epsilon))
      let finite = expected.filter { $0.epsilon.isFinite }
      let (first, last) = (try #require(finite.first), try #require(finite.last))
      let knee = finite.max { a, b in
        func rise(_ point: (method: String, epsilon: Double, worst: Double)) -> Double {
          (point.worst - first.worst) / (last.worst - first.worst)
            - (log(point.epsilon) - log(first.epsilon)) / (log(last.epsilon) - log(first.epsilon))
        }
        return rise(a) < rise(b)
      }
      #expect(Comparison.knee(of: frontier)?.epsilon.high == knee?.epsilon)
      #expect(Comparison.knee(of: Array(frontier.prefix(2))) == nil)
    }
  }

  @Test("methods are compared seed by seed; three seeds cannot go below p = 0.25")
  func contrasts() async throws {
    try await Grid.withStore { store in
      let contrasts = try store.comparison().contrasts()
      #expect(contrasts.count == Grid.epsilons.count)
      for contrast in contrasts {
        #expect(contrast.best == "r-dpcfl")
        #expect(contrast.other == "global")
        #expect(contrast.comparison.pValue == 0.25)
      }
    }
  }

  @Test("every line fits eighty columns, and the best value is marked")
  func lines() async throws {
    try await Grid.withStore { store in
      let comparison = try store.comparison()
      for order in [ComparisonOrder.method, .epsilon, .cluster] {
        let lines = comparison.lines(by: order, colors: false)
        #expect(lines.allSatisfy { $0.displayWidth <= 80 })
      }
      let own = NumberText.decimal(100 * Grid.worst("r-dpcfl", 1), 1)
      let line = try #require(
        comparison.lines(by: .method, colors: false).first { $0.contains("r-dpcfl") })
      #expect(line.contains("\(own) ("))
      #expect(line.contains(" *"))
    }
  }

  @Test("what clustering did, candidate by candidate, and who ended in the wrong place")
  func diagnostics() async throws {
    try await Grid.withStore { store in
      let comparison = try store.comparison()
      let own = try #require(try cell(comparison, "r-dpcfl", 4).clusteringDiagnostics)
      #expect(own.runs == 3 && own.detections == (2, 3) && own.switchRounds == 1...3)
      #expect(isClose(try #require(own.ari.mean), 2.5 / 3))
      #expect(own.candidates.map(\.clusters) == [2, 3] && own.candidates.map(\.chosen) == [2, 1])
      #expect(isClose(try #require(own.candidates[0].minSeparationScore.mean), 6))
      #expect(isClose(try #require(own.candidates[0].emIterations.mean), 8))
      #expect(own.candidates[1].minSeparationScore.count == 1)
      #expect(own.candidates[1].emIterations.mean == nil)
      #expect(own.misassigned.map(\.name) == ["client 1 of few", "client 4 of many"])
      #expect(own.misassigned.allSatisfy { $0.seeds == [2] })
      #expect(try cell(comparison, "global", 4).clusteringDiagnostics == nil)
      let text = comparison.lines(by: .cluster, colors: false)
        .map { $0.drop { $0 == " " } }.joined(separator: " ")
      #expect(text.contains("minority with a model of its own in 2 of 3 seeds"))
      #expect(text.contains("client 1 of few (seed 2), client 4 of many (seed 2)"))
      guard case .array(let cells)? = comparison.document["cells"] else {
        Issue.record("no cells")
        return
      }
      let document = try #require(
        cells.first { $0["method"] == "r-dpcfl" && $0["epsilon"] == "4" })["clustering"]
      #expect(document?["detection"]?["found"] == 2 && document?["switch_round"]?["last"] == 3)
    }
  }

  @Test("JSON and CSV say the same")
  func documents() async throws {
    try await Grid.withStore { store in
      let comparison = try store.comparison()
      let rows = comparison.csv.split(separator: "\n").map { $0.split(separator: ",") }
      let row = try #require(
        comparison.csv.split(separator: "\n").first {
          $0.hasPrefix(",global,8,worst_cluster_accuracy,,3,")
        })
      // The settings and the cluster are empty, and so is what was allowed.
      let fields = row.split(separator: ",", omittingEmptySubsequences: false)
      #expect(fields.count == 11 && fields[10].isEmpty)
      let mean = try #require(Double(fields[6]))
      #expect(isClose(mean, Grid.worst("global", 8)))
      #expect(rows.count > 100)
      guard case .array(let cells)? = comparison.document["cells"] else {
        Issue.record("no cells")
        return
      }
      let cell = try #require(
        cells.first { $0["method"] == "global" && $0["epsilon"] == "8" })
      let metric = try #require(cell["metrics"]?["worst_cluster_accuracy"])
      #expect(metric["mean"] == .number(mean))
      #expect(metric["standard_deviation"]?.double == Double(fields[9]))
    }
  }

  @Test("runs of another build or of other data are cells of their own, and are not paired")
  func identities() async throws {
    try await withFolder { folder in
      let file = folder.appendingPathComponent("s.sqlite")
      let store = try RunStore.open(file)
      for epsilon in [1, nil] as [Double?] {
        for seed in 0..<3 as Range<UInt64> {
          try await Grid.store("global", epsilon, seed, in: store)
        }
      }
      let one = try store.comparison()
      #expect(one.cells.map(\.runs.count) == [3, 3] && one.settings == [""])
      for (column, place) in [("build", "build="), ("data_hash", "data_hash=")] {
        try await DatabaseQueue(path: file.path).write {
          try $0.execute(
            sql: "UPDATE runs SET \(column) = ? WHERE seed = 2",
            arguments: [String(repeating: "7", count: 64)])
        }
        let two = try store.comparison()
        #expect(two.cells.map(\.runs.count).sorted() == [1, 1, 2, 2])
        #expect(two.settings.count == 2)
        #expect(two.settings.contains { $0.contains(place + "777777777777") })
        try await DatabaseQueue(path: file.path).write {
          try $0.execute(
            sql: "UPDATE runs SET build = (SELECT build FROM runs WHERE seed = 0), data_hash = NULL"
          )
        }
      }
      #expect(try store.comparison().cells.map(\.runs.count) == [3, 3])
    }
  }

  @Test("equal data in another folder are no other setting; long values are cut and stay apart")
  func places() async throws {
    try await withFolder { folder in
      let file = folder.appendingPathComponent("s.sqlite")
      let store = try RunStore.open(file)
      for seed in 0..<2 as Range<UInt64> { try await Grid.store("global", 1, seed, in: store) }
      func set(_ key: String, _ values: [String], hashes: [String]) async throws {
        try await DatabaseQueue(path: file.path).write { database in
          for seed in 0..<2 {
            try database.execute(
              sql: """
                UPDATE runs SET scenario_json = json_set(scenario_json, ?, ?), data_hash = ?
                WHERE seed = ?
                """,
              arguments: [
                "$.data.\(key)", values[seed], String(repeating: hashes[seed], count: 64), seed,
              ])
          }
        }
      }
      try await set("path", ["a.csv", "there/a.csv"], hashes: ["7", "7"])
      let equal = try store.comparison()
      #expect(equal.settings == [""] && equal.cells.map(\.runs.count) == [2])
      try await set("path", ["a.csv", "there/a.csv"], hashes: ["7", "8"])
      #expect(try store.comparison().settings.contains { $0.contains("data.path=there/a.csv") })

      let long = String(repeating: "category, ", count: 30)
      try await set("path", ["a.csv", "a.csv"], hashes: ["7", "7"])
      try await set("list", [long + "a", long + "b"], hashes: ["7", "7"])
      let cut = try store.comparison()
      #expect(cut.settings.count == 2 && cut.cells.count == 2)
      #expect(cut.settings.allSatisfy { $0.contains("…") && $0.count < 80 })
    }
  }

  @Test("a repeated run counts once")
  func repeated() async throws {
    try await withFolder { folder in
      let store = try RunStore.open(folder.appendingPathComponent("s.sqlite"))
      let early = try await Grid.store("global", 1, 0, in: store)
      let late = try await Grid.store("global", 1, 0, in: store)
      let comparison = try store.comparison()
      #expect(comparison.cells.map { $0.runs.count } == [1])
      #expect([early, late].contains(comparison.cells[0].runs[0].runID))
      #expect(
        try store.finishedRun(
          of: RunIdentity(
            scenarioHash: Grid.scenario("global", 1, 0).hash, dataHash: nil,
            build: BuildIdentity.of(.portable)))
          == comparison.cells[0].runs[0].runID)
    }
  }
}
