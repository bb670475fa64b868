// A kind of adapter that no layer knows, on the linear weights of transformer blocks.

import Kernels
import Learning
import TestSupport
import Testing

/// y = W x + b + c with c trained.
private struct ShiftAdapter: Adapter {
  let kind = "shift"
  let targetModules: [String]
  var isMergeable: Bool { false }

  func tensors(
    on host: HostSpec, target: Int
  ) throws(ArchitectureError) -> [AdapterTensor] {
    [AdapterTensor("shift", rows: host.rows, columns: 1, start: .constant(0), isTrained: true)]
  }

  func mode(on host: HostSpec, target: Int) -> HostMode { .adapted }

  func merge(
    _ tensors: [String: [Float]], into weights: inout HostWeights, on host: HostSpec, target: Int
  ) {}

  func makeTerm(_ context: AdapterContext) -> (any AdapterTerm)? { ShiftTerm(context) }
}

private final class ShiftTerm: AdapterTerm {
  let slot: ParameterSlot
  var shift: [Float] = []
  var gradients: [[Float]] = []
  var sum: [Float]

  init?(_ context: AdapterContext) {
    guard let (slot, _) = context.slot("shift") else { return nil }
    self.slot = slot
    sum = [Float](repeating: 0, count: slot.count)
  }

  func load(frozen: FrozenParameters) {}
  func load(trainable: [Float]) { shift = Array(trainable[slot.range]) }

  func forward(_ x: MatrixView, _ y: MatrixView, tile: Tile) {
    for row in 0..<y.rows {
      for j in shift.indices { y.buffer[y.offset + row * y.stride + j] += shift[j] }
    }
  }

  func backward(
    _ x: MatrixView, outputGradient e: MatrixView, inputGradient: MatrixView?, tile: Tile
  ) {
    gradients = (0..<tile.count).map { i in
      shift.indices.map { j in
        tile.rows(of: i).reduce(0) { $0 + e.buffer[e.offset + $1 * e.stride + j] }
      }
    }
  }

  func squaredNorm(of example: Int) -> Double { pow2(norm(gradients[example])) }

  func accumulate(_ tile: Tile, coefficients: [Float]) {
    for i in 0..<tile.count where coefficients[i] != 0 {
      for j in sum.indices { sum[j] += coefficients[i] * gradients[i][j] }
    }
  }

  func drainSum(into total: inout [Float]) {
    for j in sum.indices { total[slot.offset + j] += sum[j] }
    sum = sum.map { _ in 0 }
  }
}

@Suite("Adapters from outside")
struct AdapterTermTests {
  @Test("a new kind trains inside encoder and decoder blocks", arguments: [false, true])
  func plugsIn(isDecoder: Bool) throws {
    let model = try isDecoder ? TransformerGolden.gpt() : TransformerGolden.bert()
    // What such a term adds is a bias: the biases' own gradients are its reference.
    let targets = isDecoder ? ["c_attn", "c_fc"] : ["query", "value", "intermediate.dense"]
    let plan = try TrainingPlan(
      architecture: model, adapter: ShiftAdapter(targetModules: targets))
    let golden = try TransformerGolden.load()
    let base = try model.parameters(seed: 1) { name in
      (isDecoder ? golden.decoder.tensors : golden.tensors).first { $0.name == name }?.values[...]
    }
    let texts = Texts(
      lengths: [4, 1, 9, 3], vocabulary: isDecoder ? 30 : 50, classes: 3, seed: 6)
    let network = Network(plan: plan, tile: 4, rows: 16)
    network.load(frozen: FrozenParameters(base: base, factors: []))
    network.load(trainable: [Float](repeating: 0, count: plan.trainableCount))
    let whole = Network(plan: try TrainingPlan(architecture: model), tile: 4, rows: 16)
    whole.load(frozen: FrozenParameters(base: base, factors: []))
    whole.load(trainable: base)
    for i in 0..<texts.count {
      var (own, all) = (
        [Float](repeating: 0, count: plan.trainableCount), [Float](repeating: 0, count: base.count)
      )
      var measured = 0.0
      _ = network.addClippedSum(
        of: texts, at: [i], clipping: .flat(maxGradNorm: 1e6), to: &own
      ) { measured = $1 }
      _ = whole.addClippedSum(of: texts, at: [i], clipping: .none, to: &all)
      #expect(plan.slots.count == (isDecoder ? 4 : 6))
      for slot in plan.slots {
        let bias = try #require(model.slot(slot.name.replacing(".shift", with: ".bias")))
        for (a, b) in zip(own[slot.range], all[bias.range]) {
          #expect(isClose(Double(a), Double(b), relative: 1e-4, absolute: 1e-6))
        }
      }
      #expect(isClose(measured, norm(own), relative: 1e-5, absolute: 1e-9))
    }
  }
}
