// Runs each example and ends with 1 if one does not do what its file says.

import Analysis
import DPFLSim
import Foundation

func expect(_ holds: Bool, _ claim: String) {
  print(holds ? "ok    " : "FAILED", claim)
  if !holds { exit(1) }
}

// MARK: - A method, from a scenario's text to its result

try MethodCatalog.add(runnable: FixedClusters.self)
let text = """
  {
    "name": "own-method", "rounds": 6,
    "data": { "name": "synthetic", "synthetic": { "classes": 4, "features": 12, "train_examples": 4000 } },
    "population": { "clusters": [
      { "name": "north", "clients": 2, "examples_per_client": 300 },
      { "name": "south", "clients": 3, "examples_per_client": 300, "shift": { "label_offset": 2 } } ] },
    "model": { "name": "logistic" },
    "local": { "batch_size": 30, "learning_rate": 0.5 },
    "privacy": { "target_epsilon": 5, "target_delta": 1e-4 },
    "method": { "name": "fixed-clusters", "clusters": [0, 0, 1, 1, 1] }
  }
  """

func run(_ overrides: String...) async throws -> RunResult {
  try await Scenario(json: Data(text.utf8), overrides: overrides).run().result
}

let own = try await run()
let oracle = try await run("method={\"name\": \"oracle\"}")
expect(own.method == "fixed-clusters", "a scenario names the method")
expect(
  own.clients.map(\.accuracy) == oracle.clients.map(\.accuracy),
  "with the true clusters written down it is the oracle, to the bit")
expect(own.clients.allSatisfy { ($0.epsilon ?? .infinity) <= 5 }, "its ε is counted and kept")
do {
  _ = try await run("method.clusters=[0,0,1]")
  expect(false, "a wrong number of clusters is refused")
} catch let error as ScenarioError {
  expect("\(error)".contains("method.clusters"), "a wrong number of clusters is refused: \(error)")
}

// MARK: - A model that a scenario names

try ModelCatalog.add(buildable: GainedNetwork.self)
let gained = try await run("model={\"name\": \"gained\", \"hidden\": 12}")
let mean = gained.clients.map(\.accuracy).reduce(0, +) / Double(gained.clients.count)
expect(mean > 0.5, "a scenario names the model, which learns: \(100 * mean) % in four classes")
let lora =
  try await run(
    "model={\"name\": \"gained\"}",
    "adapter={\"type\": \"lora\", \"r\": 2, \"lora_alpha\": 4, \"target_modules\": [\"fc1\", \"fc2\"]}"
  )
expect(
  lora.adapter != nil && lora.resultDigest != gained.resultDigest, "and adapters find its layers")
do {
  _ = try await run("model={\"name\": \"gained\", \"hidden\": 0}")
  expect(false, "its keys are checked")
} catch let error as ScenarioError {
  expect("\(error)".contains("model.hidden"), "its keys are checked: \(error)")
}

// MARK: - An adapter and a rule that a scenario names

try AdapterCatalog.add(buildable: RowSum.self)
let perceptron = "model={\"name\": \"mlp\", \"hidden\": [12]}"
let rowSum = try await run(
  perceptron,
  "adapter={\"type\": \"row-sum\", \"target_modules\": [\"fc1\"], \"modules_to_save\": [\"fc2\"]}")
expect(
  rowSum.adapter?.facts.trains == "a vector of each layer's outputs"
    && rowSum.clients.allSatisfy { ($0.epsilon ?? .infinity) <= 5 },
  "a scenario names the adapter, whose facts and ε stand in the result")
do {
  _ = try await run(
    perceptron, "adapter={\"type\": \"row-sum\", \"target_modules\": [\"fc9\"]}")
  expect(false, "a layer that the model lacks is refused")
} catch let error as ScenarioError {
  expect("\(error)".contains("fc9"), "a layer that the model lacks is refused: \(error)")
}
try AggregationCatalog.add(rule: MedianOfB.self)
let median = try await run(
  "adapter={\"type\": \"lora\", \"r\": 2, \"lora_alpha\": 4, \"target_modules\": [\"fc\"], "
    + "\"aggregation\": \"median-b\"}")
expect(
  median.adapter?.aggregation == "median-b" && (median.adapter?.largestError ?? 0) > 1e-3,
  "a scenario names the rule, whose distance from the exact average is measured")

// MARK: - A metric

try RunMetric.add(.smallestClusterPrice)
let price = RunMetric.smallestClusterPrice.value(of: own)
expect(
  price != nil && RunMetric.all.contains(.smallestClusterPrice),
  "a metric reads the result, and comparisons show it: \(100 * (price ?? 0)) points")

// MARK: - Data that a scenario names

try DatasetKinds.add(MoonsData.self)
let onMoons = try await run(
  "data={\"name\": \"moons\", \"train_examples\": 4000}", perceptron, "rounds=12",
  "population.clusters[1].shift={\"label_offset\": 1}")
let found = onMoons.clients.map(\.accuracy).reduce(0, +) / Double(onMoons.clients.count)
expect(found > 0.7, "a scenario names the data, which are learned: \(100 * found) % of two classes")
do {
  _ = try await run("data={\"name\": \"moons\", \"train_examples\": 1}")
  expect(false, "their keys are checked")
} catch let error as ScenarioError {
  expect("\(error)".contains("data.train_examples"), "their keys are checked: \(error)")
}

// MARK: - A source, a layer and an adapter under DP-SGD

let moons = TwoMoons(count: 400)

/// Clipped, noised training on the moons; the mean loss before and after it.
func losses(
  layers: [any LayerSpec], adapter: (any Adapter)? = nil
) throws -> (before: Double, after: Double) {
  let architecture = Architecture(name: "own", input: .floats(2), classes: 2, layers: layers)
  let plan = try TrainingPlan(architecture: architecture, adapter: adapter)
  let network = Network(plan: plan)
  let base = architecture.initialParameters(seed: 1)
  network.load(
    frozen: FrozenParameters(base: base, factors: plan.frozenFactors(seed: 1)))
  let start = plan.initialTrainable(base: base, seed: 1)
  let outcome = try LocalTraining.run(
    LocalWork(
      seed: 1, round: 0, client: 0, start: start, batches: .poisson(rate: 0.1, steps: 100),
      learningRate: 0.5, privacy: (maxGradNorm: 1, noiseMultiplier: 1)),
    on: moons, features: nil, network: network)
  func loss(_ theta: [Float]) -> Double {
    network.load(trainable: theta)
    let figures = network.evaluate(moons)
    return figures.loss / Double(figures.examples)
  }
  return (loss(start), loss(zip(start, outcome.delta).map { $0 + $1 }))
}

let layers: [any LayerSpec] = [
  GainSpec(name: "gain", width: 2),
  DenseSpec("fc1", inputs: 2, outputs: 16, isRectified: true),
  DenseSpec("fc2", inputs: 16, outputs: 2, isRectified: false),
]
let whole = try losses(layers: layers)
expect(
  whole.after < 0.6 * whole.before,
  "an own layer trains under DP-SGD on own data: loss \(whole.before) to \(whole.after)")
let adapter = RowSumAdapter(targetModules: ["fc1", "fc2"])
let adapted = try losses(layers: layers, adapter: adapter)
expect(
  adapted.after < adapted.before,
  "an own adapter trains \(16 + 2) numbers on frozen layers: loss \(adapted.before) to \(adapted.after)"
)
