// Merging against golden values and closed forms, and the generator of factors against its golden pull-back.

import Kernels
import Learning
import TestSupport
import Testing

@Suite("Merging and generators")
struct MergingTests {
  let golden: AdapterGolden

  init() throws { golden = try AdapterGolden.load() }

  private func expectEqual(_ a: [Double], _ b: [Double]) {
    #expect(a.count == b.count)
    for (x, y) in zip(a, b) { #expect(isClose(x, y, relative: 1e-10, absolute: 1e-10)) }
  }

  @Test("the published rules on three vectors")
  func rules() {
    let tasks = golden.merging.tasks
    expectEqual(TaskMerging.uniform.merge(tasks), golden.merging.uniform)
    expectEqual(TaskMerging.taskArithmetic(scale: 0.5).merge(tasks), golden.merging.taskArithmetic)
    expectEqual(
      TaskMerging.ties(density: 0.5, trim: .tensor).merge(tasks), golden.merging.ties)
    expectEqual(TaskMerging.sparseOverlap.merge(tasks), golden.merging.sparseOverlapMean)
    for (task, kept) in zip(tasks, golden.merging.tiesKept) {
      expectEqual(TaskMerging.trimmed(task, density: 0.5, parts: [0..<6]), kept)
    }
  }

  @Test("TIES by tensor keeps the largest of each tensor, by expert of all")
  func trims() {
    let tasks = [[5.0, 4, 0.2, 0.1]]
    let parts = [0..<2, 2..<4]
    expectEqual(
      TaskMerging.ties(density: 0.5, trim: .tensor).merge(tasks, tensors: parts), [5, 0, 0.2, 0])
    expectEqual(
      TaskMerging.ties(density: 0.5, trim: .expert).merge(tasks, tensors: parts), [5, 4, 0, 0])
  }

  @Test("DARE keeps the mean and the density, and the same places for the same seed")
  func dare() {
    let ones = [[Double](repeating: 1, count: 20_000)]
    let rule = TaskMerging.dare(density: 0.25, seed: 4)
    let merged = rule.merge(ones)
    #expect(merged == rule.merge(ones))
    #expect(merged.allSatisfy { $0 == 0 || $0 == 4 })
    // 20,000 draws: standard deviation of the mean 0.012.
    #expect(isClose(merged.reduce(0, +) / 20_000, 1, absolute: 0.06))
    #expect(merged != TaskMerging.dare(density: 0.25, seed: 5).merge(ones))
  }

  @Test("a generator emits factors and pulls a noisy gradient back")
  func generator() throws {
    let network = EmissionNetwork(inputs: 4, hidden: 5, outputs: 64)
    let parameters = golden.generator.tensors.flatMap(\.values)
    #expect(parameters.count == network.parameterCount)
    #expect(distance(network.emit(parameters[...]), golden.generator.emitted) < 1e-6)
    let noisy = AdapterGolden.Tensor(
      name: "noisy", shape: [64], k: 486, scale: 0.2, isOnePlus: false, isQuadratic: true)
    let gradient = network.pullBack(noisy.values[...], at: parameters[...])
    var next = 0
    for tensor in golden.generator.tensors {
      let count = tensor.shape.reduce(1, *)
      let own = Array(gradient[next..<next + count])
      next += count
      let expected = try #require(golden.generator.pulledBack[tensor.name])
      #expect(isClose(norm(own), expected.norm, relative: 1e-5), "\(tensor.name)")
      #expect(
        isClose(own.reduce(0) { $0 + Double($1) }, expected.sum, relative: 1e-4, absolute: 1e-5),
        "\(tensor.name)")
    }
  }

  @Test("a step on generators is a step on θ to first order, and exact for what none emits")
  func steps() throws {
    let model = Architecture.mlp(inputs: 6, hidden: [5], classes: 3)
    let plan = try TrainingPlan(
      architecture: model,
      adapter: LoRAConfiguration(
        rank: 2, loraAlpha: 2, targetModules: ["fc1"], trained: .both, modulesToSave: ["fc2"]))
    let generator = FactorGenerator(plan, hidden: 4, seed: 3)
    let theta = plan.initialTrainable(
      base: model.initialParameters(seed: 1), seed: 1)
    #expect(generator.theta(generator.initial, from: theta) == theta)
    let gradient = theta.indices.map { Float($0 % 5) - 2 }
    let pulled = generator.pullBack(gradient, at: generator.initial)
    let rate: Float = 1e-3
    let moved = zip(generator.initial, pulled).map { $0 - rate * $1 }
    let next = generator.theta(moved, from: theta)
    let whole = try #require(plan.trainedSlot("fc2.weight"))
    for i in whole.range { #expect(next[i] == theta[i] - rate * gradient[i]) }
    // ⟨g, Δθ⟩ = −η‖Jᵀg‖² to first order.
    var change = 0.0
    for i in gradient.indices { change += Double(next[i] - theta[i]) * Double(gradient[i]) }
    let square = pulled.reduce(0.0) { $0 + Double($1) * Double($1) }
    #expect(isClose(change, -Double(rate) * square, relative: 2e-2))
  }

  @Test("inner products of low-rank changes are those of the products, whatever the factors")
  func productGram() throws {
    let plan = try TrainingPlan(
      architecture: .mlp(inputs: 7, hidden: [6], classes: 3),
      adapter: LoRAConfiguration(
        rank: 2, loraAlpha: 3, targetModules: ["fc1"], freezeA: false, modulesToSave: ["fc2"]))
    let base = plan.architecture.initialParameters(seed: 2)
    let start = plan.initialTrainable(base: base, seed: 2)
    var stream = RandomStream(seed: 3, purpose: .test)
    var thetas = (0..<3).map { _ in start.map { $0 + Float(stream.nextGaussian()) } }
    let layer = try #require(plan.adaptedLayers.first)
    // Another pair of factors of the same product: R A and B R⁻¹ with R = ((2, 1), (0, 1)).
    var turned = thetas[0]
    for column in 0..<layer.columns {
      let (a, b) = (layer.a.offset + column, layer.a.offset + layer.columns + column)
      turned[a] = 2 * thetas[0][a] + thetas[0][b]
    }
    for row in 0..<layer.rows {
      let place = layer.b.offset + 2 * row
      turned[place] = thetas[0][place] / 2
      turned[place + 1] = thetas[0][place + 1] - thetas[0][place] / 2
    }
    thetas.append(turned)
    let gram = plan.productGram(of: thetas, from: start)
    let changes = thetas.map { theta in
      plan.weightChange(of: zip(theta, start).map { $0 - $1 }, from: start, factors: [])
    }
    for i in 0..<4 {
      for j in 0..<4 {
        let expected = zip(changes[i], changes[j]).reduce(0.0) {
          $0 + Double($1.0) * Double($1.1)
        }
        #expect(isClose(gram[i, j], expected, relative: 2e-5, absolute: 1e-4))
      }
      #expect(isClose(gram[i, 0], gram[i, 3], relative: 1e-5, absolute: 1e-4))
    }
  }
}
