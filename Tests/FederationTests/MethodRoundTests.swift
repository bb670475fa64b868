// A round of each method on numbers small enough for the hand: what the server asks, and how its models move.

import Datasets
import Federation
import Foundation
import Learning
import Scenarios
import Testing

@Suite("Rounds of methods by hand")
struct MethodRoundTests {
  /// A run's server without a run: models hold one number that counts, and zeros.
  private struct Server {
    let context: MethodContext
    let method: any FederatedMethod
    var state: FederatedState

    /// - Parameter clients: of the three true clusters.
    init(_ method: String, clients: [Int] = [1, 2, 1], _ changes: String...) throws {
      let scenario = try Scenario(
        json: Data(contentsOf: packageFolder.appendingPathComponent("scenarios/tiny.json")),
        overrides: ["method=\(method)", "local.learning_rate=1", "privacy.target_epsilon=null"]
          + clients.enumerated().map { "population.clusters[\($0)].clients=\($1)" } + changes)
      let population = try Population(scenario: scenario, catalog: DatasetCatalog(places: []))
      context = MethodContext(
        scenario: scenario, plan: population.plan, clients: population.clients,
        schedule: CohortSchedule(
          clients: population.clients.count, rounds: scenario.rounds,
          cohortSize: scenario.cohortSize, seed: scenario.seed),
        initial: [Float](repeating: 0, count: population.plan.trainableCount))
      self.method = try #require(scenario.method.settings as? any RunnableMethod).makeMethod()
      state = self.method.start(context)
    }

    func vector(_ first: Float, _ second: Float = 0) -> [Float] {
      [first, second] + [Float](repeating: 0, count: context.initial.count - 2)
    }

    /// The first numbers of all models.
    var firsts: [Float] { state.models.map { $0[0] } }

    mutating func fold(
      _ sent: [(client: Int, model: Int, delta: [Float])], round: Int
    ) throws {
      let updates = sent.map { client, model, delta in
        ClientUpdate(client: client, model: model, delta: delta, norm: 1, steps: 1)
      }
      try method.fold(updates, means: nil, round: round, into: &state, context: context)
    }

    /// Clients 0, 1, … send these, each to the model it is assigned to.
    mutating func fold(_ deltas: [Float], round: Int) throws {
      try fold(
        deltas.enumerated().map { ($0, state.assignment[$0], vector($1)) }, round: round)
    }

    /// One step of a client's task from θ by a gradient, and what draws or corrects it.
    func step(_ task: ClientTask, from theta: Float, gradient: Float, rate: Float) -> Float {
      var theta = vector(theta - rate * gradient)
      task.regularizer?.pull(&theta, learningRate: rate)
      return theta[0]
    }
  }

  @Test(
    "global moves by the mean of all, oracle by that of each true cluster, local by each client's own"
  )
  func baselines() throws {
    var global = try Server(#"{"name": "global"}"#)
    try global.fold([1, 2, 6, 3], round: 0)
    #expect(global.firsts == [3])
    var oracle = try Server(#"{"name": "oracle"}"#)
    try oracle.fold([1, 2, 6, -1], round: 0)
    #expect(oracle.firsts == [1, 4, -1])
    var local = try Server(#"{"name": "local"}"#)
    // Client 2 is absent.
    try local.fold(
      [0, 1, 3].map { ($0, $0, local.vector(Float($0) + 1)) }, round: 0)
    #expect(local.firsts == [1, 2, 0, 4])
    #expect(
      try local.method.tasks(round: 1, state: local.state, context: local.context).tasks
        .allSatisfy { $0.model == $0.client && !$0.sendsUpdate })
  }

  @Test("k-means puts opposite updates apart, and each cluster moves by its own mean")
  func kMeans() throws {
    var server = try Server(#"{"name": "k-means", "num_clusters": 2}"#)
    try server.fold([3, 3, -3, -3], round: 0)
    // The first round clusters alone: both models are the common start.
    #expect(server.firsts == [0, 0])
    let labels = Array(server.state.assignment)
    #expect(labels[0] == labels[1] && labels[2] == labels[3] && labels[0] != labels[2])
    try server.fold([1, 3, -2, -4], round: 1)
    #expect(server.firsts[labels[0]] == 2 && server.firsts[labels[2]] == -3)
  }

  @Test("mbc puts updates by their cosines together, and clusters begin with what was trained")
  func modelClusters() throws {
    var server = try Server(
      #"{"name": "mbc", "num_clusters": 2, "first_round": "training", "zeroed_share": 0}"#)
    try server.fold([1, 3, -2, -4], round: 0)
    let labels = Array(server.state.assignment)
    #expect(labels[0] == labels[1] && labels[2] == labels[3] && labels[0] != labels[2])
    #expect(server.firsts[labels[0]] == 2 && server.firsts[labels[2]] == -3)
  }

  @Test("IFCA: choices decide who moves which model; whoever is absent stays")
  func ifca() throws {
    var server = try Server(#"{"name": "ifca", "num_clusters": 2}"#)
    server.state.models = [server.vector(0), server.vector(10)]
    try server.fold(
      [(0, 0, server.vector(1)), (1, 1, server.vector(2)), (2, 1, server.vector(4))], round: 0)
    #expect(server.firsts == [1, 13])
    #expect(Array(server.state.assignment) == [0, 1, 1, 0])
  }

  @Test("IFCA: a client chooses in the first rounds that it is drawn for, and in no other")
  func choicesOfCohorts() throws {
    let server = try Server(
      #"{"name": "ifca", "num_clusters": 2, "selection_rounds_ratio": 0.1}"#, clients: [4, 4, 4],
      "rounds=20", "cohort_size=3")
    var choices = [Int](repeating: 0, count: 12)
    var seen = Set<Int>()
    for round in 0..<20 {
      let work = try server.method.tasks(
        round: round, state: server.state, context: server.context)
      for task in work.tasks {
        // Two of twenty rounds.
        #expect((task.selection != nil) == (choices[task.client] < 2))
        if task.selection != nil { choices[task.client] += 1 }
        seen.insert(task.client)
      }
    }
    #expect(seen.allSatisfy { choices[$0] > 0 })
    for client in server.context.clients {
      #expect(
        choices[client.index]
          == min(2, server.context.schedule.participations(of: client.index)))
    }
  }

  @Test("Ditto: global and personal rounds take turns, and the personal ones are drawn to w")
  func ditto() throws {
    var server = try Server(#"{"name": "ditto", "lambda": 0.5}"#, clients: [1, 1, 1])
    try server.fold([2, -1, 0.5].enumerated().map { ($0, 0, server.vector($1)) }, round: 0)
    #expect(server.firsts == [0.5, 0, 0, 0])
    #expect(Array(server.state.assignment) == [1, 2, 3])
    let tasks = try server.method.tasks(round: 1, state: server.state, context: server.context)
      .tasks
    // v ← v − η g, then v ← v − ηλ(v − w) with η = ½: 0.5 stays, −0.5 goes a quarter of the way to 0.5.
    #expect(server.step(tasks[0], from: 0, gradient: -1, rate: 0.5) == 0.5)
    #expect(server.step(tasks[1], from: 0, gradient: 1, rate: 0.5) == -0.25)
    #expect(tasks.map(\.model) == [1, 2, 3])
  }

  @Test("SCAFFOLD: after one round steps with the same gradients are equal")
  func scaffold() throws {
    var server = try Server(#"{"name": "scaffold"}"#, clients: [1, 1, 1])
    // Gradients 1, 3 and 2 with η = 1 and one step: Δ = −1, −3, −2, and c_i = 1, 3, 2 with mean 2.
    try server.fold([-1, -3, -2], round: 0)
    #expect(server.firsts == [-2])
    #expect(server.state.controls?.map { $0[0] } == [1, 3, 2])
    let tasks = try server.method.tasks(round: 1, state: server.state, context: server.context)
      .tasks
    let moves = zip(tasks, [Float(1), 3, 2]).map {
      server.step($0, from: -2, gradient: $1, rate: 1) + 2
    }
    #expect(moves == [-2, -2, -2])
  }

  @Test("MR-MTL draws to the mean of all models, FedProx to the global one")
  func pulls() throws {
    var server = try Server(#"{"name": "mr-mtl", "lambda": 0.5}"#, clients: [1, 1, 1])
    server.state.models = [0, 4, 8].map { server.vector($0) }
    let tasks = try server.method.tasks(round: 1, state: server.state, context: server.context)
      .tasks
    // −1 and then a quarter of the way to 4; 5 and a quarter of the way back.
    #expect(server.step(tasks[0], from: 0, gradient: 2, rate: 0.5) == 0.25)
    #expect(server.step(tasks[1], from: 4, gradient: -2, rate: 0.5) == 4.75)

    var prox = try Server(#"{"name": "fedprox", "mu": 1}"#, clients: [1, 1, 1])
    prox.state.models = [prox.vector(1)]
    let task = try prox.method.tasks(round: 0, state: prox.state, context: prox.context).tasks[0]
    // 1 → 0 → 0.5, then 0.5 → −0.5 → 0.25.
    let first = prox.step(task, from: 1, gradient: 2, rate: 0.5)
    #expect(first == 0.5)
    #expect(prox.step(task, from: first, gradient: 2, rate: 0.5) == 0.25)
  }

  @Test("CFL divides a model's clients, and each part goes on from it by its own mean")
  func recursiveClusters() throws {
    var server = try Server(#"{"name": "cfl"}"#, clients: [2, 2, 1])
    let deltas: [(Float, Float)] = [(1, 0.1), (-1, 0), (1, -0.1), (-1, 0.1)]
    // Client 4 sends nothing.
    try server.fold(
      deltas.enumerated().map { ($0, 0, server.vector($1.0, $1.1)) }, round: 1)
    #expect(Array(server.state.assignment) == [0, 1, 0, 1, 0])
    #expect(server.firsts == [1, -1])
    #expect(abs(server.state.models[0][1]) < 1e-6)
    #expect(abs(server.state.models[1][1] - 0.05) < 1e-6)
  }

  @Test("R-DPCFL: posteriors that say nothing leave everybody where it is")
  func nothingSeen() throws {
    var server = try Server(#"{"name": "r-dpcfl"}"#)
    server.state.models = [server.vector(0), server.vector(1)]
    server.state.posteriors = [[0.5, 0.5], [0.5, 0.5], [0.5, 0.5], [0, 1]]
    let tasks = try server.method.tasks(round: 1, state: server.state, context: server.context)
      .tasks
    #expect(tasks.map(\.model) == [0, 0, 0, 1])
  }
}
