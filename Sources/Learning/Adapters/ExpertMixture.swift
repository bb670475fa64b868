// A learned mixture of low-rank experts: a router that is trained with them says how much of each a row gets.
//
// Shazeer et al., "Outrageously large neural networks: the sparsely-gated mixture-of-experts layer" (ICLR 2017), without its
// noise and its balance losses; experts as in Zadouri et al., "Pushing mixture of experts to the limit" (ICLR 2024).

import Kernels

/// y = W x + b + s Σ_e w_e B_e A_e x with w = softmax(K q / τ) over the `topK` largest logits; q is the row x itself, or
/// the mean of an example's rows. A and K start random, B at 0.
///
/// Trained: E r (m + n) + E n numbers a host. Under DP-SGD router and experts enter the per-example clip together and are
/// noised together. There is no loss of importance or load: it would couple the examples of a batch, and so undo the
/// bound of what one of them can change. The weights depend on the input: adapters do not merge into the base, and the mean of
/// clients is inexact.
public struct ExpertMixtureAdapter: Adapter, Hashable {
  /// What the weights are chosen for.
  public enum Level: String, Sendable, Hashable, CaseIterable {
    /// Each row: a token, or a place of an image.
    case token
    /// All rows of an example alike, by their mean.
    case example
  }

  public let kind = "mixture"
  public let experts: Int
  public let rank: Int
  public let loraAlpha: Double
  public let level: Level
  /// Experts that a row gets; `experts` for a dense mixture.
  public let topK: Int
  /// τ.
  public let temperature: Double
  public let targetModules: [String]
  public let modulesToSave: [String]
  public var isMergeable: Bool { false }
  var scale: Float { Float(loraAlpha / Double(rank)) }

  /// - Parameter topK: nil takes all experts.
  public init(
    experts: Int, rank: Int, loraAlpha: Double, level: Level = .token, topK: Int? = nil,
    temperature: Double = 1, targetModules: [String], modulesToSave: [String] = []
  ) {
    self.experts = experts
    self.rank = rank
    self.loraAlpha = loraAlpha
    self.level = level
    self.topK = min(topK ?? experts, experts)
    self.temperature = temperature
    self.targetModules = targetModules
    self.modulesToSave = modulesToSave
  }

  public func tensors(on host: HostSpec, target: Int) -> [AdapterTensor] {
    let start = TensorSpec.Start.gaussian(deviation: 1 / Double(host.columns).squareRoot())
    return [
      AdapterTensor(
        "experts_A", rows: experts * rank, columns: host.columns, start: start, isTrained: true,
        isSilentAtStart: true),
      AdapterTensor(
        "experts_B", rows: host.rows, columns: experts * rank, start: .constant(0),
        isTrained: true),
      AdapterTensor(
        "router", rows: experts, columns: host.columns, start: start, isTrained: true,
        isSilentAtStart: true),
    ]
  }

  public func merge(
    _ tensors: [String: [Float]], into weights: inout HostWeights, on host: HostSpec, target: Int
  ) {}

  public func makeTerm(_ context: AdapterContext) -> (any AdapterTerm)? {
    ExpertMixtureTerm(self, context)
  }
}

/// The experts on a tile's rows. A row's result depends on its own example alone.
private final class ExpertMixtureTerm: TensorTerm {
  let gradients: TensorGradients
  private let adapter: ExpertMixtureAdapter
  private let plan: TrainingPlan
  private let host: HostSpec
  /// E r.
  private let width: Int
  private let down: Panels
  private let downBack: Panels
  private let up: Panels
  private let upBack: Panels
  private let router: Panels
  private let routerBack: Panels
  /// Row by row: A x, the same times the weights, (s B)ᵀ e, logits and later ∂loss/∂logit, and the weights.
  private let inner: FloatBuffer
  private let weighed: FloatBuffer
  private let pulled: FloatBuffer
  private let logits: FloatBuffer
  private let weights: FloatBuffer
  private var factors: [Float] = []

  init(_ adapter: ExpertMixtureAdapter, _ context: AdapterContext) {
    self.adapter = adapter
    plan = context.plan
    host = context.host
    width = adapter.experts * adapter.rank
    gradients = TensorGradients(context)
    let (outputs, inputs) = (context.host.rows, context.host.columns)
    down = Panels(depth: inputs, columns: width)
    downBack = Panels(depth: width, columns: inputs)
    up = Panels(depth: width, columns: outputs)
    upBack = Panels(depth: outputs, columns: width)
    router = Panels(depth: inputs, columns: adapter.experts)
    routerBack = Panels(depth: adapter.experts, columns: inputs)
    inner = FloatBuffer(count: context.rows * width)
    weighed = FloatBuffer(count: context.rows * width)
    pulled = FloatBuffer(count: context.rows * width)
    logits = FloatBuffer(count: context.rows * adapter.experts)
    weights = FloatBuffer(count: context.rows * adapter.experts)
  }

  func load(frozen: FrozenParameters) { factors = frozen.factors }

  func load(trainable: [Float]) {
    let tensors = plan.adapterValues(on: host, frozen: factors, trainable: trainable)
    let a = tensors["experts_A"] ?? []
    let b = (tensors["experts_B"] ?? []).map { adapter.scale * $0 }
    let keys = tensors["router"] ?? []
    for (panels, transposed) in [(down, true), (downBack, false)] {
      panels.pack(a, at: 0, rows: width, columns: host.columns, transposed: transposed)
    }
    for (panels, transposed) in [(up, true), (upBack, false)] {
      panels.pack(b, at: 0, rows: host.rows, columns: width, transposed: transposed)
    }
    for (panels, transposed) in [(router, true), (routerBack, false)] {
      panels.pack(
        keys, at: 0, rows: adapter.experts, columns: host.columns, transposed: transposed)
    }
  }

  private func view(_ buffer: FloatBuffer, _ rows: Range<Int>, _ columns: Int) -> MatrixView {
    MatrixView(buffer, at: rows.lowerBound * columns, rows: rows.count, columns: columns)
  }

  func forward(_ x: MatrixView, _ y: MatrixView, tile: Tile) {
    let rows = 0..<tile.rows
    chainMultiply(x, by: down, into: view(inner, rows, width))
    chainMultiply(x, by: router, into: view(logits, rows, adapter.experts))
    for example in 0..<tile.count { weigh(tile.rows(of: example)) }
    weighed.copy(rows.count * width, from: inner, at: 0, to: 0)
    scaleByWeights(weighed, rows)
    chainMultiply(view(weighed, rows, width), by: up, start: .target, into: y)
  }

  /// Makes the weights of an example's rows from their logits.
  private func weigh(_ rows: Range<Int>) {
    let experts = adapter.experts
    guard adapter.level == .example, let first = rows.first else {
      for row in rows { softmax(of: row * experts) }
      return
    }
    // The mean of the logits is the logit of the mean.
    for row in rows.dropFirst() {
      logits.addScaled(1, logits, at: row * experts, to: first * experts, count: experts)
    }
    logits.scale(by: 1 / Float(rows.count), at: first * experts, count: experts)
    softmax(of: first * experts)
    for row in rows.dropFirst() {
      for e in 0..<experts { weights[row * experts + e] = weights[first * experts + e] }
    }
  }

  /// Of equal logits the first are kept.
  private func softmax(of place: Int) {
    let experts = adapter.experts
    var largest = logits[place]
    for e in 0..<experts { largest = max(largest, logits[place + e]) }
    var total: Float = 0
    for e in 0..<experts {
      let logit = logits[place + e]
      var before = 0
      for other in 0..<experts {
        let rival = logits[place + other]
        if rival > logit || (rival == logit && other < e) { before += 1 }
      }
      let share =
        before < adapter.topK
        ? Float(Elementary.exp(Double(logit - largest) / adapter.temperature)) : 0
      weights[place + e] = share
      total += share
    }
    weights.scale(by: 1 / total, at: place, count: experts)
  }

  /// Multiplies each expert's part of the rows by its weight.
  private func scaleByWeights(_ buffer: FloatBuffer, _ rows: Range<Int>) {
    for part in rows.lowerBound * adapter.experts..<rows.upperBound * adapter.experts {
      buffer.scale(by: weights[part], at: part * adapter.rank, count: adapter.rank)
    }
  }

  func backward(
    _ x: MatrixView, outputGradient e: MatrixView, inputGradient: MatrixView?, tile: Tile
  ) {
    let (rows, experts) = (0..<tile.rows, adapter.experts)
    gradients.clear(tile)
    chainMultiply(e, by: upBack, into: view(pulled, rows, width))
    for i in 0..<tile.count { routerGradient(tile.rows(of: i)) }
    scaleByWeights(pulled, rows)
    for i in 0..<tile.count {
      let own = tile.rows(of: i)
      form("experts_A", of: i, view(pulled, own, width), x.rows(own))
      form("experts_B", of: i, e.rows(own), view(weighed, own, width), scale: adapter.scale)
      form("router", of: i, view(logits, own, experts), x.rows(own))
    }
    guard let inputGradient else { return }
    chainMultiply(view(pulled, rows, width), by: downBack, start: .target, into: inputGradient)
    chainMultiply(view(logits, rows, experts), by: routerBack, start: .target, into: inputGradient)
  }

  /// Adds leftᵀ · right, the gradient of one tensor, to an example's.
  private func form(
    _ tensor: String, of example: Int, _ left: MatrixView, _ right: MatrixView, scale: Float = 1
  ) {
    guard let place = gradients.place(tensor, example: example) else { return }
    multiply(
      left, right, transposeA: true, alpha: scale, beta: 1,
      into: MatrixView(
        place.buffer, at: place.offset, rows: left.columns, columns: right.columns))
  }

  /// Replaces the logits of an example's rows by the gradients with respect to them: w_e (a_e − Σ_j w_j a_j) / τ with a_e
  /// what the loss changes by for more of expert e.
  private func routerGradient(_ rows: Range<Int>) {
    let (experts, rank) = (adapter.experts, adapter.rank)
    for part in rows.lowerBound * experts..<rows.upperBound * experts {
      var gain: Float = 0
      for k in part * rank..<(part + 1) * rank { gain += pulled[k] * inner[k] }
      logits[part] = gain
    }
    var divisor = Float(adapter.temperature)
    if adapter.level == .example, let first = rows.first {
      for row in rows.dropFirst() {
        logits.addScaled(1, logits, at: row * experts, to: first * experts, count: experts)
      }
      for row in rows.dropFirst() {
        for e in 0..<experts { logits[row * experts + e] = logits[first * experts + e] }
      }
      divisor *= Float(rows.count)
    }
    for row in rows {
      var mean: Float = 0
      for e in row * experts..<(row + 1) * experts { mean += weights[e] * logits[e] }
      for e in row * experts..<(row + 1) * experts {
        logits[e] = weights[e] * (logits[e] - mean) / divisor
      }
    }
  }
}
