// Masks chosen by a gradient: the largest entries, and the same training as with those places given.

import Kernels
import Learning
import TestSupport
import Testing

@Suite("Masks of sparse adapters")
struct SparseMaskTests {
  private let model = Architecture.mlp(inputs: 6, hidden: [5], classes: 3)
  private let targets = ["fc1", "fc2"]

  @Test("a computed mask has the largest entries of every host, and trains like the same places")
  func computed() throws {
    let plan = try TrainingPlan(
      architecture: model,
      adapter: SparseAdapter(rank: 1, targetModules: targets, mask: .computed))
    let adapter = try #require(plan.adapter as? SparseAdapter)
    var stream = RandomStream(seed: 3, purpose: .test)
    let gradient = (0..<model.parameterCount).map { _ in Float(stream.nextGaussian()) }
    let factors = adapter.masks(
      of: gradient, in: plan, replacing: plan.frozenFactors(seed: 1))
    var places: [String: [Int]] = [:]
    for host in model.hosts {
      let slot = try #require(plan.adapterSlot("\(host.name).shira_places")?.slot)
      let weight = try #require(model.slot(host.weight))
      let chosen = factors[slot.range].map { Int($0) }
      #expect(chosen.count == host.rows + host.columns && chosen == Set(chosen).sorted())
      let sizes = gradient[weight.range].map { abs($0) }
      let smallest = try #require(chosen.map { sizes[$0] }.min())
      for place in sizes.indices where !chosen.contains(place) { #expect(sizes[place] < smallest) }
      places[host.name] = chosen
    }
    let given = try TrainingPlan(
      architecture: model,
      adapter: SparseAdapter(rank: 1, targetModules: targets, mask: .places(places)))
    let base = model.initialParameters(seed: 2)
    let theta = (0..<plan.trainableCount).map { _ in Float(0.1 * stream.nextGaussian()) }
    let source = Inputs(count: 7, inputs: 6, classes: 3)
    var sums: [[Float]] = []
    for (plan, factors) in [(plan, factors), (given, [])] {
      let network = Network(plan: plan)
      network.load(frozen: FrozenParameters(base: base, factors: factors))
      network.load(trainable: theta)
      var sum = [Float](repeating: 0, count: theta.count)
      _ = network.addClippedSum(
        of: source, at: Array(0..<7), clipping: .flat(maxGradNorm: 0.3), to: &sum)
      sums.append(sum)
      sums.append(
        plan.merged(
          frozen: FrozenParameters(base: base, factors: factors), trainable: theta))
    }
    #expect(sums[0] == sums[2] && sums[1] == sums[3])
    #expect(sums[0].contains { $0 != 0 } && sums[1] != base)
  }

  private struct Inputs: ExampleSource {
    let count: Int
    let inputs: Int
    let classes: Int
    func label(at position: Int) -> Int { position % classes }
    func write(_ position: Int, into destination: inout MutableSpan<Float>) {
      var stream = RandomStream(seed: 8, purpose: .test, step: position)
      for i in 0..<inputs { destination[i] = Float(stream.nextGaussian()) }
    }
  }
}
