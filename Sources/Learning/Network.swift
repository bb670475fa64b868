// One worker's copy of a model: buffers for a tile of examples, and one pass that yields the clipped sum
// of per-example gradients (book-keeping: Bu, Wang, Zha, Karypis, ICML 2023).

import Kernels

/// A model in a worker. Not `Sendable`: one worker owns it and trains one client after another with it.
public final class Network {
  public let plan: TrainingPlan
  /// Examples that are processed together, at most.
  public let tile: Int
  package let layers: [any Layer]
  /// The tile at hand.
  private(set) var batch: Tile
  /// The position that the first token of every text takes in models with positions; the longest text must still fit.
  public var firstPosition: Int {
    get { batch.firstPosition }
    set { batch.firstPosition = newValue }
  }
  private let outputs: FloatBuffer
  private let rowLimit: Int
  /// Gradients of tensors that several hosts share; nil where there are none.
  private let shared: SharedGradients?
  /// Rows of the outputs are tokens, not examples.
  private let scoresTokens: Bool
  /// Of the groups of one example.
  private var squaredNorms: [Double]
  private var coefficients: [Float]
  private var groupCoefficients: [[Float]] = []

  /// Rows of a tile of texts: enough for products to run at full speed.
  public static let usualRows = 512

  /// Allocates every buffer that training will need.
  ///
  /// - Parameters:
  ///   - tile: examples processed together.
  ///   - rows: tokens processed together, at least the longest text; texts alone have more than one row.
  public init(plan: TrainingPlan, tile: Int = 16, rows: Int = Network.usualRows) {
    precondition(tile > 0, "a tile holds at least one example")
    self.plan = plan
    let architecture = plan.architecture
    let longest = plan.longest
    // A text is short beside the rows that a product wants.
    let takesTexts = architecture.input.maximumLength > 1
    let examples = takesTexts ? max(tile, rows / 8) : tile
    self.tile = examples
    rowLimit = takesTexts ? max(rows, longest) : examples
    scoresTokens = architecture.outputRows == .token
    batch = Tile(examples: examples)
    outputs = FloatBuffer(
      count: (scoresTokens ? rowLimit : examples) * plan.outputCount)
    let workspace = Workspace()
    shared = SharedGradients(plan, examples: examples)
    workspace.shared = shared
    var layers: [any Layer] = []
    // Built from the last layer to the first: each writes into the input of the one after it.
    for index in architecture.layers.indices.reversed() {
      let next = layers.first
      let context = LayerContext(
        plan: plan, index: index, examples: examples, rows: rowLimit,
        output: next?.input ?? outputs, outputGradient: next?.inputGradient ?? outputs,
        outputLayout: next?.inputLayout, workspace: workspace)
      layers.insert(architecture.layers[index].makeLayer(in: context), at: 0)
    }
    self.layers = layers
    squaredNorms = [Double](repeating: 0, count: architecture.layers.count)
    coefficients = [Float](repeating: 0, count: examples)
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
    forEachTile(of: positions, in: source) { part in
      forward(source, at: part, features: features)
      score(source, at: part, statistics: &statistics)
      backward()
      clip(part, clipping, statistics: &statistics, observer: normObserver)
      accumulate(clipping)
    }
    for layer in layers { layer.drainSum(into: &sum) }
    shared?.drainSum(into: &sum)
    return statistics
  }

  /// Losses and hits of the examples, without gradients. `observe` receives the predictions of models that predict
  /// classes, `lossObserver` (position, loss in nats).
  public func evaluate<Source: ExampleSource>(
    _ source: Source, features: FrozenFeatures? = nil, observe: ((Prediction) -> Void)? = nil,
    lossObserver: ((Int, Double) -> Void)? = nil
  ) -> BatchStatistics {
    var statistics = BatchStatistics()
    forEachTile(of: Array(0..<source.count), in: source) { part in
      forward(source, at: part, features: features)
      if let observe, !scoresTokens {
        for (i, position) in part.enumerated() {
          observe(
            Prediction(
              position: position, label: source.label(at: position), predicted: predictedClass(i),
              margin: margin(i)))
        }
      }
      score(source, at: part, statistics: &statistics, observer: lossObserver)
    }
    return statistics
  }

  /// Cuts positions into tiles, always in the same way: a pass may use cached features or not.
  func forEachTile<Source: ExampleSource>(
    of positions: [Int], in source: Source, _ body: (ArraySlice<Int>) -> Void
  ) {
    var start = 0
    while start < positions.count {
      batch.clear()
      var end = start
      while end < positions.count,
        batch.add(rows: plan.rows(of: source.length(at: positions[end])), limit: rowLimit)
      { end += 1 }
      precondition(end > start, "a text is longer than the model takes")
      body(positions[start..<end])
      start = end
    }
  }

  private func margin(_ example: Int) -> Float? {
    plan.architecture.classes == 2 ? outputs[2 * example + 1] - outputs[2 * example] : nil
  }

  private func predictedClass(_ example: Int) -> Int {
    let classes = plan.architecture.classes
    var best = 0
    for k in 1..<max(classes, 1)
    where outputs[example * classes + k] > outputs[example * classes + best] {
      best = k
    }
    return best
  }

  private func forward<Source: ExampleSource>(
    _ source: Source, at positions: ArraySlice<Int>, features: FrozenFeatures?
  ) {
    var first = 0
    if let features {
      first = features.first
      features.place(positions, of: batch, into: layers[first])
      if features.holdsProducts, let layer = layers[first] as? any ProductCaching {
        layer.finish(batch)
        first += 1
      }
    } else {
      stage(source, at: positions)
    }
    for layer in layers[first...] { layer.forward(batch) }
  }

  /// Writes the inputs of a tile into the first layer's buffer.
  func stage<Source: ExampleSource>(_ source: Source, at positions: ArraySlice<Int>) {
    for (i, position) in positions.enumerated() {
      layers[0].stage(source, at: position, as: i, of: batch)
    }
  }

  private func score<Source: ExampleSource>(
    _ source: Source, at positions: ArraySlice<Int>, statistics: inout BatchStatistics,
    observer: ((Int, Double) -> Void)? = nil
  ) {
    let architecture = plan.architecture
    for (i, position) in positions.enumerated() {
      let rows = scoresTokens ? batch.rows(of: i) : i..<i + 1
      let score: ExampleScore
      if scoresTokens, let soft = plan.softRows {
        score = outputs.score(
          architecture.objective, soft: soft, rows: rows, width: plan.outputCount,
          words: architecture.classes, source: source, position: position)
      } else {
        score = architecture.objective.score(
          outputs, rows: rows, width: architecture.classes, source: source, position: position)
      }
      statistics.examples += 1
      statistics.loss += score.loss
      observer?(position, score.loss)
      statistics.correct += score.correct
    }
  }

  private func backward() {
    let lowest = plan.firstTrained
    shared?.clear()
    for index in layers.indices.reversed() where index >= lowest {
      layers[index].backward(batch, needsInputGradient: index > lowest)
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
      for (index, layer) in layers.enumerated() where plan.isTrained(layer: index) {
        total += layer.squaredNorm(of: i)
      }
      if let shared { total += shared.squaredNorm(of: i) }
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
  private func accumulate(_ clipping: Clipping) {
    guard case .grouped(let bounds) = clipping else {
      for layer in layers { layer.accumulate(batch, coefficients: coefficients) }
      shared?.accumulate(batch, coefficients: coefficients)
      return
    }
    for (layer, group) in zip(layers, bounds.groups.groupOfLayer) {
      if let group {
        layer.accumulate(batch, coefficients: groupCoefficients[group])
      }
    }
  }
}
