// A network trained on real examples, for the experiments that need real gradients: its last layer's gradient, and
// how far LoRA's weights drift from the theory of its first step (E4).

import Foundation
package import Kernels
package import Learning
import Scenarios

package struct TrainedNetwork: Sendable {
  /// Name of the studied layer: the last one.
  package let layer: String
  /// Sum of gradients of a batch at that layer, outputs × inputs.
  package let gradient: Matrix
  private let architecture: Architecture
  /// Its parameters.
  package let base: [Float]
  private let batches: [Batch]
  private let seed: UInt64

  /// Examples held as floats, so that any source can be studied.
  private struct Batch: ExampleSource {
    let values: [[Float]]
    let labels: [Int]
    var count: Int { labels.count }
    func label(at position: Int) -> Int { labels[position] }
    func write(_ position: Int, into destination: inout MutableSpan<Float>) {
      for i in values[position].indices { destination[i] = values[position][i] }
    }
  }

  /// Trains by plain SGD and keeps the gradient of the next batch.
  package init<Source: ExampleSource>(
    architecture: Architecture, examples: Source, steps: Int, batchSize: Int, learningRate: Float,
    seed: UInt64
  ) throws(ArchitectureError) {
    self.architecture = architecture
    self.seed = seed
    let network = Network(plan: try TrainingPlan(architecture: architecture))
    var parameters = architecture.initialParameters(seed: seed)
    var stream = RandomStream(seed: seed, purpose: .pretraining)
    func batch() -> [Int] {
      (0..<batchSize).map { _ in Int(stream.next(upperBound: UInt64(max(examples.count, 1)))) }
    }
    for _ in 0..<steps {
      network.load(trainable: parameters)
      var sum = [Float](repeating: 0, count: parameters.count)
      _ = network.addClippedSum(of: examples, at: batch(), clipping: .none, to: &sum)
      for i in sum.indices { parameters[i] -= learningRate / Float(batchSize) * sum[i] }
    }
    base = parameters
    batches = (0..<12).map { _ in
      let positions = batch()
      return Batch(
        values: positions.map { position in
          var values = [Float](repeating: 0, count: architecture.input.floatCount)
          var span = values.mutableSpan
          examples.write(position, into: &span)
          return values
        }, labels: positions.map { examples.label(at: $0) })
    }
    let last = architecture.layers[architecture.layers.count - 1]
    layer = last.name
    gradient = Self.gradient(
      of: batches[0], parameters: parameters, architecture: architecture, network: network)
  }

  /// The last layer's weights among the parameters.
  private static func slot(_ architecture: Architecture) -> ParameterSlot {
    architecture.slots[architecture.slots.count - 2]
  }

  private static func gradient(
    of batch: Batch, parameters: [Float], architecture: Architecture, network: Network
  ) -> Matrix {
    network.load(trainable: parameters)
    var sum = [Float](repeating: 0, count: parameters.count)
    _ = network.addClippedSum(of: batch, at: Array(0..<batch.count), clipping: .none, to: &sum)
    let slot = slot(architecture)
    return Matrix(
      rows: slot.rows, columns: slot.columns,
      elements: sum[slot.range].map { Double($0) / Double(batch.count) })
  }
}

// MARK: - E4

extension TrainedNetwork {
  private enum Optimizer: String, CaseIterable {
    case sgd = "SGD"
    case adam = "Adam"
  }

  /// ‖W_LoRA − W_theory‖ / ‖W_theory − W_0‖ with W_theory = W_0 − η s² Σ_t G_t A_0ᵀ A_0, the gradients taken along
  /// LoRA's own path.
  ///
  /// Adam rescales every coordinate, so its path has no such form; η s² then stands for its step size alone and
  /// the best multiple of Σ G A_0ᵀ A_0 is compared.
  func drift(into report: inout LabReport) throws {
    var table = LabTable(
      "e4-drift", "E4: how far LoRA's weights are from W_0 − η s² Σ G A₀ᵀA₀ after 12 steps",
      ["optimiser", "A", "learning rate", "relative drift"])
    var (frozen, trained) = (0.0, [Double]())
    for optimizer in Optimizer.allCases {
      for freezeA in [true, false] {
        for rate in optimizer == .sgd ? [0.01, 0.1, 1] : [0.001, 0.01, 0.1] {
          let drift = try self.drift(optimizer, freezeA: freezeA, learningRate: rate)
          if optimizer == .sgd {
            if freezeA { frozen = max(frozen, drift) } else { trained.append(drift) }
          }
          table.add([
            .string(optimizer.rawValue), .string(freezeA ? "frozen" : "trained"), .number(rate),
            .figure(drift),
          ])
        }
      }
    }
    report.tables.append(table)
    let grows = zip(trained, trained.dropFirst()).allSatisfy { $0 < $1 }
    report.findings.append(
      LabFinding(
        "E4", "no drift for SGD with frozen A; with A trained it grows with the learning rate",
        measured: "frozen at most \(short(frozen)); trained "
          + trained.map { $0 < 1 ? short($0) : "diverged" }.joined(separator: ", "),
        holds: frozen < 1e-3 && grows))
  }

  private func drift(
    _ optimizer: Optimizer, freezeA: Bool, learningRate rate: Double
  ) throws(ArchitectureError) -> Double {
    let rank = min(4, gradient.rows, gradient.columns)
    let plan = try TrainingPlan(
      architecture: architecture,
      adapter: LoRAConfiguration(
        rank: rank, loraAlpha: Double(rank), targetModules: [layer],
        trained: freezeA ? .b : .both))
    let frozen = FrozenParameters(base: base, factors: plan.frozenFactors(seed: seed))
    var theta = plan.initialTrainable(base: base, seed: seed)
    let network = Network(plan: plan)
    network.load(frozen: frozen)
    let whole = Network(plan: try TrainingPlan(architecture: architecture))
    let a = firstFactor(of: plan, trainable: theta, frozen: frozen)
    var sum = Matrix(rows: gradient.rows, columns: gradient.columns)
    var moments = (
      first: [Double](repeating: 0, count: theta.count),
      second: [Double](repeating: 0, count: theta.count)
    )
    for (step, batch) in batches.enumerated() {
      let merged = plan.merged(frozen: frozen, trainable: theta)
      let g = Self.gradient(
        of: batch, parameters: merged, architecture: architecture, network: whole)
      let projected = g.multiplied(by: a.transposed).multiplied(by: a)
      sum = Matrix(
        rows: sum.rows, columns: sum.columns,
        elements: zip(sum.elements, projected.elements).map { $0 + $1 })
      network.load(trainable: theta)
      var own = [Float](repeating: 0, count: theta.count)
      _ = network.addClippedSum(of: batch, at: Array(0..<batch.count), clipping: .none, to: &own)
      for i in theta.indices {
        let value = Double(own[i]) / Double(batch.count)
        switch optimizer {
        case .sgd: theta[i] -= Float(rate * value)
        case .adam:
          let (b1, b2) = (0.9, 0.999)
          moments.first[i] = b1 * moments.first[i] + (1 - b1) * value
          moments.second[i] = b2 * moments.second[i] + (1 - b2) * value * value
          let mean = moments.first[i] / (1 - pow(b1, Double(step + 1)))
          let square = moments.second[i] / (1 - pow(b2, Double(step + 1)))
          theta[i] -= Float(rate * mean / (square.squareRoot() + 1e-8))
        }
      }
    }
    let slot = Self.slot(architecture)
    let merged = plan.merged(frozen: frozen, trainable: theta)
    let moved = slot.range.map { Double(merged[$0]) - Double(base[$0]) }
    // s is 1 here: α = r.
    var factor = -rate
    if optimizer == .adam {
      let inner = zip(moved, sum.elements).reduce(0) { $0 + $1.0 * $1.1 }
      factor = inner / max(sum.elements.reduce(0) { $0 + $1 * $1 }, .leastNormalMagnitude)
    }
    var (missed, size) = (0.0, 0.0)
    for (value, direction) in zip(moved, sum.elements) {
      missed += (value - factor * direction) * (value - factor * direction)
      size += optimizer == .adam ? value * value : factor * factor * direction * direction
    }
    return (missed / size).squareRoot()
  }

  private func firstFactor(
    of plan: TrainingPlan, trainable: [Float], frozen: FrozenParameters
  ) -> Matrix {
    let slot = plan.adaptedLayers[0].a
    let values = plan.trainedFactors == .b ? frozen.factors : trainable
    return Matrix(
      rows: slot.rows, columns: slot.columns, elements: values[slot.range].map(Double.init))
  }
}
