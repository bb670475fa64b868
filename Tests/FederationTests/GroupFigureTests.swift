// Figures of groups of people and of two classes in a whole run.

import Clustering
import Datasets
import Federation
import Foundation
import Scenarios
import TestModels
import Testing

@Suite("Figures of groups")
struct GroupFigureTests {
  /// Rows of three wards whose label follows x; the sexes alternate, ages repeat.
  private func table() -> String {
    "ward,town,sex,age,x,y\n"
      + (0..<180).map { row in
        let x = Double((row * 37) % 101) / 50 - 1
        return
          "\(["n", "s", "w"][row % 3]),\(["up", "up", "down"][row % 3]),\(["f", "m"][row / 3 % 2]),\(20 + row * 7 % 60),\(x),"
          + "\(x + 0.3 * Double(row % 5 - 2) > 0 ? "yes" : "no")\n"
      }.joined()
  }

  private func run(
    workers: Int, groups: String, clusters: Bool = false
  ) async throws -> RunResult {
    let file = FileManager.default.temporaryDirectory
      .appendingPathComponent("dpflsim-\(UUID().uuidString).csv")
    defer { try? FileManager.default.removeItem(at: file) }
    try Data(table().utf8).write(to: file)
    let scenario = try Scenario(
      json: Data(
        """
        {"name": "t", "rounds": 3,
         "data": {"name": "csv", "path": "\(file.path)", "label_column": "y", "classes": ["no", "yes"],
                  "client_column": "ward", "test_fraction": 0.4, "drop_columns": ["sex", "age"\(clusters ? "" : ", \"town\"")],
                  "cluster_column": \(clusters ? "\"town\"" : "null"),
                  "columns": [{"column": "x", "kind": "numeric", "min": -1, "max": 1}],
                  "group_columns": \(groups)},
         "population": {}, "model": {"name": "logistic"},
         "local": {"batch_size": 10, "learning_rate": 0.5},
         "privacy": {"target_epsilon": 5, "target_delta": 1e-3}, "method": {"name": "global"}}
        """.utf8)
    ).askingItsTable(DatasetCatalog())
    return try await Simulation(
      scenario: scenario, catalog: DatasetCatalog(), options: SimulationOptions(workers: workers)
    ).run(observer: SilentObserver()).result
  }

  @Test("groups divide all test examples, and their figures add up to the clients'")
  func sums() async throws {
    let result = try await run(
      workers: 2, groups: #"["sex", {"column": "age", "bands": [40]}]"#)
    let attributes = try #require(result.groups)
    #expect(attributes.map(\.attribute) == ["sex", "age"])
    let tested = result.clients.reduce(0) { $0 + $1.testExamples }
    let right = result.clients.reduce(0.0) { $0 + $1.accuracy * Double($1.testExamples) }
    let loss = result.clients.reduce(0.0) { $0 + $1.loss * Double($1.testExamples) }
    for attribute in attributes {
      let groups = attribute.groups
      #expect(groups.reduce(0) { $0 + $1.testExamples } == tested)
      #expect(groups.reduce(0) { $0 + $1.trainExamples } == 180 - tested)
      let sum = groups.reduce(0.0) { $0 + ($1.accuracy ?? 0) * Double($1.testExamples) }
      #expect(abs(sum - right) < 1e-9)
      let lost = groups.reduce(0.0) { $0 + ($1.loss ?? 0) * Double($1.testExamples) }
      #expect(abs(lost - loss) < 1e-5)
      var confusion = [[0, 0], [0, 0]]
      for group in groups { group.confusion.add(to: &confusion) }
      var clients = [[0, 0], [0, 0]]
      for client in result.clients { client.confusion.add(to: &clients) }
      #expect(confusion == clients)
      let accuracies = groups.compactMap(\.accuracy)
      #expect(
        attribute.accuracyGap == (accuracies.max() ?? 0) - (accuracies.min() ?? 0))
    }
    #expect(result.clients.allSatisfy { ($0.scores?.auc ?? 0) > 0.5 })
    #expect((result.clusters[0].scores?.auc ?? 0) > 0.5)
  }

  @Test("within true clusters the groups add up to the clusters, and clusters to the groups")
  func clusters() async throws {
    let result = try await run(workers: 2, groups: #"["sex"]"#, clusters: true)
    let groups = try #require(result.groups?.first?.groups)
    #expect(result.clusters.map(\.name) == ["down", "up"])
    for (index, cluster) in result.clusters.enumerated() {
      let shares = groups.compactMap { $0.byCluster?[index] }
      #expect(shares.count == 2 && shares.allSatisfy { $0.cluster == cluster.name })
      let members = result.clients.filter { $0.cluster == index }
      #expect(
        shares.reduce(0) { $0 + $1.testExamples } == members.reduce(0) { $0 + $1.testExamples })
      let right = shares.reduce(0.0) { $0 + ($1.accuracy ?? 0) * Double($1.testExamples) }
      let expected = members.reduce(0.0) { $0 + $1.accuracy * Double($1.testExamples) }
      #expect(abs(right - expected) < 1e-6)
    }
    for group in groups {
      let shares = try #require(group.byCluster)
      #expect(shares.reduce(0) { $0 + $1.testExamples } == group.testExamples)
      let right = shares.reduce(0.0) { $0 + ($1.accuracy ?? 0) * Double($1.testExamples) }
      #expect(abs(right - (group.accuracy ?? 0) * Double(group.testExamples)) < 1e-6)
    }
    let plain = try await run(workers: 1, groups: #"["sex"]"#)
    #expect(plain.groups?.first?.groups.allSatisfy { $0.byCluster == nil } == true)
    let decoded = try JSONDecoder().decode(RunResult.self, from: JSONEncoder().encode(result))
    #expect(decoded.groups == result.groups)
  }

  @Test("any number of workers gives the same figures; they alter no digest")
  func sameFigures() async throws {
    let one = try await run(workers: 1, groups: #"["sex"]"#)
    let two = try await run(workers: 2, groups: #"["sex"]"#)
    let none = try await run(workers: 2, groups: "[]")
    #expect(one.groups == two.groups)
    #expect(one.clients == two.clients)
    #expect(none.groups == nil)
    #expect(none.clients.map(\.scores) == one.clients.map(\.scores))
    #expect(none.resultDigest == one.resultDigest)
  }
}
