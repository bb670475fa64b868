// Decoders from a scenario: from scratch on bytes, with public pretraining, from a folder; next tokens, no labels.

import Datasets
import Federation
import Foundation
import Learning
import Scenarios
import Tensors
import TestModels
import Testing

@Suite("Decoders in scenarios")
struct DecoderTests {
  @Test(
    "workers, cached features and a resume do not change a digest",
    arguments: [
      [], ["adapter=null", "model.pretraining=null"],
      ["adapter.aggregation=fedit", "method={\"name\": \"r-dpcfl\", \"candidate_clusters\": [2]}"],
      ["privacy.individual=true", "method={\"name\": \"global\"}"],
      ["adapter={\"type\": \"planning-tokens\", \"count\": 2}"],
    ] as [[String]])
  func digests(_ changes: [String]) async throws {
    let texts = try TinyTexts()
    let scenario = try texts.scenario(changes, json: TinyTexts.decoderJSON)
    let recorder = Recorder()
    let expected = try await texts.run(scenario, observer: recorder).result
    #expect(try await texts.run(scenario, workers: 2, featureMemory: 0).result == expected)
    let checkpoint = try #require(await recorder.checkpoints.first)
    let point = ResumePoint(
      checkpoint: try ResumeTests.reread(checkpoint), ledger: await recorder.ledger, of: scenario)
    #expect(try await texts.run(scenario, workers: 2, from: point).result == expected)
    for cluster in expected.clusters {
      let perplexity = try #require(cluster.perplexity)
      #expect(abs(perplexity - exp(cluster.loss)) < 1e-9 * perplexity)
      #expect((0...1).contains(cluster.accuracy))
    }
  }

  @Test("a decoder learns the bytes of its texts, and the score is the share of right tokens")
  func learning() async throws {
    let texts = try TinyTexts()
    let plain = ["privacy.target_epsilon=null", "adapter=null", "method={\"name\": \"global\"}"]
    let outcome = try await texts.run(
      texts.scenario(
        plain + ["rounds=12", "local.steps=20", "local.learning_rate=0.5", "model.width=16"],
        json: TinyTexts.decoderJSON), workers: 2)
    let random = try await texts.run(
      texts.scenario(
        plain + [
          "rounds=1", "local.steps=1", "local.learning_rate=1e-6",
          "model.pretraining=null",
        ], json: TinyTexts.decoderJSON))
    let (after, before) = (outcome.result.clusters[0], random.result.clusters[0])
    // 257 equally likely tokens at the start.
    #expect(abs(try #require(before.perplexity) - 257) < 30)
    #expect(try #require(after.perplexity) < 12, "\(after)")
    #expect(after.accuracy > 0.3 && after.accuracy < 1, "\(after)")
  }

  @Test("weights and byte pairs of a folder; a decoder needs no labels and has no head")
  func folder() async throws {
    let texts = try TinyTexts()
    try texts.addDecoder()
    let model = "model={\"name\": \"gpt\", \"path\": \"gpt\", \"max_tokens\": 24}"
    let outcome = try await texts.run(texts.scenario([model], json: TinyTexts.decoderJSON))
    let base = try #require(outcome.models.first { $0.name == "base" })
    #expect(
      base.tensors.map(\.name) == ["h.1.attn.c_attn.lora_A", "h.1.mlp.c_proj.lora_A"])
    for (changes, words) in [
      (["model.width=16"], "has sizes beside a path"),
      (["model.max_tokens=25"], "24 positions"),
      (["model.path=bert"], "does not hold a model for \"gpt\""),
      (
        ["population.clusters[0].shift.label_offset=1"], "a gpt predicts next tokens"
      ),
    ] as [([String], String)] {
      let error = await #expect(throws: (any Error).self) {
        _ = try await texts.run(texts.scenario([model] + changes, json: TinyTexts.decoderJSON))
      }
      #expect(error.map { "\($0)" }?.contains(words) == true, "\(String(describing: error))")
    }
    let error = #expect(throws: ScenarioError.self) {
      try texts.scenario(["model.heads=3"], json: TinyTexts.decoderJSON)
    }
    #expect(error.map { "\($0)" }?.contains("multiple of heads") == true)
  }
}
