// What shipped scenarios mean once read, and that the defaults are the documented ones.

import Datasets
import Foundation
import Scenarios
import Testing

@Suite("Scenario")
struct ScenarioTests {
  @Test("skewed-lora.json means what it says")
  func skewed() throws {
    let scenario = try Scenario(json: shippedData("skewed-lora.json"))
    #expect(scenario.name == "skewed-lora")
    #expect(scenario.clientCount == 21)
    #expect(scenario.population.clusters.map(\.clients) == [3, 6, 6, 6])
    #expect(scenario.population.clusters.map(\.shift.rotation) == [180, 0, 90, 270])
    #expect(scenario.population.clusters.map(\.minority) == [true, false, false, false])
    #expect(scenario.data.known == .fashionMNIST)
    #expect(scenario.data.publicExamples == 10_000)
    #expect(scenario.model.pretraining?.epochs == 3)
    #expect(scenario.adapter?.targetModules == ["conv2", "fc"])
    #expect(scenario.adapter?.aggregation == .ffaLoRA)
    guard let method = scenario.method.settings as? Scenario.RobustClustered else {
      Issue.record("the method is \(scenario.method.name)")
      return
    }
    #expect(method.numClusters == nil)
    #expect(method.candidateClusters == [2, 3, 4, 5, 6])
    #expect(method.firstRoundLearningRate == scenario.local.learningRate)
    #expect(
      scenario.trueClusters == [0, 0, 0] + [1, 2, 3].flatMap { Array(repeating: $0, count: 6) })
  }

  @Test("every shipped scenario is read", arguments: shippedNames)
  func shipped(_ name: String) throws {
    let scenario = try Scenario(json: shippedData(name))
    let clusters = scenario.population.clusters
    #expect(clusters.count { $0.minority } == (clusters.count > 1 ? 1 : 0))
    #expect(!scenario.description.isEmpty)
  }

  @Test("every file below scenarios/ but the schema is among the tested ones")
  func nothingForgotten() throws {
    let files = try #require(
      FileManager.default.enumerator(atPath: scenariosFolder.path)?.compactMap { $0 as? String })
    let scenarios = files.filter { $0.hasSuffix(".json") && $0 != "scenario.schema.json" }
    #expect(Set(scenarios) == Set(shippedNames))
  }

  static let smallest: JSONValue = [
    "name": "smallest", "rounds": 2, "data": ["name": "synthetic"],
    "population": [
      "clusters": [["name": "only", "clients": 2, "examples_per_client": 100]]
    ],
    "model": ["name": "mlp"], "local": ["batch_size": 10, "learning_rate": 0.1],
    "privacy": ["target_epsilon": .null], "method": ["name": "r-dpcfl"],
  ]

  @Test("the smallest scenario gets the documented defaults")
  func defaults() throws {
    let scenario = try Scenario(document: Self.smallest)
    #expect(scenario.seed == 0)
    #expect(scenario.cohortSize == nil)
    #expect(scenario.data.path == nil)
    #expect(scenario.data.publicExamples == 0)
    #expect(scenario.data.classes == 4 && scenario.data.features == 16)
    #expect(scenario.population.overlap == false)
    #expect(scenario.population.testExamplesPerClient == 200)
    #expect(scenario.population.labelSkew == nil && scenario.population.quantitySkew == nil)
    #expect((scenario.model.settings as? Scenario.Perceptron)?.hidden == [64])
    #expect(scenario.model.pretraining == nil && scenario.adapter == nil)
    #expect(scenario.local.duration == .epochs(1))
    #expect(scenario.local.maxPhysicalBatchSize == 64)
    #expect(scenario.privacy.budget.targetEpsilon == nil)
    #expect(scenario.privacy.budget.targetDelta == 1e-5)
    #expect(scenario.privacy.budget.maxGradNorm == 1)
    #expect(scenario.privacy.accountant == .best)
    #expect(scenario.evaluation.every == 1)
    guard let method = scenario.method.settings as? Scenario.RobustClustered else {
      Issue.record("the method is \(scenario.method.name)")
      return
    }
    #expect(method.variant == .asIntended && method.criterion == .separation)
    #expect(method.candidateClusters == [2])
    #expect(method.components == nil && method.mixtureStarts == 20)
    #expect(method.selection.epsilonRatio == 0.03 && method.selection.roundsRatio == 0.1)
    #expect(method.firstRoundNoiseRatio == 2 && method.firstRoundLearningRate == 0.1)
  }

  @Test("image sets give ten thousand examples to the public unless told otherwise")
  func publicShare() throws {
    let document = Self.smallest.setting(["data"], to: ["name": "mnist"])
    #expect(try Scenario(document: document).data.publicExamples == 10_000)
  }

  @Test("budgets are inherited from scenario to cluster to client")
  func budgets() throws {
    let scenario = try Scenario(json: shippedData("label-skew-budgets.json"))
    let epsilons = scenario.clients.map(\.budget.targetEpsilon)
    #expect(epsilons[0..<3] == [3, 3, 3])
    #expect(epsilons[3..<9].allSatisfy { $0 == 10 })
    #expect(epsilons[9..<15].allSatisfy { $0 == 5 })
    #expect(epsilons[15..<21] == [4, 4, 5, 5, 5, 8])
    #expect(scenario.clients.allSatisfy { $0.budget.targetDelta == 1e-4 })
    #expect(scenario.clients[20].exampleRange == 2000...2000)
    #expect(scenario.clients[0].exampleRange == 800...1200)
  }

  @Test("a partial budget of null epsilon means no privacy, one without epsilon inherits")
  func partialBudgets() throws {
    let cluster: [Step] = ["population", "clusters", 0]
    let document = Self.smallest.setting(["privacy", "target_epsilon"], to: 2)
      .setting(cluster + ["privacy"], to: ["max_grad_norm": 3])
      .setting(
        cluster + ["client_privacy"], to: [["target_epsilon": .null], ["target_delta": 0.01]])
    let clients = try Scenario(document: document).clients
    #expect(clients[0].budget.targetEpsilon == nil)
    #expect(clients[0].budget.maxGradNorm == 3)
    #expect(clients[1].budget.targetEpsilon == 2)
    #expect(clients[1].budget.targetDelta == 0.01)
  }

  @Test("a cluster's skew replaces the population's, and null switches it off")
  func skews() throws {
    let cluster: JSONValue = ["name": "b", "clients": 1, "examples_per_client": 50]
    let document = Self.smallest
      .setting(["population", "label_skew"], to: ["type": "dirichlet", "alpha": 0.5])
      .setting(
        ["population", "clusters"],
        to: [
          cluster, cluster.setting(["name"], to: "c").setting(["label_skew"], to: .null),
          cluster.setting(["name"], to: "d")
            .setting(["label_skew"], to: ["type": "shards", "per_client": 2]),
        ])
    let clusters = try Scenario(document: document).population.clusters
    #expect(clusters.map(\.labelSkew) == [.dirichlet(alpha: 0.5), nil, .shards(perClient: 2)])
  }

  @Test("the layers of every model are those an adapter may name, with their sides")
  func layers() throws {
    let images = try Scenario(json: shippedData("skewed-lora.json"))
    let sides = try #require(images.model.layers(for: images.data)).map { [$0.outputs, $0.inputs] }
    #expect(sides == [[16, 25], [32, 400], [10, 1568]])
    let table = try Scenario(
      document: Self.smallest.setting(["model", "hidden"], to: [20, 8]))
    let layers = try #require(table.model.layers(for: table.data))
    #expect(layers.map(\.name) == ["fc1", "fc2", "fc3"])
    #expect(layers.map(\.inputs) == [16, 20, 8])
  }
}
