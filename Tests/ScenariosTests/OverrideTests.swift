// Overrides from the command line: applied to the file, checked like it, and named in messages.

import Foundation
import Scenarios
import Testing

@Suite("Overrides")
struct OverrideTests {
  private func scenario(_ overrides: String...) throws -> Scenario {
    try Scenario(json: shippedData("skewed-lora.json"), overrides: overrides)
  }

  private func problems(_ overrides: String...) throws -> [ScenarioError.Problem] {
    ScenariosTests.problems(
      of: String(decoding: try shippedData("skewed-lora.json"), as: UTF8.self), overrides: overrides
    )
  }

  @Test("values are JSON where they are JSON, else text")
  func values() throws {
    #expect(try scenario("rounds=7").rounds == 7)
    #expect(try scenario("name=007").name == "007")
    #expect(try scenario("description=a = b").description == "a = b")
    #expect(try scenario("description=\"5\"").description == "5")
    #expect(try scenario("privacy.target_epsilon=null").privacy.budget.targetEpsilon == nil)
    #expect(try scenario("method={\"name\": \"global\"}").method.settings is Scenario.Global)
  }

  @Test("paths reach list entries and make the objects that are missing")
  func paths() throws {
    #expect(try scenario("population.clusters[2].clients=4").clientCount == 19)
    #expect(try scenario("evaluation.every=5").evaluation.every == 5)
    let budget = try scenario("population.clusters[0].privacy.target_epsilon=1").clients[0].budget
    #expect(budget.targetEpsilon == 1 && budget.targetDelta == 1e-4)
  }

  @Test("later overrides win, and what follows an overridden setting follows")
  func order() throws {
    #expect(try scenario("seed=1", "seed=2").seed == 2)
    let settings = try scenario("local.learning_rate=0.25").method.settings
    guard let method = settings as? Scenario.RobustClustered else {
      Issue.record("not r-dpcfl")
      return
    }
    #expect(method.firstRoundLearningRate == 0.25)
    #expect(try scenario("local.epochs=null", "local.steps=3").local.duration == .steps(3))
  }

  @Test(
    "an override is checked like the file, and the message names it",
    arguments: [
      ("rounds=0", "rounds", "must be at least 1, got 0 (set by --set \"rounds=0\")"),
      ("rounds=ten", "rounds", "got the string \"ten\" (set by"),
      ("privacy.epsilon=5", "privacy.epsilon", "did you mean \"target_epsilon\"? (set by"),
      ("population.clusters[9].clients=5", "population.clusters[9]", "the list has 4 (set by"),
      ("population.clusters[0].client=5", "population.clusters[0].client", "\"clients\"? (set by"),
      ("rounds.every=5", "rounds.every", "rounds is 20 and has no keys (set by"),
      ("data[0]=5", "data[0]", "data is an object, not a list (set by"),
      ("method={\"name\": }", "method", "is broken"),
      ("method=ifca", "method", "must be an object"),
      ("local.batch_size=5000", "local.batch_size", "at most 1000"),
      ("adapter.r=11", "adapter.r", "at most 10"),
    ])
  func checked(_ override: String, _ path: String, _ words: String) throws {
    let found = try problems(override)
    #expect(found.map(\.path) == [path])
    #expect(found.first?.message.contains(words) == true, "\(found)")
  }

  @Test(
    "what is not of the form path=value is refused",
    arguments: [
      "", "=", "rounds", "=5", ".a=5", "a..b=5", "a[=5", "a[x]=5", "a[-1]=5", "a[0]b=5", "a b=5",
      // Deeper than any document; followed to its end it would exhaust the stack.
      String(repeating: "a.", count: 100_000) + "a=5",
    ])
  func malformed(_ override: String) throws {
    let found = try problems(override)
    #expect(found.count == 1)
    #expect(found.first?.message.contains("is not of the form path.to.key=value") == true)
  }
}
