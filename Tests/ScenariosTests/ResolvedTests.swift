// The canonical form: reading it gives the same scenario, and equal scenarios have equal hashes.

import Foundation
import Scenarios
import Testing

@Suite("Canonical form")
struct ResolvedTests {
  @Test("reading the resolved form gives an equal scenario", arguments: shippedNames)
  func roundTrip(_ name: String) throws {
    let scenario = try Scenario(json: shippedData(name))
    let again = try Scenario(json: Data(scenario.resolvedJSON.utf8))
    #expect(again == scenario)
    #expect(again.resolvedJSON == scenario.resolvedJSON)
    #expect(try Scenario(json: Data(scenario.resolved.prettyText.utf8)) == scenario)
  }

  @Test(
    "every variant of every branch survives the round trip",
    arguments: [
      "method={\"name\":\"ifca\"}", "method={\"name\":\"mr-mtl\",\"lambda\":0.25}",
      "method={\"name\":\"global\"}", "method={\"name\":\"local\"}", "method={\"name\":\"oracle\"}",
      "method={\"name\":\"r-dpcfl\",\"criterion\":\"bic\",\"candidate_clusters\":[4,2]}",
      "local={\"steps\":7,\"batch_size\":5,\"learning_rate\":1e-5}",
      "data={\"name\":\"cifar-10\"}", "data={\"name\":\"emnist-letters\",\"path\":\"/tmp/emnist\"}",
      "population.quantity_skew={\"type\":\"lognormal\",\"sigma\":1}",
      "population.label_skew={\"type\":\"shards\",\"per_client\":2}",
      "population.clusters[0].examples_per_client={\"min\":100,\"max\":900}",
      "population.clusters[0].examples_per_client=[100,200,300]",
      "privacy.target_epsilon=null", "privacy.accountant=best", "cohort_size=5", "adapter=null",
    ])
  func branches(_ override: String) throws {
    let scenario = try Scenario(json: shippedData("skewed-lora.json"), overrides: [override])
    #expect(try Scenario(json: Data(scenario.resolvedJSON.utf8)) == scenario)
  }

  @Test("the hash does not depend on the order of keys, blanks, spelling of numbers or defaults")
  func hashStability() throws {
    let original = try Scenario(json: shippedData("tiny.json"))
    let text = try String(decoding: shippedData("tiny.json"), as: UTF8.self)
    #expect(text.contains("\"target_epsilon\": 5,"))
    let respelled = text.replacingOccurrences(
      of: "\"target_epsilon\": 5,", with: "\"target_epsilon\":\n5.0e0,")
    let written = try shippedDocument("tiny.json").setting(["seed"], to: nil)
      .setting(["$schema"], to: nil).setting(["evaluation"], to: ["every": 1.0])
    #expect(try Scenario(json: Data(respelled.utf8)).hash == original.hash)
    #expect(try Scenario(document: written).hash == original.hash)
    #expect(try Scenario(json: Data(text.utf8), overrides: ["seed=1"]).hash != original.hash)
  }

  @Test("Python writes the same canonical line and the same SHA-256", arguments: shippedNames)
  func independentHash(_ name: String) throws {
    let scenario = try Scenario(json: shippedData(name))
    let program = """
      import hashlib, json, sys
      value = json.loads(sys.argv[1])
      line = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
      print(hashlib.sha256(line.encode()).hexdigest())
      """
    let printed = try runPython(["-c", program, scenario.resolved.prettyText])
    #expect(printed.trimmingCharacters(in: .whitespacesAndNewlines) == scenario.hash)
    #expect(scenario.hash.count == 64)
  }
}
