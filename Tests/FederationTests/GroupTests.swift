// Clusters that take the examples of chosen groups: a scenario's names become the data set's groups.

import Datasets
import Federation
import Foundation
import Scenarios
import Testing

private let catalog = DatasetCatalog(
  projectFolder: URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent())

private func scenario(_ data: String, groups: [String]) throws -> Scenario {
  let clusters = groups.enumerated().map { index, name in
    #"{"name": "c\#(index)", "clients": 2, "examples_per_client": 50, "groups": ["\#(name)"]}"#
  }
  return try Scenario(
    json: Data(
      """
      {"name": "groups", "rounds": 1, "data": \(data), "model": {"name": "logistic"},
       "population": {"test_examples_per_client": 10, "label_skew": {"type": "balanced"},
                      "clusters": [\(clusters.joined(separator: ", "))]},
       "local": {"batch_size": 10, "learning_rate": 0.1}, "privacy": {"target_epsilon": null},
       "method": {"name": "global"}}
      """.utf8))
}

@Suite("Groups of clusters")
struct GroupTests {
  @Test("a data set without groups has none to choose from")
  func none() throws {
    let scenario = try scenario(#"{"name": "synthetic"}"#, groups: ["women"])
    #expect(scenario.population.clusters[0].groups == ["women"])
    #expect(scenario.population.clusters[0].labelSkew == .balanced)
    let error = #expect(throws: DatasetError.self) {
      try Population(scenario: scenario, catalog: catalog)
    }
    #expect(error.map { "\($0)" }?.contains("'women' is no group of synthetic") == true)
  }

  @Test(
    "clients of each sex, with both incomes alike",
    .enabled(if: catalog.folder(of: .adult) != nil, "tools/data adult was not run"))
  func adult() throws {
    let scenario = try scenario(#"{"name": "adult"}"#, groups: ["Male", "Female"])
    let population = try Population(scenario: scenario, catalog: catalog)
    for client in population.clients {
      let name = client.cluster == 0 ? "Male" : "Female"
      let wanted = population.dataset.groupNames.firstIndex(of: name)
      #expect((0..<client.train.count).allSatisfy { client.train.group(at: $0) == wanted })
      #expect((0..<client.train.count).count { client.train.label(at: $0) == 1 } == 25)
      #expect((0..<client.test.count).allSatisfy { client.test.group(at: $0) == wanted })
    }
  }
}
