// Arrow against golden values of an independent implementation, power iteration and merged models.

import Foundation
import Kernels
import Learning
import TestSupport
import Testing

/// One row under every label: losses then tell the outputs up to a constant.
private struct EveryLabel: ExampleSource {
  let values: [Float]
  let count: Int
  func label(at position: Int) -> Int { position }
  func write(_ position: Int, into destination: inout MutableSpan<Float>) {
    for i in values.indices { destination[i] = values[i] }
  }
}

extension Matrix {
  fileprivate func scaled(by factor: Double) -> Matrix {
    Matrix(rows: rows, columns: columns, elements: elements.map { $0 * factor })
  }
}

@Suite("Arrow")
struct ArrowTests {
  /// 0.5 · sin(0.37 i + 0.11 i² + 1.7 k + 0.5), as adapters.json has its factors.
  private static func wave(_ k: Int, _ count: Int) -> [Double] {
    (0..<count).map { i in
      let i = Double(i)
      return 0.5 * sin(0.37 * i + 0.11 * i * i + 1.7 * Double(k) + 0.5)
    }
  }

  private static func factors(_ b: Int, _ a: Int) -> RoutedExpert.Factors {
    RoutedExpert.Factors(
      a: Matrix(rows: 2, columns: 5, elements: wave(a, 10)),
      b: Matrix(rows: 6, columns: 2, elements: wave(b, 12)))
  }

  private let two = [factors(500, 501), factors(507, 510)]
  private let x = wave(504, 5)

  /// Outputs less the first.
  private func outputs(
    _ plan: TrainingPlan, frozen: FrozenParameters, trainable: [Float] = [], at x: [Double],
    classes: Int
  ) -> [Double] {
    let network = Network(plan: plan, tile: 4)
    network.load(frozen: frozen)
    if !trainable.isEmpty { network.load(trainable: trainable) }
    var losses = [Double](repeating: 0, count: classes)
    _ = network.evaluate(
      EveryLabel(values: x.map { Float($0) }, count: classes), lossObserver: { losses[$0] = $1 })
    return losses.map { losses[0] - $0 }
  }

  private func routed(
    _ experts: [RoutedExpert], _ routing: ExpertRouting, on model: Architecture, base: [Float],
    at x: [Double], classes: Int
  ) throws -> [Double] {
    let plan = try TrainingPlan(
      architecture: model, adapter: ArrowAdapter(experts, routing: routing))
    return outputs(
      plan,
      frozen: FrozenParameters(
        base: base, factors: try ArrowAdapter.frozenFactors(of: plan, experts: experts)),
      at: x, classes: classes)
  }

  @Test("prototype, scores, weights and output of the golden experts")
  func golden() throws {
    let golden = try AdapterGolden.load().merging.lora
    let prototypes = try two.map { try $0.prototype() }
    let sign = prototypes[0][0] * golden.prototype[0] > 0 ? 1.0 : -1
    for (own, other) in zip(prototypes[0], golden.prototype) {
      #expect(isClose(sign * own, other, absolute: 1e-9))
    }
    let scores = prototypes.map { abs(zip($0, x).reduce(0) { $0 + $1.0 * $1.1 }) }
    for (own, other) in zip(scores, golden.scores) { #expect(isClose(own, other, absolute: 1e-9)) }
    let weights = ExpertRouting.arrow(byExample: false).weights(of: scores)
    for (own, other) in zip(weights, golden.weights) {
      #expect(isClose(own, other, absolute: 1e-9))
    }
    let model = Architecture.logistic(inputs: 5, classes: 6)
    let host = try #require(model.hosts.first)
    // A base of zeros: the outputs are the experts'.
    let own = try routed(
      two.map { RoutedExpert(factors: [host.name: $0]) }, .arrow(byExample: false), on: model,
      base: [Float](repeating: 0, count: model.parameterCount), at: x, classes: 6)
    for (own, other) in zip(own, golden.output) {
      #expect(isClose(own, other - golden.output[0], absolute: 2e-6))
    }
  }

  @Test("the prototype is what power iteration finds, also where factors have a smaller rank")
  func powerIteration() throws {
    let flat = RoutedExpert.Factors(
      a: Matrix(rows: 2, columns: 3, elements: [1, 2, 2, 2, 4, 4]),
      b: Matrix(rows: 2, columns: 2, elements: [1, 0, 0, 1]))
    for factors in two + [flat] {
      let product = factors.b.multiplied(by: factors.a)
      let gram = product.transposed.multiplied(by: product)
      var v = Matrix(
        rows: gram.rows, columns: 1, elements: (0..<gram.rows).map { 1 + Double($0) / 10 })
      for _ in 0..<2000 {
        v = gram.multiplied(by: v)
        let norm = v.elements.reduce(0) { $0 + $1 * $1 }.squareRoot()
        v = v.scaled(by: 1 / norm)
      }
      let own = try factors.prototype()
      let cosine = zip(own, v.elements).reduce(0) { $0 + $1.0 * $1.1 }
      #expect(isClose(abs(cosine), 1, absolute: 1e-9))
      #expect(isClose(own.reduce(0) { $0 + $1 * $1 }, 1, absolute: 1e-9))
    }
    let none = RoutedExpert.Factors(a: two[0].a, b: Matrix(rows: 6, columns: 2))
    #expect(try none.prototype() == [0, 0, 0, 0, 0])
  }

  @Test(
    "kept experts share by softmax; all kept is softmax over all, and equal logits keep the first")
  func weights() {
    let routing = ExpertRouting.arrow(byExample: false, topK: 2, temperature: 1)
    let weights = routing.weights(of: [1, 3, 2])
    #expect(weights[0] == 0)
    #expect(isClose(weights[1], 1 / (1 + exp(-1)), absolute: 1e-12))
    #expect(isClose(weights.reduce(0, +), 1, absolute: 1e-12))
    let all = ExpertRouting.arrow(byExample: false, topK: 3, temperature: 2)
    let sum = exp(0.5) + exp(1.5) + exp(1)
    #expect(isClose(all.weights(of: [1, 3, 2])[0], exp(0.5) / sum, absolute: 1e-12))
    #expect(
      ExpertRouting.arrow(byExample: true, topK: 1, temperature: 1).weights(of: [2, 2]) == [1, 0])
    #expect(ExpertRouting.uniform.weights(of: [5, 1]) == [0.5, 0.5])
  }

  @Test("one expert is the expert, and all alike are the mean of the products, heads with them")
  func merged() throws {
    let model = Architecture.mlp(inputs: 5, hidden: [6], classes: 3)
    let base = model.initialParameters(seed: 4)
    let plan = try TrainingPlan(
      architecture: model,
      adapter: LoRAConfiguration(
        rank: 2, loraAlpha: 1, targetModules: ["fc1"], freezeA: false, modulesToSave: ["fc2"]))
    let start = plan.initialTrainable(base: base, seed: 4)
    var stream = RandomStream(seed: 9, purpose: .test)
    let thetas = (0..<2).map { _ in start.map { $0 + Float(stream.nextGaussian()) } }
    let layer = try #require(plan.adaptedLayers.first)
    let experts = try thetas.map { (theta) throws -> RoutedExpert in
      func matrix(_ slot: ParameterSlot) -> Matrix {
        Matrix(rows: slot.rows, columns: slot.columns, elements: theta[slot.range].map(Double.init))
      }
      func change(_ name: String) throws -> [Float] {
        let own = try #require(plan.trainedSlot(name))
        let frozen = try #require(model.slot(name))
        return zip(theta[own.range], base[frozen.range]).map { $0 - $1 }
      }
      return RoutedExpert(
        factors: [
          "fc1": RoutedExpert.Factors(
            a: matrix(layer.a), b: matrix(layer.b).scaled(by: layer.scale))
        ],
        heads: [
          "fc2": RoutedExpert.Head(weight: try change("fc2.weight"), bias: try change("fc2.bias"))
        ])
    }
    let frozen = FrozenParameters(base: base, factors: [])
    for routing in [ExpertRouting.arrow(byExample: false), .arrow(byExample: true), .uniform] {
      let own = try routed([experts[0]], routing, on: model, base: base, at: x, classes: 3)
      let alone = outputs(plan, frozen: frozen, trainable: thetas[0], at: x, classes: 3)
      for (own, other) in zip(own, alone) { #expect(isClose(own, other, absolute: 1e-4)) }
    }
    let whole = try TrainingPlan(architecture: model)
    let merged = thetas.map { plan.merged(frozen: frozen, trainable: $0) }
    let mean = zip(merged[0], merged[1]).map { ($0 + $1) / 2 }
    let expected = outputs(
      whole, frozen: FrozenParameters(base: base, factors: []), trainable: mean, at: x, classes: 3)
    let own = try routed(experts, .uniform, on: model, base: base, at: x, classes: 3)
    for (own, other) in zip(own, expected) { #expect(isClose(own, other, absolute: 1e-4)) }
  }
}
