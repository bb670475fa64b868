// Every method over a small encoder and a small decoder, and every rule for adapters over the encoder: they end, and the
// same with other workers.

import Federation
import Foundation
import Scenarios
import TestModels
import Testing

@Suite("Methods and rules on language models")
struct LanguageMethodTests {
  private func same(_ changes: [String], json: String = TinyTexts.json) async throws {
    let texts = try TinyTexts()
    let scenario = try texts.scenario(["rounds=3"] + changes, json: json)
    let one = try await texts.run(scenario).result
    #expect(try await texts.run(scenario, workers: 2, featureMemory: 0).result == one)
    #expect(one.clients.allSatisfy { (0...1).contains($0.accuracy) && $0.loss.isFinite })
  }

  @Test("methods", arguments: allMethods)
  func methods(_ method: String) async throws {
    try await same(["method={\"name\": \"\(method)\"}"])
  }

  @Test("methods on decoders", arguments: allMethods)
  func decoders(_ method: String) async throws {
    try await same(["method={\"name\": \"\(method)\"}"], json: TinyTexts.decoderJSON)
  }

  @Test("rules", arguments: Rule.withFactors)
  func rules(_ rule: Rule) async throws {
    let isOwnKind = rule == .rgp || rule == .prism
    let type = isOwnKind ? rule.name : "lora"
    let own =
      isOwnKind ? "" : ", \"lora_alpha\": 4, \"aggregation\": \"\(rule.name)\""
    try await same([
      "adapter={\"type\": \"\(type)\", \"r\": 2, \"target_modules\": [\"value\", \"classifier\"]\(own)}"
    ])
  }

  @Test("soft prompts", arguments: ["flat", "per-layer"])
  func prompts(_ clipping: String) async throws {
    try await same([
      "adapter={\"type\": \"prompt\", \"num_virtual_tokens\": 2, \"modules_to_save\": [\"classifier\"]}",
      "privacy.clipping={\"name\": \"\(clipping)\"}",
    ])
  }

  @Test("whole clients are protected, examples followed, cohorts drawn")
  func others() async throws {
    try await same([
      "privacy.unit=client", "privacy.noise_multiplier=8", "method={\"name\": \"global\"}",
    ])
    try await same(["privacy.individual=true"])
    try await same(["cohort_size=3", "privacy.clipping={\"name\": \"auto-s\"}"])
  }
}
