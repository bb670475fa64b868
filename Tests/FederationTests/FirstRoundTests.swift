// Whatever a scenario can name goes from its text through the check to a finished round. A new descriptor is tested by
// its name alone until it says here what else it needs.

import Datasets
import Federation
import Foundation
import Scenarios
import TestModels
import Testing

@Suite("From a name to the first round")
struct FirstRoundTests {
  private static let texts = """
    "data": {"name": "text", "path": "texts.csv", "text_column": "text", "label_column": "label",
             "classes": ["neg", "pos"]},
    "model": {"name": "bert", "path": "bert", "max_tokens": 9}
    """
  private static let decoder = """
    "data": {"name": "text", "path": "texts.csv", "text_column": "text"},
    "model": {"name": "gpt", "max_tokens": 16, "width": 8, "blocks": 1, "heads": 2}
    """
  private static let images = """
    "data": {"name": "idx", "path": ".", "classes": 10, "public_examples": 0}
    """
  private static let rows = """
    "data": {"name": "synthetic", "synthetic": {"classes": 3, "features": 6}}
    """
  private static let perceptron = rows + #", "model": {"name": "mlp", "hidden": [8, 8]}"#

  /// Runs two rounds, since methods that find clusters in the first refuse to end with it.
  private func firstRound(_ members: String, in folder: TinyTexts? = nil) async throws {
    let texts = try folder ?? TinyTexts()
    if members.contains(Self.images) { try DataFiles(texts).write(.idx) }
    let json = """
      {"name": "first", "rounds": 2,
       "population": {"test_examples_per_client": 10, "clusters": [
         {"name": "a", "clients": 2, "examples_per_client": 20},
         {"name": "b", "clients": 2, "examples_per_client": 20}]},
       "local": {"batch_size": 5, "learning_rate": 0.1, "steps": 2},
       "privacy": {"target_epsilon": 8, "target_delta": 1e-3},
       \(members.contains("\"method\"") ? "" : #""method": {"name": "global"},"#)
       \(members)}
      """
    let scenario = try texts.scenario(json: json)
    let report = try PrivacyLinter(scenario: scenario, catalog: DatasetCatalog(places: [])).report()
    #expect(report.model.trainable > 0)
    let outcome = try await texts.run(scenario)
    #expect(outcome.result.resultDigest.count == 64)
    // Whatever is kept of frozen layers changes no figure.
    let uncached = try await texts.run(scenario, featureMemory: 0)
    #expect(uncached.result == outcome.result)
    for client in outcome.result.clients {
      #expect(client.loss.isFinite && client.testExamples == 10)
      #expect((client.epsilon ?? .infinity) <= 8)
    }
  }

  @Test("methods", arguments: MethodCatalog.all.map { $0.name })
  func method(_ name: String) async throws {
    try await firstRound(Self.perceptron + #", "method": {"name": "\#(name)"}"#)
  }

  @Test("models", arguments: ModelCatalog.all.map { $0.name })
  func model(_ name: String) async throws {
    let own = [
      "cnn": Self.images + #", "model": {"name": "cnn"}"#,
      "resnet": Self.images + #", "model": {"name": "resnet"}"#,
      "bert": Self.texts, "gpt": Self.decoder,
    ]
    try await firstRound(own[name] ?? Self.rows + #", "model": {"name": "\#(name)"}"#)
  }

  @Test("kinds of adapters", arguments: AdapterCatalog.all.map { $0.name })
  func adapter(_ name: String) async throws {
    let own = [
      "lora": #""r": 2, "lora_alpha": 4"#, "rgp": #""r": 2"#, "prism": #""r": 2"#,
      "lorta": #""r": 2, "lora_alpha": 4"#,
      "op-lora": #""r": 2, "lora_alpha": 4"#, "vera": #""r": 2"#, "sparse": #""r": 1"#,
      "mixture": #""experts": 2, "r": 2, "lora_alpha": 4"#,
      "bottleneck": #""width": 2"#, "compacter": #""width": 4, "factors": 2"#,
    ]
    let elsewhere = [
      "conv-lora": Self.images
        + #", "model": {"name": "cnn"}, "adapter": {"type": "conv-lora", "r": 1, "lora_alpha": 2,"#
        + #" "target_modules": ["conv2"]}"#,
      "layer_norm": Self.texts + #", "adapter": {"type": "layer_norm"}"#,
      "prompt": Self.texts
        + #", "adapter": {"type": "prompt", "num_virtual_tokens": 2, "modules_to_save": ["classifier"]}"#,
      "planning-tokens": Self.decoder + #", "adapter": {"type": "planning-tokens", "count": 2}"#,
      "bitfit": Self.perceptron + #", "adapter": {"type": "bitfit"}"#,
      "linear_probe": Self.perceptron
        + #", "adapter": {"type": "linear_probe", "modules_to_save": ["fc3"]}"#,
      "random-projection": Self.perceptron
        + #", "adapter": {"type": "random-projection", "r": 2, "modules_to_save": ["fc1"]}"#,
    ]
    let settings = [#""type": "\#(name)""#, own[name], #""target_modules": ["fc2"]"#]
      .compactMap { $0 }.joined(separator: ", ")
    try await firstRound(elsewhere[name] ?? Self.perceptron + ", \"adapter\": {\(settings)}")
  }

  @Test(
    "kinds on convolutions",
    arguments: [
      #""type": "lora", "r": 2, "lora_alpha": 4, "freeze_a": false"#,
      #""type": "lora", "r": 2, "lora_alpha": 4"#, #""type": "ia3""#, #""type": "sparse", "r": 1"#,
      #""type": "finegates""#, #""type": "vera", "r": 2"#, #""type": "bottleneck", "width": 2"#,
      #""type": "compacter", "width": 4, "factors": 2"#,
      #""type": "mixture", "experts": 2, "r": 2, "lora_alpha": 4"#,
    ])
  func onConvolutions(_ settings: String) async throws {
    try await firstRound(
      Self.images
        + #", "model": {"name": "cnn"}, "adapter": {\#(settings), "target_modules": ["conv2", "fc"]}"#
    )
  }

  @Test("rules of aggregation", arguments: AggregationCatalog.all.map { $0.name })
  func rule(_ name: String) async throws {
    // The mean of whole vectors, and RGP's sums, belong to their kinds of adapters and are not chosen by name.
    let adapter =
      [
        "rgp": #""type": "rgp", "r": 2"#, "mean": #""type": "vera", "r": 2"#,
      ][name] ?? #""type": "lora", "r": 2, "lora_alpha": 4, "aggregation": "\#(name)""#
    try await firstRound(
      Self.perceptron + ", \"adapter\": {\(adapter), \"target_modules\": [\"fc2\"]}")
  }

  @Test("data sets", arguments: KnownDataset.all.map(\.name))
  func data(_ name: String) async throws {
    let texts = try TinyTexts()
    let known = try KnownDataset.named(name)
    try DataFiles(texts).write(known)
    let path = #", "path": ".""#
    let table =
      #", "path": "rows.csv", "label_column": "y", "classes": ["no", "yes"],"#
      + #" "columns": [{"column": "x", "kind": "numeric", "min": 0, "max": 10}]"#
    let settings =
      [
        "synthetic": "", "toy-operators": "", "csv": table, "idx": #", "classes": 10"# + path,
        "images": path
          + #", "label_column": "y", "image_column": "image", "classes": ["no", "yes"]"#,
        "text": #", "path": "texts.csv", "text_column": "text", "label_column": "label","#
          + #" "classes": ["neg", "pos"]"#,
      ][name] ?? path
    let model =
      known == .toyOperators
      ? #"{"name": "gpt", "width": 8, "heads": 2, "blocks": 1}"#
      : known.isTextSet
        ? #"{"name": "bert", "path": "bert", "max_tokens": 9}"# : #"{"name": "logistic"}"#
    try await firstRound(
      #""data": {"name": "\#(name)", "public_examples": 0\#(settings)}, "model": \#(model)"#,
      in: texts)
  }
}

/// Small files in the forms in which data sets are published.
private struct DataFiles {
  private static let examples = 200
  private let texts: TinyTexts

  init(_ texts: TinyTexts) { self.texts = texts }

  func write(_ known: KnownDataset) throws {
    switch known {
    case .csv: try texts.write(table("x") { "\($0 % 11)" }, "rows.csv")
    case .images:
      try texts.write(table("image") { "\($0)" }, "rows.csv")
      try write(idx([Self.examples, 4, 4]), "images.idx")
    case .cifar10:
      let pixels = (0..<3_072).map { UInt8(truncatingIfNeeded: $0 * 7) }
      var batch = Data()
      for image in 0..<Self.examples { batch += [UInt8(image % 10)] + pixels }
      for file in known.files { try write(batch, file.names[0]) }
    case .adult:
      for file in known.files {
        try texts.write(
          (0..<Self.examples).map { row in
            "\(20 + row % 60), Private, 77516, Bachelors, 13, Divorced, Sales, Wife, White, Male, 0, 0, 40, Cuba, "
              + "\(row % 2 == 0 ? "<=50K" : ">50K")\n"
          }.joined(), file.names[0])
      }
    default:
      let names =
        known.files.isEmpty
        ? [
          "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
          "t10k-labels-idx1-ubyte",
        ]
        : known.files.map { $0.names[0] }
      guard known.isImageSet else { return }
      for name in names {
        try write(
          name.contains("images") ? idx([Self.examples, 28, 28]) : labels(of: known),
          name)
      }
    }
  }

  private func table(_ column: String, _ value: (Int) -> String) -> String {
    "\(column),y\n"
      + (0..<Self.examples).map { "\(value($0)),\($0 % 2 == 0 ? "no" : "yes")\n" }.joined()
  }

  private func header(_ sizes: [Int]) -> Data {
    Data(
      [0, 0, 8, UInt8(sizes.count)] + sizes.flatMap { [0, 0, UInt8($0 >> 8), UInt8($0 & 255)] })
  }

  private func idx(_ sizes: [Int]) -> Data {
    let pixels = (0..<sizes.reduce(1, *)).map { UInt8(truncatingIfNeeded: $0 * 31) }
    return header(sizes) + Data(pixels)
  }

  /// Letters are numbered from 1 on in their files.
  private func labels(of known: KnownDataset) -> Data {
    let first = known.name == "emnist-letters" ? 1 : 0
    let classes = known.classCount ?? 10
    return header([Self.examples]) + Data((0..<Self.examples).map { UInt8(first + $0 % classes) })
  }

  private func write(_ data: Data, _ name: String) throws {
    try data.write(to: texts.folder.appendingPathComponent(name))
  }
}
