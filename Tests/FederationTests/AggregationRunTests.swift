// Whole runs with every rule of aggregation: reproducible, within budget, and with the error that the rule
// has by its nature.

import Federation
import Foundation
import Privacy
import Scenarios
import Testing

private func adapter(_ rule: Rule, _ more: String = "") -> String {
  if rule == .rgp || rule == .prism {
    return #"adapter={"type": "\#(rule.name)", "r": 2, "target_modules": ["fc"]}"#
  }
  return #"adapter={"type": "lora", "r": 2, "lora_alpha": 4, "target_modules": ["fc"], "#
    + #""aggregation": "\#(rule.name)"\#(more)}"#
}

@Suite("Runs with rules of aggregation")
struct AggregationRunTests {
  @Test(
    "the same digest with 1, 2 and 4 workers",
    arguments: Rule.withFactors)
  func reproducible(_ rule: Rule) async throws {
    for scenario in try smallAndDeep(rule) {
      var digests: Set<String> = []
      for workers in [1, 2, 4] {
        digests.insert(try await run(scenario, workers: workers).result.resultDigest)
      }
      #expect(digests.count == 1)
    }
  }

  private func smallAndDeep(_ rule: Rule) throws -> [Scenario] {
    [
      try scenario(adapter(rule), "rounds=4"),
      try scenario(
        #"model={"name": "mlp", "hidden": [8, 6]}"#,
        adapter(rule).replacingOccurrences(of: #"["fc"]"#, with: #"["fc2", "fc3"]"#), "rounds=3"),
    ]
  }

  @Test(
    "epsilon stays below its target, and the ledger counts every step once",
    arguments: Rule.withFactors)
  func withinBudget(_ rule: Rule) async throws {
    let observer = Recorder()
    let outcome = try await run(try scenario(adapter(rule), "rounds=4"), observer: observer)
    let plain = Recorder()
    _ = try await run(try scenario(adapter(.ffaLoRA), "rounds=4"), observer: plain)
    for client in outcome.result.clients {
      let spent = try #require(client.epsilon)
      #expect(spent <= 5 && spent > 2.5)
    }
    func steps(_ ledger: [LedgerEntry]) -> Int {
      ledger.filter { $0.purpose == .training }.reduce(0) { $0 + $1.count }
    }
    #expect(steps(await observer.ledger) == steps(await plain.ledger))
  }

  @Test("each rule reports its error: none, some, or not applicable", arguments: Rule.withFactors)
  func errors(_ rule: Rule) async throws {
    let outcome = try await run(try scenario(adapter(rule), "rounds=5"))
    let told = try #require(outcome.result.adapter)
    #expect(told.aggregation == rule.name)
    switch rule {
    case .fedSALoRA, .rgp, .prism: #expect(told.lastError == nil && told.largestError == nil)
    case .fedIT, .loRAFAIR: #expect(try #require(told.largestError) > 1e-3)
    // Rank 2 of a mean of several clients' products of rank 2.
    case .flexLoRA: #expect(try #require(told.largestError) > 1e-3)
    case .ffaLoRA, .roLoRA, .floRA, .fedExLoRA, .deer, .fedSVD, .fedASK:
      #expect(try #require(told.largestError) < 1e-4)
    default: Issue.record("nothing is known of the error of \(rule.name)")
    }
  }

  @Test(
    "R-DPCFL finds the clusters by what carries the signal: B where A is common, products otherwise",
    arguments: Rule.withFactors)
  func clustering(_ rule: Rule) async throws {
    // One round beyond the clustering: with B at home (FedSA) later selections can only guess.
    let outcome = try await run(
      try scenario(
        adapter(rule), "rounds=2",
        #"method={"name": "r-dpcfl", "selection_rounds_ratio": 0}"#))
    #expect(outcome.result.agreement?.ari == 1)
  }

  @Test("every rule works inside of every method", arguments: Rule.withFactors)
  func methods(_ rule: Rule) async throws {
    for method in differentMethods where method != "mr-mtl" || rule.traits.meansAreModels {
      let outcome = try await run(
        try scenario(adapter(rule), "rounds=3", "method={\"name\": \"\(method)\"}"))
      #expect(outcome.result.clients.allSatisfy { $0.accuracy.isFinite })
      #expect(!outcome.result.notes.contains { $0.contains("no training reached") })
    }
  }

  @Test(
    "thresholds by layer work with every rule that trains the same parameters in every step",
    arguments: Rule.withFactors.filter(\.traits.trainsOneSet))
  func groups(_ rule: Rule) async throws {
    let two = adapter(rule).replacing(#"["fc"]"#, with: #"["fc1", "fc2"]"#)
    for clipping in ["per-layer", "per-layer-adaptive"] {
      let outcome = try await run(
        try scenario(
          two, #"model={"name": "mlp", "hidden": [8]}"#, "rounds=3",
          "privacy.clipping={\"name\": \"\(clipping)\"}", #"method={"name": "oracle"}"#))
      #expect(outcome.result.clients.allSatisfy { ($0.epsilon ?? .infinity) <= 5 })
    }
  }

  @Test(
    "what has no meaning is refused: personal bases under one mean, thresholds for other parameters"
  )
  func refusals() throws {
    for rule in Rule.withFactors where !rule.traits.meansAreModels {
      #expect(throws: ScenarioError.self) {
        try scenario(adapter(rule), #"method={"name": "mr-mtl"}"#)
      }
    }
    for rule in Rule.withFactors where !rule.traits.trainsOneSet {
      #expect(throws: ScenarioError.self) {
        try scenario(adapter(rule), #"privacy.clipping={"name": "per-layer"}"#)
      }
    }
    for rule in [Rule.flexLoRA, .floRA] {
      #expect(throws: ScenarioError.self) {
        try scenario(
          adapter(rule), "adapter.client_ranks=[1,2]", #"privacy.clipping={"name": "per-layer"}"#)
      }
    }
  }

  @Test("learning happens without noise", arguments: Rule.withFactors)
  func learning(_ rule: Rule) async throws {
    let outcome = try await run(
      try scenario(
        adapter(rule), "rounds=12", "privacy.target_epsilon=null", "local.learning_rate=0.05",
        "method={\"name\": \"oracle\"}"))
    // Chance is a quarter; rank 2 of 4 classes does not hold everything.
    #expect(accuracy(outcome) > 0.5)
  }

  @Test("clients of smaller rank send less", arguments: [Rule.flexLoRA, .floRA])
  func ranks(_ rule: Rule) async throws {
    let whole = try await run(try scenario(adapter(rule), "rounds=3"))
    let mixed = try await run(
      try scenario(adapter(rule, #", "client_ranks": [2, 1]"#), "rounds=3"))
    #expect(mixed.result.bytesUp * 4 == whole.result.bytesUp * 3)
    let deep = try scenario(
      #"model={"name": "mlp", "hidden": [8]}"#,
      #"adapter={"type": "lora", "r": 1, "lora_alpha": 4, "target_modules": ["fc1", "fc2"], "#
        + #""aggregation": "\#(rule.name)", "layer_ranks": [3, 2], "client_ranks": [3, 1]}"#,
      "rounds=3")
    #expect(try await run(deep).result.adapter?.largestError != nil)
  }

  @Test("the server can protect whole clients where one sum is enough", arguments: Rule.withFactors)
  func wholeClients(_ rule: Rule) async throws {
    let changes = [
      adapter(rule), "rounds=4", "privacy.unit=client", #"method={"name": "oracle"}"#,
    ]
    guard rule.traits.needsOneSumOnly else {
      #expect(throws: ScenarioError.self) {
        _ = try scenario(changes[0], changes[1], changes[2], changes[3])
      }
      return
    }
    let outcome = try await run(try scenario(changes[0], changes[1], changes[2], changes[3]))
    for client in outcome.result.clients { #expect(try #require(client.epsilon) <= 5) }
    #expect(outcome.result.adapter?.lastError == nil)
  }

  @Test("a run whose weights did not move says so", arguments: [Rule.ffaLoRA, .fedSVD])
  func unmoved(_ rule: Rule) async throws {
    // Steps far below single precision.
    let outcome = try await run(
      try scenario(
        adapter(rule), "rounds=2", "local.learning_rate=1e-40", "privacy.target_epsilon=null",
        #"method={"name": "global"}"#))
    #expect(outcome.result.notes.contains { $0.contains("no training reached") })
    let moved = try await run(
      try scenario(adapter(rule), "rounds=2", #"method={"name": "global"}"#))
    #expect(!moved.result.notes.contains { $0.contains("no training reached") })
  }
}
