// One batch on several workers: the bits of one worker, whoever takes which tile.

import Kernels
import Learning
import Testing

/// A batch and how it is worked through.
private struct Pass: Equatable {
  var sum: [UInt32]
  var statistics: BatchStatistics
  var norms: [String] = []
  var losses: [String] = []

  init<Source: ExampleSource>(
    _ network: Network, _ source: Source, _ positions: [Int], _ clipping: Clipping, count: Int
  ) {
    var sum = [Float](repeating: 0, count: count)
    var norms: [String] = []
    statistics = network.addClippedSum(
      of: source, at: positions, clipping: clipping, to: &sum,
      normObserver: { norms.append("\($0) \($1.bitPattern)") })
    self.sum = sum.map(\.bitPattern)
    self.norms = norms
    var losses: [String] = []
    _ = network.evaluate(
      source,
      observe: { losses.append("\($0.position) \($0.predicted)") },
      lossObserver: { losses.append("\($0) \($1.bitPattern)") })
    self.losses = losses
  }
}

/// A layer whose sum is its own, as other packages may write them.
private struct OwnSum: LayerSpec {
  let inner: any LayerSpec
  var name: String { inner.name }
  var tensors: [TensorSpec] { inner.tensors }
  var hosts: [HostSpec] { inner.hosts }
  func work(length: Int) -> LayerWork { inner.work(length: length) }
  func featureShape(_ mode: HostMode) -> FeatureShape { inner.featureShape(mode) }
  func makeLayer(in context: LayerContext) -> any Layer {
    OwnSumLayer(inner.makeLayer(in: context))
  }
}

private final class OwnSumLayer: Layer {
  let inner: any Layer
  init(_ inner: any Layer) { self.inner = inner }
  var input: FloatBuffer { inner.input }
  var inputGradient: FloatBuffer { inner.inputGradient }
  var inputStride: Int { inner.inputStride }
  func load(frozen: FrozenParameters) { inner.load(frozen: frozen) }
  func load(trainable: [Float]) { inner.load(trainable: trainable) }
  func forward(_ tile: Tile) { inner.forward(tile) }
  func backward(_ tile: Tile, needsInputGradient: Bool) {
    inner.backward(tile, needsInputGradient: needsInputGradient)
  }
  func squaredNorm(of example: Int) -> Double { inner.squaredNorm(of: example) }
  func accumulate(_ tile: Tile, coefficients: [Float]) {
    inner.accumulate(tile, coefficients: coefficients)
  }
  func drainSum(into total: inout [Float]) { inner.drainSum(into: &total) }
}

@Suite("One batch on several workers")
struct NetworkTeamTests {
  private func clippings(_ plan: TrainingPlan) -> [Clipping] {
    var all: [Clipping] = [
      .none, .flat(maxGradNorm: 0.5), .automatic(maxGradNorm: 0.5, gamma: 0.01),
    ]
    if let groups = try? plan.groups() {
      let bounds = (0..<groups.count).map { 0.1 + 0.05 * Float($0) }
      all.append(
        .grouped(GroupBounds(groups: groups, maxGradNorms: bounds, thresholds: bounds)))
    }
    return all
  }

  @Test(
    "sums, norms, losses and predictions have the bits of one worker", arguments: try Case.all())
  func sameBits(_ test: Case) throws {
    let source = test.examples(41, seed: 6)
    let positions = (0..<41).map { ($0 * 17) % 41 }
    let (network, theta) = test.prepared(seed: 3)
    for clipping in clippings(test.plan) {
      network.idleWorkers = nil
      network.load(trainable: theta)
      let expected = Pass(network, source, positions, clipping, count: theta.count)
      for workers in [1, 3] {
        let idle = IdleWorkers()
        idle.add(workers)
        network.idleWorkers = idle
        network.load(trainable: theta)
        let pass = Pass(network, source, positions, clipping, count: theta.count)
        #expect(pass == expected, "\(clipping), \(workers)")
        #expect(idle.count == workers)
      }
    }
  }

  @Test("texts of all lengths too", arguments: try TokenCase.all())
  func texts(_ test: TokenCase) throws {
    let texts = test.texts()
    let positions = (0..<3).flatMap { _ in 0..<texts.count }
    let (network, theta) = test.prepared()
    for clipping in clippings(test.plan) {
      network.idleWorkers = nil
      network.load(trainable: theta)
      let expected = Pass(network, texts, positions, clipping, count: theta.count)
      let idle = IdleWorkers()
      idle.add(2)
      network.idleWorkers = idle
      network.load(trainable: theta)
      #expect(Pass(network, texts, positions, clipping, count: theta.count) == expected)
    }
  }

  @Test("helpers follow the parameters, and features are shared")
  func features() throws {
    let plan = try TrainingPlan(
      architecture: try .cnn(height: 8, width: 12, channels: 1, classes: 4),
      adapter: Case.lora(["conv2", "fc"], freezeA: true))
    let test = Case(name: "cached", plan: plan)
    let source = test.examples(50, seed: 2)
    let (network, theta) = test.prepared(seed: 5)
    let features = network.frozenFeatures(of: source)
    let idle = IdleWorkers()
    idle.add(2)
    for scale: Float in [1, -2, 0.5] {
      let parameters = theta.map { $0 * scale }
      func sum(_ idle: IdleWorkers?) -> [Float] {
        network.idleWorkers = idle
        network.load(trainable: parameters)
        var sum = [Float](repeating: 0, count: theta.count)
        _ = network.addClippedSum(
          of: source, at: Array(0..<50), features: features, clipping: .flat(maxGradNorm: 1),
          to: &sum)
        return sum
      }
      #expect(sum(idle) == sum(nil))
    }
  }

  @Test("a model with a layer that keeps its sum to itself is left to one worker")
  func ownSum() throws {
    let architecture = Architecture.mlp(inputs: 9, hidden: [8], classes: 5)
    let own = Architecture(
      name: "own", input: architecture.input, classes: 5,
      layers: [OwnSum(inner: architecture.layers[0]), architecture.layers[1]])
    let test = Case(name: "own", plan: try TrainingPlan(architecture: own))
    let (network, theta) = test.prepared(seed: 1)
    let idle = IdleWorkers()
    idle.add(3)
    let source = test.examples(30, seed: 3)
    let expected = Pass(network, source, Array(0..<30), .none, count: theta.count)
    network.idleWorkers = idle
    network.load(trainable: theta)
    #expect(Pass(network, source, Array(0..<30), .none, count: theta.count) == expected)
  }
}
