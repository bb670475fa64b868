// A table of malformed scenarios: each is refused at the expected place with one telling sentence.

import Foundation
import Scenarios
import Testing

/// One way to spoil skewed-lora.json.
struct Malformed: Sendable, CustomTestStringConvertible {
  /// Where the problem must be reported.
  let path: String
  /// What the sentence must contain.
  let words: String
  let edits: [(steps: [Step], value: JSONValue?)]
  /// Whether the JSON Schema alone must refuse it too, which knows no cross checks.
  let isShape: Bool

  var testDescription: String { "\(path): \(words)" }

  /// A wrong type, bound or key, which the schema sees as well.
  static func shape(
    _ path: String, _ words: String, _ edits: ([Step], JSONValue?)...
  ) -> Malformed {
    Malformed(path: path, words: words, edits: edits.map { ($0, $1) }, isShape: true)
  }

  /// Parts that do not fit one another, which only the reader sees.
  static func cross(
    _ path: String, _ words: String, _ edits: ([Step], JSONValue?)...
  ) -> Malformed {
    Malformed(path: path, words: words, edits: edits.map { ($0, $1) }, isShape: false)
  }

  func document() throws -> JSONValue {
    try edits.reduce(shippedDocument("skewed-lora.json")) { $0.setting($1.steps, to: $1.value) }
  }
}

@Suite("Malformed scenarios")
struct MalformedTests {
  @Test("a malformed scenario is refused at its place", arguments: malformedScenarios)
  func refused(_ malformed: Malformed) throws {
    let found = try problems(of: malformed.document().text)
    #expect(found.map(\.path) == [malformed.path], "\(found)")
    let sentence = try #require(found.first?.message)
    #expect(sentence.contains(malformed.words), "\(sentence)")
    #expect(!sentence.contains("\n") && sentence.utf8.count < 400)
    #expect(!sentence.contains("fault of dpflsim"))
  }

  @Test("the table is large and has no case twice")
  func table() throws {
    #expect(malformedScenarios.count >= 80)
    let texts = try malformedScenarios.map { try $0.document().text }
    #expect(Set(texts).count == texts.count)
  }

  @Test("a file that is no object is refused as a whole", arguments: ["[]", "5", "null", "\"x\""])
  func notAnObject(_ text: String) {
    let found = problems(of: text)
    #expect(found.map(\.path) == [""])
    #expect(found.first?.message.hasPrefix("must be an object, got ") == true)
  }

  @Test("an empty object lists every required key")
  func emptyObject() {
    #expect(
      problems(of: "{}").map(\.path) == [
        "name", "rounds", "data", "population", "model", "local", "privacy", "method",
      ])
  }

  @Test("methods that are not private as published are refused with the reason")
  func refusedMethods() throws {
    for name in ["pacfl", "rr-cluster", "pina"] {
      let document = try shippedDocument("skewed-lora.json").setting(
        ["method", "name"], to: .string(name))
      let found = problems(of: document.text)
      #expect(found.map(\.path) == ["method.name"])
      #expect(found.first?.message.contains(name) == true)
      #expect(found.first?.message.contains("; use ") == true)
    }
  }

  @Test("all problems of a file are reported together")
  func together() throws {
    let document = try shippedDocument("skewed-lora.json")
      .setting(["rounds"], to: 0).setting(["privacy", "epsilon"], to: 5)
      .setting(["population", "clusters", 2, "clients"], to: 0)
      .setting(["method", "name"], to: "fedavg")
    #expect(
      problems(of: document.text).map(\.description) == [
        "rounds: must be at least 1, got 0",
        "population.clusters[2].clients: must be at least 1, got 0",
        "privacy.epsilon: unknown key; did you mean \"target_epsilon\"?",
        "method.name: must be \"r-dpcfl\", \"global\", \"local\", \"ifca\", \"mr-mtl\", "
          + "\"fedprox\", \"ditto\", \"scaffold\", \"fedem\", \"k-means\", \"mbc\", \"cfl\" or \"oracle\", got \"fedavg\"",
      ])
    let crossed = try shippedDocument("skewed-lora.json")
      .setting(["local", "batch_size"], to: 1001).setting(["adapter", "r"], to: 11)
    #expect(problems(of: crossed.text).map(\.path) == ["local.batch_size", "adapter.r"])
  }

  @Test(
    "names of other systems lead to ours",
    arguments: [
      (["privacy"], "epsilon", "target_epsilon"), (["privacy"], "delta", "target_delta"),
      (["privacy"], "clip", "max_grad_norm"), (["privacy"], "noise_scale", "target_epsilon"),
      (["privacy"], "sigma", "target_epsilon"), ([], "clients_per_round", "cohort_size"),
      (["local"], "lr", "learning_rate"), (["model", "pretraining"], "lr", "learning_rate"),
      ([], "num_rounds", "rounds"), (["adapter"], "alpha", "lora_alpha"),
      (["adapter"], "rank", "r"),
      ([], "epsilon", "privacy.target_epsilon"), ([], "batch_size", "local.batch_size"),
      ([], "dataset", "data"), ([], "algorithm", "method"), (["local"], "batchSize", "batch_size"),
      (["population"], "alpha", "label_skew"), ([], "num_clients", "population.clusters"),
      (["method"], "n_clusters", "num_clusters"), ([], "lora", "adapter"),
      (["population", "clusters"], "samples_per_client", "examples_per_client"),
    ] as [([String], String, String)])
  func aliases(_ place: [String], _ key: String, _ suggestion: String) throws {
    var steps = place.map { Step.key($0) }
    if place.last == "clusters" { steps.append(0) }
    let document = try shippedDocument("skewed-lora.json").setting(steps + [.key(key)], to: 1)
    let found = problems(of: document.text)
    #expect(found.map(\.message) == ["unknown key; did you mean \"\(suggestion)\"?"])
  }
}
