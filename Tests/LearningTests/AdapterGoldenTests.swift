// Kinds of adapters on a tiny BERT against golden values: logits, losses, norms of every tensor's per-example
// gradient, clipped sums, and merged weights.

import Kernels
import Learning
import TestSupport
import Testing

/// A kind of `adapters.json` and the adapter that it describes.
struct GoldenKind: CustomTestStringConvertible, Sendable {
  let name: String
  /// Nil where the whole model is trained.
  let adapter: (any Adapter)?
  /// From the file's names of tensors to ours.
  let slotName: @Sendable (String) -> String
  var testDescription: String { name }

  private static let attention = "attention.self"
  private static let saved = ["classifier"]

  static func all() throws -> [GoldenKind] {
    let golden = try AdapterGolden.load()
    let blocks = (0..<2).map { "encoder.layer.\($0)" }
    let dense = blocks.flatMap { ["\($0).attention.output.dense", "\($0).output.dense"] }
    @Sendable func same(_ name: String) -> String { name }
    /// `layer0.attention.down` is a tensor on the first block's `attention.output.dense`.
    @Sendable func onDense(_ name: String) -> String {
      let parts = name.split(separator: ".")
      guard parts.count > 2, parts[0].hasPrefix("layer") else { return name }
      let host = parts[1] == "attention" ? "attention.output.dense" : "output.dense"
      return "encoder.layer.\(parts[0].dropFirst(5)).\(host)."
        + parts[2...].joined(separator: "_")
    }
    return [
      GoldenKind(name: "full", adapter: nil, slotName: same),
      GoldenKind(
        name: "head", adapter: ModelTensorAdapter(.nothing, modulesToSave: saved), slotName: same),
      GoldenKind(
        name: "lora_b_only",
        adapter: LoRAConfiguration(
          rank: 2, loraAlpha: 4, targetModules: ["query", "value"], trained: .b,
          modulesToSave: saved), slotName: same),
      GoldenKind(
        name: "lora",
        adapter: LoRAConfiguration(
          rank: 2, loraAlpha: 4, targetModules: ["query", "value"], trained: .both,
          modulesToSave: saved), slotName: same),
      GoldenKind(
        name: "sparse",
        adapter: SparseAdapter(
          rank: 1, targetModules: ["query", "value"],
          mask: .places(golden.kinds["sparse"]?.indices ?? [:]), modulesToSave: saved),
        slotName: { $0.replacing(".sparse", with: ".shira_weight") }),
      GoldenKind(
        name: "lorta",
        adapter: LoRTAAdapter(
          rank: 3, loraAlpha: 6, heads: 4, trainsAll: true,
          targetModules: ["query", "key", "value"], modulesToSave: saved),
        slotName: {
          $0.contains(".") ? $0 : "encoder.layer.0.attention.self.query.lorta_\($0)"
        }),
      GoldenKind(
        name: "finegates",
        adapter: FineGatesAdapter(
          targetModules: dense + blocks.map { "\($0).intermediate.dense" }, modulesToSave: saved),
        slotName: same),
      GoldenKind(
        name: "ia3",
        adapter: IA3Adapter(
          targetModules: ["key", "value"] + blocks.map { "\($0).output.dense" },
          feedforwardModules: blocks.map { "\($0).output.dense" }, modulesToSave: saved),
        slotName: same),
      GoldenKind(
        name: "vera",
        adapter: VeRAAdapter(
          rank: 3, targetModules: ["query", "value"], modulesToSave: saved),
        slotName: {
          $0.contains(".") ? $0 : "encoder.layer.0.attention.self.query.\($0)"
        }),
      GoldenKind(
        name: "bottleneck",
        adapter: BottleneckAdapter(width: 4, targetModules: dense, modulesToSave: saved),
        slotName: onDense),
      GoldenKind(
        name: "compacter",
        adapter: CompacterAdapter(
          width: 4, factors: 2, trainsRule: true, targetModules: dense, modulesToSave: saved),
        slotName: {
          $0 == "phm_rule" ? "encoder.layer.0.attention.output.dense.phm_rule" : onDense($0)
        }),
      GoldenKind(
        name: "bitfit", adapter: ModelTensorAdapter(.biases, modulesToSave: saved), slotName: same),
      GoldenKind(
        name: "layer_norm", adapter: ModelTensorAdapter(.norms, modulesToSave: saved),
        slotName: same),
    ]
  }

  /// Values for slots by the file's names; those that it does not have keep the model's own.
  func fill(_ slots: [ParameterSlot], from golden: AdapterGolden) throws -> [Float] {
    let kind = try #require(golden.kinds[name])
    var known: [String: [Float]] = [:]
    for tensor in golden.tensors { known[tensor.name] = tensor.values }
    for tensor in kind.tensors { known[slotName(tensor.name)] = tensor.values }
    return try slots.flatMap { slot in
      let values = try #require(known[slot.name], "\(slot.name) of \(name)")
      #expect(values.count == slot.count, "\(slot.name)")
      return values
    }
  }
}

@Suite("Kinds of adapters against golden values")
struct AdapterGoldenTests {
  let golden: AdapterGolden

  init() throws { golden = try AdapterGolden.load() }

  private func network(
    _ test: GoldenKind, objective: (any Objective)? = nil
  ) throws -> (network: Network, frozen: FrozenParameters, theta: [Float]) {
    let model = try TransformerGolden.bert(objective: objective)
    let plan = try TrainingPlan(architecture: model, adapter: test.adapter)
    let frozen = FrozenParameters(
      base: try test.fill(model.slots, from: golden),
      factors: try test.fill(plan.frozenFactorSlots, from: golden))
    let theta = try test.fill(plan.slots, from: golden)
    let network = Network(plan: plan, tile: 4, rows: 64)
    network.load(frozen: frozen)
    network.load(trainable: theta)
    return (network, frozen, theta)
  }

  private func logits(_ network: Network, _ recorder: OutputRecorder) -> [[Float]] {
    _ = network.evaluate(golden.texts)
    return golden.labels.indices.map { recorder.outputs[$0] ?? [] }
  }

  @Test("logits, losses and trained numbers", arguments: try GoldenKind.all())
  func forward(_ test: GoldenKind) throws {
    let kind = try #require(golden.kinds[test.name])
    let recorder = OutputRecorder()
    let (recording, _, _) = try network(test, objective: Recording(recorder: recorder))
    for (logits, example) in zip(logits(recording, recorder), kind.examples) {
      #expect(distance(logits, example.logits) < 1e-5)
    }
    let (network, _, theta) = try network(test)
    var losses: [Double] = []
    _ = network.evaluate(golden.texts, lossObserver: { losses.append($1) })
    for (loss, example) in zip(losses, kind.examples) {
      #expect(isClose(loss, example.loss, relative: 1e-5))
    }
    #expect(theta.count == kind.trained + 16 * 3 + 3)
  }

  @Test("gradients of every example, tensor by tensor", arguments: try GoldenKind.all())
  func gradients(_ test: GoldenKind) throws {
    let kind = try #require(golden.kinds[test.name])
    let (network, _, theta) = try network(test)
    for (i, example) in kind.examples.enumerated() {
      var gradient = [Float](repeating: 0, count: theta.count)
      var measured = 0.0
      _ = network.addClippedSum(
        of: golden.texts, at: [i], clipping: .flat(maxGradNorm: 1e6), to: &gradient
      ) { measured = $1 }
      #expect(example.gradNorms.count >= network.plan.slots.count - 2)
      for (name, expected) in example.gradNorms {
        let slot = try #require(network.plan.trainedSlot(test.slotName(name)), "\(name)")
        #expect(
          isClose(
            norm(Array(gradient[slot.range])), expected, relative: 2e-5,
            absolute: 2e-7 * example.trainableNorm), "\(name) of \(i)")
      }
      // Tensors that hosts share are summed over all uses before the norm.
      #expect(isClose(measured, example.trainableNorm, relative: 2e-5))
      #expect(isClose(norm(gradient), example.trainableNorm, relative: 2e-5))
    }
  }

  @Test("the clipped sum over the four examples", arguments: try GoldenKind.all())
  func clippedSum(_ test: GoldenKind) throws {
    let kind = try #require(golden.kinds[test.name])
    let (network, _, theta) = try network(test)
    var sum = [Float](repeating: 0, count: theta.count)
    let statistics = network.addClippedSum(
      of: golden.texts, at: Array(0..<4), clipping: .flat(maxGradNorm: golden.clip), to: &sum)
    #expect(statistics.examples == 4 && statistics.notFinite == 0)
    #expect(kind.clippedSum.count == network.plan.slots.count)
    for (name, expected) in kind.clippedSum {
      let slot = try #require(network.plan.trainedSlot(test.slotName(name)), "\(name)")
      let values = Array(sum[slot.range])
      // Clipping leaves a margin of 2e-5.
      #expect(isClose(norm(values), expected.norm, relative: 5e-5, absolute: 1e-6), "\(name)")
      #expect(
        isClose(
          values.reduce(0) { $0 + Double($1) }, expected.sum, relative: 1e-4,
          absolute: 1e-4 * expected.norm + 1e-6), "\(name)")
    }
  }

  @Test("merged weights do what the adapter does", arguments: try GoldenKind.all())
  func merged(_ test: GoldenKind) throws {
    guard test.adapter?.isMergeable == true else { return }
    let kind = try #require(golden.kinds[test.name])
    let (adapted, frozen, theta) = try network(test)
    let recorder = OutputRecorder()
    let model = try TransformerGolden.bert(objective: Recording(recorder: recorder))
    let whole = Network(plan: try TrainingPlan(architecture: model), tile: 4, rows: 64)
    let merged = adapted.plan.merged(frozen: frozen, trainable: theta)
    whole.load(frozen: FrozenParameters(base: frozen.base, factors: []))
    whole.load(trainable: merged)
    for (logits, example) in zip(logits(whole, recorder), kind.examples) {
      #expect(distance(logits, example.logits) < 1e-5)
    }
  }

  @Test("closed gates are counted")
  func closedGates() throws {
    let kind = try #require(golden.kinds["finegates"])
    let closed = kind.tensors.reduce(0) { $0 + FineGatesAdapter.gates($1.values).count { $0 == 0 } }
    #expect(closed == kind.closedGates)
  }

  @Test("groups of layers are refused for tensors that layers share")
  func sharedGroups() throws {
    let test = try #require(GoldenKind.all().first { $0.name == "lorta" })
    let (network, _, _) = try network(test)
    #expect(throws: ArchitectureError.self) { try network.plan.groups() }
  }
}
