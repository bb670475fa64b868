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
  let outputs: FloatBuffer
  private let rowLimit: Int
  private let givenTile: Int
  private let givenRows: Int
  /// Gradients of tensors that several hosts share; nil where there are none.
  let shared: SharedGradients?
  /// Rows of the outputs are tokens, not examples.
  let scoresTokens: Bool
  /// Of the groups of one example.
  var squaredNorms: [Double]
  var coefficients: [Float]
  var groupCoefficients: [[Float]] = []
  /// Of the tile at hand: what each example scored, the norms of gradients, and how many were clipped.
  private var scores: [ExampleScore] = []
  var norms: [Double]
  var clipped = BatchStatistics()
  private let sums: SumMemory
  /// Networks that share this one's sums, for the workers that `idleWorkers` lends; so many are loaded as this one is.
  var helpers: [Network] = []
  var readyHelpers = 0
  /// Whether all sums can be shared.
  private(set) var canShare = false
  /// What was loaded; nil before, and where everything is trained.
  var frozen: FrozenParameters?
  /// Who could work on this network's batches besides its own worker; nil for nobody.
  public var idleWorkers: IdleWorkers?

  /// Rows of a tile of texts: enough for products to run at full speed.
  public static let usualRows = 512

  /// Allocates every buffer that training will need.
  ///
  /// - Parameters:
  ///   - tile: examples processed together.
  ///   - rows: tokens processed together, at least the longest text; texts alone have more than one row.
  public convenience init(plan: TrainingPlan, tile: Int = 16, rows: Int = Network.usualRows) {
    self.init(plan: plan, tile: tile, rows: rows, sums: SumMemory())
  }

  /// A network of the same plan, for another worker, that adds to the sums of a given one.
  convenience init(helping other: Network) {
    self.init(plan: other.plan, tile: other.givenTile, rows: other.givenRows, sums: other.sums)
  }

  private init(plan: TrainingPlan, tile: Int, rows: Int, sums: SumMemory) {
    precondition(tile > 0, "a tile holds at least one example")
    self.plan = plan
    (givenTile, givenRows) = (tile, rows)
    self.sums = sums
    sums.rewind()
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
    let workspace = Workspace(sums: sums)
    shared = SharedGradients(plan, examples: examples, workspace: workspace)
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
    norms = [Double](repeating: 0, count: examples)
    scores.reserveCapacity(examples)
    canShare = layers.allSatisfy(\.hasSharedSum)
  }

  /// Loads what is not trained. Needed once, before the first pass.
  public func load(frozen: FrozenParameters) {
    self.frozen = frozen
    for helper in helpers { helper.frozen = nil }
    for layer in layers { layer.load(frozen: frozen) }
  }

  /// Loads θ, `plan.trainableCount` floats.
  public func load(trainable: [Float]) {
    loadAlone(trainable: trainable)
    prepareHelpers(trainable: trainable)
  }

  /// The same without those who help: each loads for itself.
  func loadAlone(trainable: [Float]) {
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
    forEachTile(of: positions, in: source) { network, part in
      network.forward(source, at: part, features: features)
      network.score(source, at: part)
      network.backward()
      network.clip(part, clipping)
      network.weigh(part, of: source, clipping)
    } add: { network, part in
      network.count(into: &statistics)
      statistics.addClipped(network.clipped)
      if let normObserver, clipping.measuresExamples {
        for (i, position) in part.enumerated() { normObserver(position, network.norms[i]) }
      }
      network.accumulate(clipping)
    }
    for layer in layers { layer.drainSum(into: &sum) }
    shared?.drainSum(into: &sum)
    return statistics
  }

  /// Losses and hits of the examples, without gradients. `observe` receives the predictions of models that predict
  /// classes, `lossObserver` (position, loss in nats).
  ///
  /// - Parameter mixture: takes the place of the model that was loaded, and leaves another one behind.
  public func evaluate<Source: ExampleSource>(
    _ source: Source, features: FrozenFeatures? = nil, mixing mixture: ModelMixture? = nil,
    observe: ((Prediction) -> Void)? = nil, lossObserver: ((Int, Double) -> Void)? = nil
  ) -> BatchStatistics {
    var statistics = BatchStatistics()
    forEachTile(of: Array(0..<source.count), in: source) { network, part in
      if let mixture {
        network.forward(source, at: part, features: features, mixing: mixture)
      } else {
        network.forward(source, at: part, features: features)
      }
    } add: { network, part in
      if let observe, !scoresTokens {
        for (i, position) in part.enumerated() {
          observe(
            Prediction(
              position: position, label: source.label(at: position),
              predicted: network.predictedClass(i), margin: network.margin(i)))
        }
      }
      // Scores take the place of the outputs.
      network.score(source, at: part)
      network.count(into: &statistics)
      if let lossObserver {
        for (position, score) in zip(part, network.scores) { lossObserver(position, score.loss) }
      }
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

  func forward<Source: ExampleSource>(
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

  /// Makes `batch` of examples that fit into one tile.
  func place<Source: ExampleSource>(_ positions: ArraySlice<Int>, of source: Source) {
    batch.clear()
    for position in positions {
      let fits = batch.add(rows: plan.rows(of: source.length(at: position)), limit: rowLimit)
      precondition(fits, "these examples are no tile")
    }
  }

  /// Scores a tile; the outputs become their gradients.
  private func score<Source: ExampleSource>(_ source: Source, at positions: ArraySlice<Int>) {
    scores.removeAll(keepingCapacity: true)
    let architecture = plan.architecture
    for (i, position) in positions.enumerated() {
      let rows = scoresTokens ? batch.rows(of: i) : i..<i + 1
      if scoresTokens, let soft = plan.softRows {
        scores.append(
          outputs.score(
            architecture.objective, soft: soft, rows: rows, width: plan.outputCount,
            words: architecture.classes, source: source, position: position))
      } else {
        scores.append(
          architecture.objective.score(
            outputs, rows: rows, width: architecture.classes, source: source, position: position))
      }
    }
  }

  /// Adds the scores of the tile, one example after another.
  private func count(into statistics: inout BatchStatistics) {
    statistics.examples += scores.count
    for score in scores {
      statistics.loss += score.loss
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
}
