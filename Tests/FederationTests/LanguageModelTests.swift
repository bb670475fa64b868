// Language models from a scenario to a result: the same digest however the run was carried out, and a sentence for
// everything that does not fit together.

import Datasets
import Federation
import Foundation
import Learning
import Scenarios
import Tensors
import TestModels
import Testing

/// A run that must end in an error, and what the error says.
private func trouble(
  _ texts: TinyTexts, _ changes: [String] = [], json: String = TinyTexts.json
) async -> String {
  do {
    _ = try await texts.run(texts.scenario(changes, json: json))
    return "nothing"
  } catch {
    return "\(error)"
  }
}

@Suite("Language models in scenarios")
struct LanguageModelTests {
  static let settings: [[String]] = [
    [], ["adapter.aggregation=fedit"], ["adapter=null", "privacy.max_grad_norm=2"],
    ["adapter.target_modules=[\"query\", \"output.dense\"]"],
    ["model.pooling=cls", "method={\"name\": \"ifca\", \"num_clusters\": 2}"],
    ["privacy.clipping={\"name\": \"per-layer\"}", "method={\"name\": \"oracle\"}"],
  ]

  @Test(
    "workers, cached features and a resume do not change a digest", arguments: settings)
  func digests(_ changes: [String]) async throws {
    let texts = try TinyTexts()
    let scenario = try texts.scenario(changes)
    let recorder = Recorder()
    let expected = try await texts.run(scenario, observer: recorder).result
    #expect(expected.resultDigest.count == 64)
    let start = try #require(await recorder.start)
    #expect((start.featureBytes > 0) == (changes.first != "adapter=null"))
    #expect(try await texts.run(scenario, workers: 2).result == expected)
    let uncached = try await texts.run(scenario, workers: 3, featureMemory: 0).result
    #expect(uncached == expected)
    for checkpoint in await recorder.checkpoints {
      let point = ResumePoint(
        checkpoint: try ResumeTests.reread(checkpoint), ledger: await recorder.ledger, of: scenario)
      #expect(try await texts.run(scenario, workers: 2, from: point).result == expected)
    }
  }

  @Test("runs that share frozen features end as they do alone")
  func sharing() async throws {
    let texts = try TinyTexts()
    let shared = SharedFeatures()
    func digest(_ changes: [String], _ shared: SharedFeatures?) async throws -> String {
      try await Simulation(
        scenario: texts.scenario(changes), catalog: DatasetCatalog(places: []),
        options: SimulationOptions(workers: 2, sharedFeatures: shared)
      ).run(observer: SilentObserver()).result.resultDigest
    }
    for changes in [
      [], ["privacy.target_epsilon=2"], ["method={\"name\": \"local\"}"], ["seed=1"],
      ["model.max_tokens=6"], ["adapter.target_modules=[\"layer.0.output.dense\"]"], [],
    ] {
      #expect(try await digest(changes, shared) == digest(changes, nil), "\(changes)")
    }
    async let first = digest(["seed=2"], shared)
    async let second = digest(["seed=2"], shared)
    #expect(try await first == second)
  }

  @Test("opposite labels are learned by clusters and not by one model")
  func learning() async throws {
    let texts = try TinyTexts()
    let plain = [
      "privacy.target_epsilon=null", "rounds=10", "local.steps=10", "local.learning_rate=0.2",
    ]
    let global = try await texts.run(
      texts.scenario(plain + ["method={\"name\": \"global\"}"]), workers: 2)
    let oracle = try await texts.run(
      texts.scenario(plain + ["method={\"name\": \"oracle\"}"]), workers: 2)
    let mean = { (outcome: RunOutcome) in
      outcome.result.clusters.reduce(0) { $0 + $1.accuracy } / 2
    }
    #expect(mean(oracle) > 0.8, "\(mean(oracle))")
    #expect(mean(global) < 0.7, "\(mean(global))")
    #expect(oracle.result.clients[0].confusion.matrix.joined().reduce(0, +) == 20)
  }

  @Test("what was cut is told, and stored models leave out what the folder has")
  func facts() async throws {
    let texts = try TinyTexts()
    let outcome = try await texts.run(texts.scenario())
    let note = try #require(outcome.result.notes.first { $0.hasPrefix("texts: ") })
    #expect(note.contains("texts are cut to 9 tokens"))
    let base = try #require(outcome.models.first { $0.name == "base" })
    #expect(
      Set(base.tensors.map(\.name)) == [
        "classifier.weight", "classifier.bias",
        "encoder.layer.1.attention.self.value.lora_A",
      ])
  }

  @Test("a forecast counts tokens")
  func forecast() throws {
    let texts = try TinyTexts()
    let catalog = DatasetCatalog(places: [])
    let report = try PrivacyLinter(scenario: texts.scenario(), catalog: catalog).report()
    let population = try Population(scenario: texts.scenario(), catalog: catalog)
    let tokens = try #require(population.dataset.text).train.meanTokens
    #expect((4.0...9.0).contains(tokens))
    #expect(report.model.featureBytesPerExample == Int(tokens.rounded(.up)) * 16 * 4)
    // Two blocks, of which one is cached.
    #expect(report.model.cachedForward.operations * 5 > report.model.forward.operations * 2)
    #expect(report.model.cachedForward.operations * 4 < report.model.forward.operations * 3)
    let whole = try PrivacyLinter(scenario: texts.scenario(["adapter=null"]), catalog: catalog)
    #expect(whole.report().model.featureBytesPerExample == 0)
  }

  @Test("other weights are other data, for a resume and for a sweep")
  func identity() async throws {
    let texts = try TinyTexts()
    let scenario = try texts.scenario()
    let catalog = DatasetCatalog(places: [])
    let before = try catalog.contentHash(of: scenario)
    #expect(try Population(scenario: scenario, catalog: catalog).contentHash == before)
    let recorder = Recorder()
    _ = try await texts.run(scenario, observer: recorder)
    let changed = BERTConfiguration(
      vocabularySize: TinyTexts.words.count, width: 16, blocks: 2, heads: 2, innerWidth: 32,
      positions: 16, layerNormEpsilon: 1e-6)
    try texts.write(TransformerConfiguration.bert(changed).document.text, "bert/config.json")
    #expect(try catalog.contentHash(of: scenario) != before)
    let checkpoint = try #require(await recorder.checkpoints.first)
    await #expect(throws: FederationError.self) {
      try await texts.run(
        scenario, from: ResumePoint(checkpoint: checkpoint, ledger: [], of: scenario))
    }
  }

  @Test("what does not fit is refused in a sentence")
  func refusals() async throws {
    let texts = try TinyTexts()
    #expect(await trouble(texts, ["model.path=nowhere"]).contains("nowhere is no folder"))
    #expect(await trouble(texts, ["model.max_tokens=17"]).contains("16 positions"))
    #expect(
      await trouble(texts, ["adapter.target_modules=[\"fc1\"]"]).contains("\"fc1\" is not a layer"))
    #expect(await trouble(texts, ["data.text_column=words"]).contains("has no column 'words'"))
    #expect(await trouble(texts, ["data.text_column=label"]).contains("the column of the label"))
    #expect(await trouble(texts, ["data.classes=null"]).contains("private rows"))
    #expect(
      await trouble(texts, ["population.clusters[0].shift.feature_noise=1"])
        .contains("no noise between words"))
    #expect(await trouble(texts, ["model={\"name\": \"cnn\"}"]).contains("use \"bert\" or \"gpt\""))
    let table = ["data={\"name\": \"synthetic\"}"]
    #expect(await trouble(texts, table).contains("a bert takes texts and synthetic has none"))
    try texts.write(TinyTexts.words.dropLast().joined(separator: "\n"), "bert/vocab.txt")
    #expect(await trouble(texts) == "nothing")
    try texts.write((TinyTexts.words + ["more"]).joined(separator: "\n"), "bert/vocab.txt")
    #expect(await trouble(texts).contains("17 words and the model vectors for 16"))
    try FileManager.default.removeItem(at: texts.folder.appendingPathComponent("bert/vocab.txt"))
    #expect(await trouble(texts).contains("has neither vocab.txt nor vocab.json"))
  }
}
