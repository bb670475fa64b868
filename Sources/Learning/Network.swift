// One lane's copy of a model: buffers for a tile of examples, and one pass that yields the clipped sum
// of per-example gradients (book-keeping: Bu, Wang, Zha, Karypis, ICML 2023).

import Kernels

/// Where examples come from: a client's view of its data, the public share, a test set.
public protocol ExampleSource: Sendable {
  var count: Int { get }
  /// The class of example `position`, from 0.
  func label(at position: Int) -> Int
  /// Writes the `inputCount` floats of example `position`, channel-last.
  func write(_ position: Int, into destination: inout MutableSpan<Float>)
}

/// What one pass over a batch saw. Private: it never leaves the client without noise.
public struct BatchStatistics: Sendable, Hashable {
  public var examples = 0
  public var correct = 0
  /// Sum of losses in nats.
  public var loss = 0.0
  /// Examples whose gradient was not shortened.
  public var unclipped = 0
  /// Examples whose gradient was not finite and therefore counted as zero.
  public var notFinite = 0
  /// With groups of layers: how many examples had a gradient within each group's threshold.
  public var within: [Int] = []

  public init() {}
}

/// A model in a lane. Not `Sendable`: one lane owns it and trains one client after another with it.
public final class Network {
  public let plan: TrainingPlan
  /// Examples that are processed together.
  public let tile: Int
  let layers: [any Layer]
  private let logits: FloatBuffer
  private let staging: FloatBuffer
  private let inputLayout: ImageLayout?
  /// Of the groups of one example.
  private var squaredNorms: [Double]
  private var coefficients: [Float]
  private var groupCoefficients: [[Float]] = []

  /// Allocates every buffer that training will need.
  ///
  /// - Parameter tile: examples processed together; it changes speed and memory, and no result.
  public init(plan: TrainingPlan, tile: Int = 16) {
    precondition(tile > 0, "a tile holds at least one example")
    self.plan = plan
    self.tile = tile
    let architecture = plan.architecture
    logits = FloatBuffer(count: tile * architecture.classes)
    var layers: [any Layer] = []
    // Built from the last layer to the first: each writes into the input of the one after it.
    for index in architecture.layers.indices.reversed() {
      let next = layers.first
      let output = next?.input ?? logits
      let outputGradient = next?.inputGradient ?? logits
      switch architecture.layers[index] {
      case .dense(_, let inputs, let outputs, let rectified):
        layers.insert(
          DenseLayer(
            index: index, plan: plan, tile: tile, output: output, outputGradient: outputGradient,
            inputs: inputs, outputs: outputs, rectified: rectified), at: 0)
      case .convolution(_, let geometry, let channels):
        let layout =
          next?.inputLayout
          ?? ImageLayout(
            height: geometry.height / 2, width: geometry.width / 2, channels: channels, padding: 0)
        layers.insert(
          ConvolutionLayer(
            index: index, plan: plan, tile: tile, output: output, outputGradient: outputGradient,
            outputLayout: layout, geometry: geometry, channels: channels), at: 0)
      }
    }
    self.layers = layers
    inputLayout = layers[0].inputLayout
    staging = FloatBuffer(count: architecture.inputCount)
    squaredNorms = [Double](repeating: 0, count: architecture.layers.count)
    coefficients = [Float](repeating: 0, count: tile)
  }

  /// Loads what is not trained. Needed once, before the first pass.
  public func load(frozen: FrozenParameters) {
    for layer in layers { layer.load(frozen: frozen) }
  }

  /// Loads θ, `plan.trainableCount` floats.
  public func load(trainable: [Float]) {
    precondition(trainable.count == plan.trainableCount, "θ must have the plan's length")
    for layer in layers { layer.load(trainable: trainable) }
  }

  // MARK: - Passes

  /// Adds Σ clip(∂loss_i/∂θ) over the examples at `positions` to `sum` (length of θ).
  ///
  /// - Parameters:
  ///   - features: the frozen part of the forward pass for these examples, if it was computed before.
  ///   - normObserver: receives (position, ‖g_i‖) for individual accounting.
  /// - Returns: losses and counts of the batch.
  public func addClippedSum<Source: ExampleSource>(
    of source: Source, at positions: [Int], features: FrozenFeatures? = nil, clipping: Clipping,
    to sum: inout [Float], normObserver: ((Int, Double) -> Void)? = nil
  ) -> BatchStatistics {
    precondition(sum.count == plan.trainableCount, "the sum must have the length of θ")
    var statistics = BatchStatistics()
    var start = 0
    while start < positions.count {
      let end = min(start + tile, positions.count)
      let part = positions[start..<end]
      forward(source, at: part, features: features)
      score(source, at: part, statistics: &statistics)
      backward(count: part.count)
      clip(part, clipping, statistics: &statistics, observer: normObserver)
      accumulate(part.count, clipping)
      start = end
    }
    for layer in layers { layer.drainSum(into: &sum) }
    return statistics
  }

  /// Losses and hits of the examples, without gradients. `observe` receives (label, predicted class),
  /// `lossObserver` (position, loss in nats).
  public func evaluate<Source: ExampleSource>(
    _ source: Source, features: FrozenFeatures? = nil, observe: ((Int, Int) -> Void)? = nil,
    lossObserver: ((Int, Double) -> Void)? = nil
  ) -> BatchStatistics {
    var statistics = BatchStatistics()
    let positions = Array(0..<source.count)
    var start = 0
    while start < positions.count {
      let end = min(start + tile, positions.count)
      let part = positions[start..<end]
      forward(source, at: part, features: features)
      if let observe {
        for (i, position) in part.enumerated() {
          observe(source.label(at: position), predictedClass(i))
        }
      }
      score(source, at: part, statistics: &statistics, observer: lossObserver)
      start = end
    }
    return statistics
  }

  private func predictedClass(_ example: Int) -> Int {
    let classes = plan.architecture.classes
    var best = 0
    for k in 1..<max(classes, 1)
    where logits[example * classes + k] > logits[example * classes + best] {
      best = k
    }
    return best
  }

  private func forward<Source: ExampleSource>(
    _ source: Source, at positions: ArraySlice<Int>, features: FrozenFeatures?
  ) {
    var first = 0
    if let features {
      first = plan.firstTrained
      features.place(positions, into: layers[first])
      if features.holdsProducts {
        layers[first].finish(count: positions.count)
        first += 1
      }
    } else {
      stage(source, at: positions)
    }
    for layer in layers[first...] { layer.forward(count: positions.count) }
  }

  /// Writes the inputs of a tile into the first layer's buffer.
  func stage<Source: ExampleSource>(_ source: Source, at positions: ArraySlice<Int>) {
    let first = layers[0]
    for (i, position) in positions.enumerated() {
      guard let layout = inputLayout else {
        first.input.withMutableSpan(at: i * first.inputStride, count: first.inputStride) {
          source.write(position, into: &$0)
        }
        continue
      }
      staging.withMutableSpan(at: 0, count: staging.count) { source.write(position, into: &$0) }
      let row = layout.width * layout.channels
      for y in 0..<layout.height {
        first.input.copy(
          row, from: staging, at: y * row,
          to: i * first.inputStride + layout.origin + y * layout.rowStride)
      }
    }
  }

  private func score<Source: ExampleSource>(
    _ source: Source, at positions: ArraySlice<Int>, statistics: inout BatchStatistics,
    observer: ((Int, Double) -> Void)? = nil
  ) {
    let classes = plan.architecture.classes
    for (i, position) in positions.enumerated() {
      let (loss, correct) = logits.softmaxCrossEntropy(
        at: i * classes, classes: classes, label: source.label(at: position))
      statistics.examples += 1
      statistics.loss += Double(loss)
      observer?(position, Double(loss))
      if correct { statistics.correct += 1 }
    }
  }

  private func backward(count: Int) {
    let lowest = plan.firstTrained
    for index in layers.indices.reversed() where index >= lowest {
      layers[index].backward(count: count, needsInputGradient: index > lowest)
    }
  }

  /// Sets the coefficients of a tile. A gradient that is not finite gets 0: it then contributes a
  /// vector of norm 0 ≤ C, and the guarantee stands.
  private func clip(
    _ positions: ArraySlice<Int>, _ clipping: Clipping, statistics: inout BatchStatistics,
    observer: ((Int, Double) -> Void)?
  ) {
    if case .grouped(let bounds) = clipping {
      return clip(positions.count, in: bounds, statistics: &statistics)
    }
    for (i, position) in positions.enumerated() {
      guard clipping != .none else {
        coefficients[i] = 1
        continue
      }
      var total = 0.0
      for layer in layers where layer.isTrained { total += layer.squaredNorm(of: i) }
      let norm = total.squareRoot()
      observer?(position, norm)
      guard norm.isFinite else {
        coefficients[i] = 0
        statistics.notFinite += 1
        continue
      }
      let factor = clipping.factor(at: position, norm: norm)
      coefficients[i] = Float(factor)
      if factor >= 1 { statistics.unclipped += 1 }
    }
  }

  /// The same for groups of layers: each is measured and shortened by itself.
  private func clip(_ count: Int, in bounds: GroupBounds, statistics: inout BatchStatistics) {
    let groups = bounds.groups
    while groupCoefficients.count < groups.count {
      groupCoefficients.append([Float](repeating: 0, count: tile))
    }
    if statistics.within.isEmpty { statistics.within = groups.ranges.map { _ in 0 } }
    for i in 0..<count {
      for k in 0..<groups.count { squaredNorms[k] = 0 }
      for (layer, group) in zip(layers, groups.groupOfLayer) {
        if let group { squaredNorms[group] += layer.squaredNorm(of: i) }
      }
      let isFinite = (0..<groups.count).allSatisfy { squaredNorms[$0].isFinite }
      if !isFinite { statistics.notFinite += 1 }
      var isShortened = !isFinite
      for k in 0..<groups.count {
        guard isFinite else {
          groupCoefficients[k][i] = 0
          continue
        }
        let norm = squaredNorms[k].squareRoot()
        let factor = Clipping.shortened(norm, to: bounds.maxGradNorms[k])
        groupCoefficients[k][i] = Float(factor)
        if factor < 1 { isShortened = true }
        if norm <= Double(bounds.thresholds[k]) { statistics.within[k] += 1 }
      }
      if !isShortened { statistics.unclipped += 1 }
    }
  }

  /// Adds a tile's gradients, times their coefficients, to the sums of the layers.
  private func accumulate(_ count: Int, _ clipping: Clipping) {
    guard case .grouped(let bounds) = clipping else {
      for layer in layers { layer.accumulate(count: count, coefficients: coefficients) }
      return
    }
    for (layer, group) in zip(layers, bounds.groups.groupOfLayer) {
      if let group {
        layer.accumulate(count: count, coefficients: groupCoefficients[group])
      }
    }
  }
}
