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
    for name in ["pacfl", "fedem", "rr-cluster", "pina"] {
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
          + "\"fedprox\", \"ditto\", \"scaffold\", \"k-means\", \"mbc\", \"cfl\" or \"oracle\", got \"fedavg\"",
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

private let cluster: [Step] = ["population", "clusters", 0]
private let synthetic: JSONValue = ["name": "synthetic", "synthetic": ["train_examples": 100_000]]

let malformedScenarios: [Malformed] = [
  // Top level.
  .shape("name", "is missing", (["name"], nil)),
  .shape("name", "must be a name", (["name"], "")),
  .shape("name", "must be a name", (["name"], "../etc")),
  .shape("name", "must be a name", (["name"], "-skewed")),
  .shape("name", "must be a name", (["name"], .string(String(repeating: "a", count: 65)))),
  .shape("name", "got null", (["name"], .null)),
  .shape("name", "must be a name", (["name"], "größe")),
  .shape(
    "description", "at most 2000", (["description"], .string(String(repeating: "a", count: 2001)))),
  .shape("seed", "at least 0", (["seed"], -1)),
  .shape("seed", "at most 2^53", (["seed"], .integer(1 << 53 + 1))),
  .shape("seed", "must be an integer", (["seed"], 0.5)),
  .shape("rounds", "is missing; write an integer from 1 to 100000", (["rounds"], nil)),
  .shape("rounds", "at least 1, got -3", (["rounds"], -3)),
  .shape("rounds", "at most 100000", (["rounds"], 100_001)),
  .shape("rounds", "got 1e+300", (["rounds"], 1e300)),
  .shape("rounds", "got the string \"20\"", (["rounds"], "20")),
  .shape("rounds", "got true", (["rounds"], true)),
  .shape("cohort_size", "at least 1", (["cohort_size"], 0)),
  .cross("cohort_size", "at most the number of clients, 21, got 22", (["cohort_size"], 22)),
  .shape("round", "did you mean \"rounds\"", (["round"], 5)),
  .shape("zzz", "the keys here are", (["zzz"], 5)),
  .shape("evaluation.every", "at least 1", (["evaluation"], ["every": 0])),
  // Data.
  .shape("data.name", "did you mean \"fashion-mnist\"", (["data", "name"], "fashion_mnist")),
  .shape("data.name", "is missing", (["data", "name"], nil)),
  .shape("data.path", "got 5", (["data", "path"], 5)),
  .shape("data.public_examples", "at least 0", (["data", "public_examples"], -1)),
  .cross(
    "data.public_examples", "at most the 60000 training examples",
    (["data", "public_examples"], 60_001),
    (["data", "name"], "mnist"), (["population", "overlap"], true)),
  .shape("data.synthetic", "only of \"synthetic\"", (["data", "synthetic"], [:])),
  .shape("data.label_column", "only of \"images\", \"csv\"", (["data", "label_column"], "y")),
  .shape("data.path", "is missing", (["data"], ["name": "csv", "label_column": "y"])),
  .shape("data.label_column", "is missing", (["data"], ["name": "csv", "path": "a.csv"])),
  .shape(
    "data.label_column", "got a list of 1",
    (["data"], ["name": "csv", "path": "a.csv", "label_column": ["y"]])),
  .shape(
    "data.header", "true or false",
    (["data"], ["name": "csv", "path": "a", "label_column": 0, "header": 1])),
  .shape(
    "data.synthetic.classes", "at least 2",
    (["data"], ["name": "synthetic", "synthetic": ["classes": 1]])),
  .shape(
    "data.synthetic.separation", "at least 0",
    (["data"], ["name": "synthetic", "synthetic": ["separation": -1]])),
  .shape(
    "data.synthetic.features", "at most 10000",
    (["data"], ["name": "synthetic", "synthetic": ["features": 10_001]])),
  // Population.
  .shape("population", "is missing", (["population"], nil)),
  .shape("population", "must be an object", (["population"], [])),
  .shape("population.clusters", "at least 1 entries", (["population", "clusters"], [])),
  .shape("population.clusters", "must be a list", (["population", "clusters"], 4)),
  .shape("population.clusters[0]", "must be an object", (cluster, 5)),
  .shape("population.overlap", "true or false", (["population", "overlap"], "yes")),
  .shape(
    "population.test_examples_per_client", "at least 1",
    (["population", "test_examples_per_client"], 0)),
  .cross(
    "population.test_examples_per_client", "at most the 10000 test examples",
    (["population", "test_examples_per_client"], 10_001)),
  .shape(
    "population.label_skew.type", "did you mean \"dirichlet\"",
    (["population", "label_skew"], ["type": "dirichelet", "alpha": 1])),
  .shape(
    "population.label_skew.alpha", "at least 0.001",
    (["population", "label_skew"], ["type": "dirichlet", "alpha": 0])),
  .shape(
    "population.label_skew.alpha", "is missing",
    (["population", "label_skew"], ["type": "dirichlet"])),
  .shape(
    "population.label_skew.alpha", "only of \"dirichlet\"",
    (["population", "label_skew"], ["type": "shards", "per_client": 2, "alpha": 1])),
  .cross(
    "population.label_skew.per_client", "number of classes, 10, got 11",
    (["population", "label_skew"], ["type": "shards", "per_client": 11])),
  .cross(
    "population.clusters[0].label_skew.per_client", "number of classes",
    (cluster + ["label_skew"], ["type": "shards", "per_client": 11])),
  .shape(
    "population.quantity_skew.sigma", "at most 3",
    (["population", "quantity_skew"], ["type": "lognormal", "sigma": 4])),
  .shape("population.quantity_skew", "must be an object", (["population", "quantity_skew"], 1)),
  // Clusters.
  .shape("population.clusters[0].name", "is missing", (cluster + ["name"], nil)),
  .cross(
    "population.clusters[1].name", "already the name of clusters[0]",
    (["population", "clusters", 1, "name"], "rotated-180")),
  .shape("population.clusters[0].clients", "at least 1, got 0", (cluster + ["clients"], 0)),
  .shape("population.clusters[0].clients", "at least 1, got -6", (cluster + ["clients"], -6)),
  .shape("population.clusters[0].clients", "at most 1000000", (cluster + ["clients"], 1_000_001)),
  .shape("population.clusters[0].clients", "got 2.5", (cluster + ["clients"], 2.5)),
  .shape("population.clusters[0].minority", "true or false", (cluster + ["minority"], 1)),
  .shape(
    "population.clusters[0].examples_per_client", "is missing",
    (cluster + ["examples_per_client"], nil)),
  .shape(
    "population.clusters[0].examples_per_client", "at least 1, got 0",
    (cluster + ["examples_per_client"], 0)),
  .shape(
    "population.clusters[0].examples_per_client", "got null",
    (cluster + ["examples_per_client"], .null)),
  .shape(
    "population.clusters[0].examples_per_client[1]", "at least 1",
    (cluster + ["examples_per_client"], [1000, 0, 1000])),
  .cross(
    "population.clusters[0].examples_per_client", "one entry for each of the 3 clients, got 2",
    (cluster + ["examples_per_client"], [1000, 1000])),
  .shape(
    "population.clusters[0].examples_per_client.max", "is missing",
    (cluster + ["examples_per_client"], ["min": 100])),
  .cross(
    "population.clusters[0].examples_per_client.max", "at least min, which is 900, got 800",
    (cluster + ["examples_per_client"], ["min": 900, "max": 800])),
  .cross(
    "population.clusters", "up to 66000 examples but there are only the 50000 training examples",
    (cluster + ["examples_per_client"], 16_000)),
  .cross(
    "population.clusters", "examples but there are only",
    (cluster + ["examples_per_client"], ["min": 100, "max": 16_000])),
  .cross(
    "population.clusters[0].examples_per_client", "at most the 50000",
    (cluster + ["examples_per_client"], 50_001), (["population", "overlap"], true)),
  .shape(
    "population.clusters[0].shift.rotation", "at most 360",
    (cluster + ["shift", "rotation"], 361)),
  .shape(
    "population.clusters[0].shift.rotation", "must be a number",
    (cluster + ["shift", "rotation"], "90")),
  .shape(
    "population.clusters[0].shift.angle", "did you mean \"rotation\"",
    (cluster + ["shift", "angle"], 90)),
  .shape("population.clusters[0].shift", "got null", (cluster + ["shift"], .null)),
  .shape(
    "population.clusters[0].shift.label_permutation[2]", "repeats entry 0",
    (cluster + ["shift", "label_permutation"], [0, 1, 0])),
  .cross(
    "population.clusters[0].shift.label_permutation", "each class from 0 to 9 once",
    (cluster + ["shift", "label_permutation"], [1, 0])),
  .cross(
    "population.clusters[0].shift.label_offset", "below the number of classes, 10, got 10",
    (cluster + ["shift", "label_offset"], 10)),
  .shape(
    "population.clusters[0].shift.label_offset", "at least 0",
    (cluster + ["shift", "label_offset"], -1)),
  .shape(
    "population.clusters[0].shift.feature_noise", "at least 0",
    (cluster + ["shift", "feature_noise"], -0.1)),
  .shape(
    "population.clusters[0].privacy.target_epsilon", "above 0",
    (cluster + ["privacy"], ["target_epsilon": 0])),
  .shape(
    "population.clusters[0].privacy.accountant", "did you mean \"privacy.accountant\"",
    (cluster + ["privacy"], ["accountant": "pld"])),
  .cross(
    "population.clusters[0].client_privacy", "one entry for each of the 3 clients, got 1",
    (cluster + ["client_privacy"], [[:]])),
  .shape(
    "population.clusters[0].client_privacy[1].target_delta", "below 1",
    (cluster + ["client_privacy"], [[:], ["target_delta": 1], [:]])),
  .shape(
    "population.clusters[0].client_privacy[1]", "must be an object, got 5",
    (cluster + ["client_privacy"], [[:], 5, [:]])),
  // Model and adapter.
  .shape(
    "model.name", "must be \"cnn\", \"mlp\", \"logistic\", \"resnet\", \"bert\" or \"gpt\"",
    (["model", "name"], "vgg")),
  .shape("model.hidden", "only of \"mlp\"", (["model", "hidden"], [64])),
  .shape(
    "model.hidden", "at least 1 entries", (["model"], ["name": "mlp", "hidden": []]),
    (["adapter"], .null)),
  .shape(
    "model.hidden[1]", "at least 1", (["model"], ["name": "mlp", "hidden": [64, 0]]),
    (["adapter"], .null)),
  .shape("model.pretraining.epochs", "is missing", (["model", "pretraining", "epochs"], nil)),
  .shape(
    "model.pretraining.momentum", "at most 0.999", (["model", "pretraining", "momentum"], 1)),
  .shape(
    "model.pretraining.learning_rate", "above 0",
    (["model", "pretraining", "learning_rate"], 0)),
  .cross("model.pretraining", "needs public examples", (["data", "public_examples"], 0)),
  .cross(
    "model.pretraining.batch_size", "at most data.public_examples, 16",
    (["data", "public_examples"], 16)),
  .cross(
    "model.name", "a cnn needs images", (["data"], synthetic), (["model"], ["name": "cnn"]),
    (["population", "clusters", 0, "shift"], [:]), (["population", "clusters", 2, "shift"], [:]),
    (["population", "clusters", 3, "shift"], [:])),
  .cross(
    "population.clusters[0].shift.rotation", "only images can be rotated",
    (["data"], synthetic), (["model"], ["name": "logistic"]), (["adapter"], .null),
    (["population", "clusters", 2, "shift"], [:]), (["population", "clusters", 3, "shift"], [:])),
  .cross(
    "data.synthetic", "examples times features",
    (
      ["data"],
      ["name": "synthetic", "synthetic": ["train_examples": 1_000_000, "features": 1000]]
    ),
    (["model"], ["name": "logistic"]), (["adapter"], .null),
    (["population", "clusters"], [["name": "a", "clients": 2, "examples_per_client": 50]])),
  .shape(
    "adapter.type",
    "must be \"lora\", \"rgp\", \"ia3\", \"bitfit\", \"layer_norm\", "
      + "\"linear_probe\"",
    (["adapter", "type"], "dora")),
  .shape("adapter.r", "at least 1", (["adapter", "r"], 0)),
  .cross("adapter.r", "at most 10, the smaller side of fc", (["adapter", "r"], 11)),
  .cross(
    "adapter.r", "at most 16, the smaller side of conv1", (["adapter", "r"], 17),
    (["adapter", "target_modules"], ["conv1"])),
  .shape("adapter.lora_alpha", "above 0", (["adapter", "lora_alpha"], 0)),
  .shape("adapter.lora_alpha", "is missing", (["adapter", "lora_alpha"], nil)),
  .shape("adapter.target_modules", "at least 1", (["adapter", "target_modules"], [])),
  .cross(
    "adapter.target_modules[1]", "the cnn has no layer \"fc2\"; its layers are conv1, conv2, fc",
    (["adapter", "target_modules"], ["fc", "fc2"])),
  .shape(
    "adapter.target_modules[1]", "repeats entry 0", (["adapter", "target_modules"], ["fc", "fc"])),
  .shape("adapter.freeze_a", "true or false", (["adapter", "freeze_a"], "true")),
  .shape("adapter.aggregation", "\"fedsvd\"", (["adapter", "aggregation"], "mean")),
  .shape("adapter.layer_ranks[0]", "at least 1", (["adapter", "layer_ranks"], [0, 1])),
  .cross(
    "adapter.layer_ranks", "a rank for each of the 2 target_modules",
    (["adapter", "layer_ranks"], [1])),
  .cross(
    "adapter.layer_ranks[1]", "at most 10, the smaller side of fc",
    (["adapter", "layer_ranks"], [1, 11])),
  .cross("adapter.client_ranks", "ffa-lora needs equal ranks", (["adapter", "client_ranks"], [1])),
  .cross(
    "adapter.client_ranks", "at most 4, the adapter's rank",
    (["adapter", "client_ranks"], [2, 5]),
    (["adapter", "aggregation"], "flora")),
  .cross(
    "adapter.aggregation", "needs more than one sum over clients",
    (["adapter", "aggregation"], "deer"), (["privacy", "unit"], "client"),
    (["method"], ["name": "oracle"])),
  .cross(
    "server.optimizer", "flora decides itself", (["adapter", "aggregation"], "flora"),
    (["server"], ["optimizer": ["name": "fedavgm"]])),
  .cross(
    "adapter.aggregation", "knows no fedsvd", (["adapter", "aggregation"], "fedsvd"),
    (["method", "variant"], "as-released")),
  // Local training.
  .shape("local.steps", "epochs and steps exclude one another", (["local", "steps"], 5)),
  .shape("local.epochs", "at least 1", (["local", "epochs"], 0)),
  .shape("local.batch_size", "is missing", (["local", "batch_size"], nil)),
  .shape("local.batch_size", "at least 1", (["local", "batch_size"], 0)),
  .cross(
    "local.batch_size", "cannot exceed the data: must be at most 900",
    (["local", "batch_size"], 901),
    (cluster + ["examples_per_client"], ["min": 900, "max": 1000])),
  .shape("local.learning_rate", "above 0, got -0.5", (["local", "learning_rate"], -0.5)),
  .shape("local.learning_rate", "at most 100", (["local", "learning_rate"], 101)),
  .shape(
    "local.max_physical_batch_size", "at least 1", (["local", "max_physical_batch_size"], 0)),
  // Privacy.
  .shape("privacy", "is missing", (["privacy"], nil)),
  .shape("privacy.target_epsilon", "is missing", (["privacy", "target_epsilon"], nil)),
  .shape(
    "privacy.target_epsilon", "write null to train without privacy",
    (["privacy", "target_epsilon"], 0)),
  .shape("privacy.target_epsilon", "at most 1000", (["privacy", "target_epsilon"], 1e6)),
  .shape("privacy.target_epsilon", "got the string", (["privacy", "target_epsilon"], "none")),
  .shape("privacy.target_delta", "above 0", (["privacy", "target_delta"], 0)),
  .shape("privacy.target_delta", "below 1", (["privacy", "target_delta"], 1)),
  .shape("privacy.target_delta", "got null", (["privacy", "target_delta"], .null)),
  .shape("privacy.max_grad_norm", "at least 1e-06", (["privacy", "max_grad_norm"], 0)),
  .shape("privacy.max_grad_norm", "at least 1e-06", (["privacy", "max_grad_norm"], 1e-46)),
  .shape("privacy.unit", "must be \"example\" or \"client\"", (["privacy", "unit"], "person")),
  .shape("privacy.noise_multiplier", "at least 0", (["privacy", "noise_multiplier"], -1)),
  .shape(
    "privacy.on_budget_exhausted", "must be \"stop\" or \"continue\"",
    (["privacy", "on_budget_exhausted"], "halt")),
  .shape("privacy.individual", "true or false", (["privacy", "individual"], "yes")),
  .shape(
    "privacy.clips_without_noise", "true or false", (["privacy", "clips_without_noise"], 1)),
  .shape(
    "privacy.relation", "must be \"add-or-remove-one\"", (["privacy", "relation"], "replace-one")),
  .shape("privacy.accountant", "did you mean \"rdp\"", (["privacy", "accountant"], "rdpp")),
  // Methods.
  .shape("method", "must be an object", (["method"], "r-dpcfl")),
  .shape("method.name", "is missing", (["method", "name"], nil)),
  .shape("method.name", "did you mean \"r-dpcfl\"", (["method", "name"], "rdpcfl")),
  .shape("method.lambda", "only of \"mr-mtl\"", (["method", "lambda"], 1)),
  .shape("method.lambda", "at least 0", (["method"], ["name": "mr-mtl", "lambda": -1])),
  .shape(
    "method.num_clusters", "only of \"r-dpcfl\", \"ifca\", \"k-means\" or \"mbc\"",
    (["method"], ["name": "global", "num_clusters": 4])),
  .cross(
    "method.num_clusters", "at most the number of clients, 21, got 22",
    (["method", "num_clusters"], 22)),
  .cross(
    "method.num_clusters", "at most the number of clients",
    (["method"], ["name": "ifca", "num_clusters": 30])),
  .cross(
    "method.candidate_clusters[1]", "at most the number of clients",
    (["method", "candidate_clusters"], [2, 25])),
  .shape("method.candidate_clusters", "at least 1", (["method", "candidate_clusters"], [])),
  .shape("method.criterion", "must be \"separation\"", (["method", "criterion"], "aic")),
  .shape("method.variant", "\"as-intended\" or", (["method", "variant"], "fixed")),
  .cross("method.components", "at most the number of clients", (["method", "components"], 22)),
  .shape("method.components", "at least 1", (["method", "components"], 0)),
  .shape("method.mixture_starts", "at least 1", (["method", "mixture_starts"], 0)),
  .shape(
    "method.selection_epsilon_ratio", "above 0", (["method", "selection_epsilon_ratio"], 0)),
  .shape(
    "method.selection_epsilon_ratio", "below 1", (["method", "selection_epsilon_ratio"], 1)),
  .shape(
    "method.selection_rounds_ratio", "at most 1", (["method", "selection_rounds_ratio"], 1.5)),
  .shape(
    "method.first_round_noise_ratio", "at least 0.01", (["method", "first_round_noise_ratio"], 0)),
  .shape(
    "method.first_round_learning_rate", "above 0",
    (["method", "first_round_learning_rate"], 0)),
  .cross("rounds", "at least 2 for r-dpcfl", (["rounds"], 1)),
  .cross(
    "population.clusters", "at least 2 clients to tell apart",
    (["population", "clusters"], [["name": "a", "clients": 1, "examples_per_client": 500]])),
]
