// Automatic and group-wise clipping against loops over single examples, and the sensitivity of each.

import Kernels
import Learning
import Testing

/// The gradient of one example, without clipping.
private func single(_ network: Network, _ source: RandomExamples, _ i: Int, length: Int) -> [Float]
{
  var gradient = [Float](repeating: 0, count: length)
  _ = network.addClippedSum(of: source, at: [i], clipping: .none, to: &gradient)
  return gradient
}

extension Case {
  /// Those whose layers share no tensor, so that layers can be bounded apart.
  fileprivate static func grouped() throws -> [Case] {
    try all().filter { !$0.name.contains("LoRTA") }
  }
}

@Suite("Clipping")
struct ClippingTests {
  /// Groups to test: every layer by itself, and the first layer against the rest.
  private func groupings(_ plan: TrainingPlan) throws -> [LayerGroups] {
    let single = try plan.groups()
    guard single.count > 1 else { return [single] }
    var names: [String] = []
    for slot in plan.slots {
      let name = String(slot.name.prefix { $0 != "." })
      if !names.contains(name) { names.append(name) }
    }
    return [single, try plan.groups([Array(names.dropFirst()), [names[0]]])]
  }

  @Test("groups cover all parameters once, and only trained layers", arguments: try Case.grouped())
  func groups(_ test: Case) throws {
    for groups in try groupings(test.plan) {
      var covered = [Int](repeating: 0, count: test.plan.trainableCount)
      for range in groups.ranges.joined() { for i in range { covered[i] += 1 } }
      #expect(covered.allSatisfy { $0 == 1 })
      #expect(groups.sizes.reduce(0, +) == test.plan.trainableCount)
    }
    for names in [[], [["nothing"]], [["fc", "fc"]], [["conv1"], []]] {
      #expect(throws: ArchitectureError.self) { try test.plan.groups(names) }
    }
  }

  @Test("layers that share tensors cannot be bounded apart")
  func shared() throws {
    for test in try Case.all() where test.name.contains("LoRTA") {
      #expect(throws: ArchitectureError.self) { try test.plan.groups() }
    }
  }

  @Test("the grouped sum is the sum of groups shortened one by one", arguments: try Case.grouped())
  func grouped(_ test: Case) throws {
    let source = test.examples(11, seed: 6)
    let (network, theta) = test.prepared(seed: 4, tile: 4)
    let singles = (0..<11).map { single(network, source, $0, length: theta.count) }
    for groups in try groupings(test.plan) {
      // Bounds in the middle of each group's norms, and thresholds apart from them.
      let norms = groups.ranges.map { ranges in
        singles.map { gradient in norm(ranges.flatMap { Array(gradient[$0]) }) }
      }
      let bounds = norms.map { Float($0.sorted()[4] * 1.01) }
      // Between two norms, so that rounding decides nothing.
      let thresholds = norms.map { Float(($0.sorted()[7] + $0.sorted()[8]) / 2) }
      var expected = [Double](repeating: 0, count: theta.count)
      var whole = 0
      for (i, gradient) in singles.enumerated() {
        var isWhole = true
        for (k, ranges) in groups.ranges.enumerated() {
          let factor = min(1, Double(bounds[k]) / norms[k][i])
          if factor < 1 { isWhole = false }
          for range in ranges { for j in range { expected[j] += factor * Double(gradient[j]) } }
        }
        if isWhole { whole += 1 }
      }
      var sum = [Float](repeating: 0, count: theta.count)
      let statistics = network.addClippedSum(
        of: source, at: Array(0..<11),
        clipping: .grouped(
          GroupBounds(groups: groups, maxGradNorms: bounds, thresholds: thresholds)), to: &sum)
      let error = zip(sum, expected).reduce(0.0) { total, pair in
        total + (pair.1 - Double(pair.0)) * (pair.1 - Double(pair.0))
      }
      #expect(error.squareRoot() < 1e-4 * norm(sum) + 1e-6)
      #expect(statistics.examples == 11)
      #expect(statistics.unclipped == whole)
      #expect(statistics.within == norms.map { _ in 8 })
    }
  }

  @Test("one example adds at most C_k to a group and √Σ C_k² in all", arguments: try Case.grouped())
  func groupedSensitivity(_ test: Case) throws {
    let source = test.examples(6, seed: 7)
    let (network, theta) = test.prepared(seed: 2)
    for groups in try groupings(test.plan) {
      for scale: Float in [1e-4, 0.05, 3] {
        let bounds = (0..<groups.count).map { scale / Float($0 + 1) }
        let total = norm(bounds)
        for i in 0..<6 {
          var sum = [Float](repeating: 0, count: theta.count)
          _ = network.addClippedSum(
            of: source, at: [i],
            clipping: .grouped(
              GroupBounds(groups: groups, maxGradNorms: bounds, thresholds: bounds)), to: &sum)
          for (bound, ranges) in zip(bounds, groups.ranges) {
            #expect(norm(ranges.flatMap { Array(sum[$0]) }) <= Double(bound))
          }
          #expect(norm(sum) <= total)
        }
      }
    }
  }

  @Test("automatic clipping is C/(‖g‖ + γ), and never more than C", arguments: try Case.all())
  func automatic(_ test: Case) {
    let source = test.examples(7, seed: 3)
    let (network, theta) = test.prepared(seed: 5)
    for (bound, gamma) in [(0.5, 0.01), (0.5, 0), (20, 1)] as [(Float, Float)] {
      for i in 0..<7 {
        let gradient = single(network, source, i, length: theta.count)
        let length = norm(gradient)
        var sum = [Float](repeating: 0, count: theta.count)
        _ = network.addClippedSum(
          of: source, at: [i], clipping: .automatic(maxGradNorm: bound, gamma: gamma), to: &sum)
        #expect(norm(sum) <= Double(bound))
        let expected = Double(bound) * length / (length + Double(gamma))
        #expect(abs(norm(sum) - expected) < 1e-4 * expected + 1e-6)
        // The direction is the gradient's own.
        let product = zip(sum, gradient).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
        #expect(abs(product - norm(sum) * length) < 1e-4 * product + 1e-9)
      }
    }
  }

  @Test("a gradient of length zero stays zero, and a minute one is not blown up")
  func vanishing() throws {
    let plan = try TrainingPlan(architecture: .logistic(inputs: 3, classes: 2))
    let network = Network(plan: plan)
    let source = RandomExamples(count: 1, inputs: 3, classes: 1, seed: 1)
    // A bias that makes the right class certain: softmax − onehot is 0, or nearly.
    for margin: Float in [0, 20, 40, 60, 85, 200] {
      var theta = [Float](repeating: 0, count: plan.trainableCount)
      theta[theta.count - 2] = margin
      network.load(trainable: theta)
      for gamma: Float in [0, 1e-6] {
        var sum = [Float](repeating: 0, count: theta.count)
        _ = network.addClippedSum(
          of: source, at: [0], clipping: .automatic(maxGradNorm: 1, gamma: gamma), to: &sum)
        #expect(norm(sum) <= 1)
      }
    }
  }

  @Test("a gradient that is not finite counts as zero in every group, and as not within")
  func notFinite() throws {
    let plan = try TrainingPlan(architecture: .mlp(inputs: 3, hidden: [4], classes: 2))
    let network = Network(plan: plan)
    var theta = [Float](repeating: 0.1, count: plan.trainableCount)
    theta[plan.trainableCount - 1] = .nan
    network.load(trainable: theta)
    let source = RandomExamples(count: 2, inputs: 3, classes: 2, seed: 1)
    let bounds = GroupBounds(
      groups: try plan.groups(), maxGradNorms: [1, 1], thresholds: [100, 100])
    for clipping in [Clipping.grouped(bounds), .automatic(maxGradNorm: 1, gamma: 0.01)] {
      var sum = [Float](repeating: 0, count: plan.trainableCount)
      let statistics = network.addClippedSum(of: source, at: [0, 1], clipping: clipping, to: &sum)
      #expect(statistics.notFinite == 2)
      #expect(statistics.within.allSatisfy { $0 == 0 })
      #expect(sum.allSatisfy { $0 == 0 })
    }
  }
}

/// The same examples with weights, whatever numbers these are.
private struct Weighted: ExampleSource {
  let examples: RandomExamples
  let weights: [Float]
  var count: Int { examples.count }

  func label(at position: Int) -> Int { examples.label(at: position) }
  func weight(at position: Int) -> Float { weights[position] }
  func write(_ position: Int, into destination: inout MutableSpan<Float>) {
    examples.write(position, into: &destination)
  }
}

@Suite("Weights of examples")
struct WeightTests {
  private static let weights: [Float] = [0.5, 1, 0, 0.25, 0.9, 0.03, 1]

  /// The ways to clip a case, with bounds that shorten some gradients and not others.
  private func ways(_ plan: TrainingPlan) -> [Clipping] {
    var ways: [Clipping] = [
      .none, .flat(maxGradNorm: 0.4), .automatic(maxGradNorm: 0.5, gamma: 0.01),
      .each(maxGradNorms: [0.1, 0.2, 0.3, 0.4, 5, 6, 7]),
    ]
    if let groups = try? plan.groups() {
      let bounds = (0..<groups.count).map { 0.3 / Float($0 + 1) }
      ways.append(
        .grouped(GroupBounds(groups: groups, maxGradNorms: bounds, thresholds: bounds)))
    }
    return ways
  }

  @Test("the sum is that of clipped gradients times weights, one by one", arguments: try Case.all())
  func naive(_ test: Case) throws {
    let source = test.examples(7, seed: 3)
    let weighted = Weighted(examples: source, weights: Self.weights)
    let (network, theta) = test.prepared(seed: 5, tile: 4)
    for clipping in ways(test.plan) {
      var expected = [Double](repeating: 0, count: theta.count)
      for i in 0..<7 {
        var one = [Float](repeating: 0, count: theta.count)
        _ = network.addClippedSum(of: source, at: [i], clipping: clipping, to: &one)
        for j in one.indices { expected[j] += Double(Self.weights[i]) * Double(one[j]) }
      }
      var sum = [Float](repeating: 0, count: theta.count)
      let seen = network.addClippedSum(
        of: weighted, at: Array(0..<7), clipping: clipping, to: &sum)
      let error = zip(sum, expected).reduce(0.0) {
        $0 + (Double($1.0) - $1.1) * (Double($1.0) - $1.1)
      }
      #expect(error.squareRoot() < 1e-4 * norm(sum) + 1e-6, "\(clipping)")
      #expect(seen.examples == 7)
    }
  }

  @Test("weights of one change no bit", arguments: try Case.all())
  func ones(_ test: Case) throws {
    let source = test.examples(7, seed: 3)
    let weighted = Weighted(examples: source, weights: [Float](repeating: 1, count: 7))
    let (network, theta) = test.prepared(seed: 5, tile: 4)
    for clipping in ways(test.plan) {
      var (plain, sum) = (
        [Float](repeating: 0, count: theta.count), [Float](repeating: 0, count: theta.count)
      )
      let all = Array(0..<7)
      let first = network.addClippedSum(of: source, at: all, clipping: clipping, to: &plain)
      let second = network.addClippedSum(of: weighted, at: all, clipping: clipping, to: &sum)
      #expect(plain == sum && first == second)
    }
  }

  @Test("whatever a source says, no example adds more than its bound", arguments: try Case.all())
  func sensitivity(_ test: Case) throws {
    let source = test.examples(5, seed: 9)
    let weighted = Weighted(examples: source, weights: [7, 1, 0.5, -3, .infinity])
    let (network, theta) = test.prepared(seed: 2)
    for clipping in [
      Clipping.flat(maxGradNorm: 0.2), .automatic(maxGradNorm: 0.2, gamma: 0),
    ] {
      for i in 0..<5 {
        var sum = [Float](repeating: 0, count: theta.count)
        _ = network.addClippedSum(of: weighted, at: [i], clipping: clipping, to: &sum)
        #expect(norm(sum) <= (i == 2 ? 0.1 : i == 3 ? 0 : 0.2) + (i == 2 ? 1e-6 : 0))
      }
    }
  }
}
