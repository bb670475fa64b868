// Adapters whose host is a linear map with other weights: (W′, b′) = f(W, b, tensors). The host computes with W′;
// an example's gradient of W′ is formed, Eᵀ X, and pulled back to the tensors.

public import Kernels

/// A kind of adapter that gives its hosts other weights. `merge` is the map itself.
public protocol WeightAdapter: Adapter {
  /// The map's derivative on one host in a worker.
  func makePullback(on host: HostSpec, target: Int) -> any WeightPullback
}

/// How gradients of a host's weights become those of an adapter's tensors.
public protocol WeightPullback: AnyObject {
  /// Takes new values of all the adapter's tensors on the host; `base` has the weights without the adapter.
  func load(_ tensors: [String: [Float]], base: HostWeights)
  /// Adds an example's gradients of the trained tensors.
  ///
  /// - Parameters:
  ///   - gradient: ∂loss/∂W′, `rows × columns` of the host.
  ///   - bias: ∂loss/∂b′.
  ///   - place: where a tensor's gradient is added; nil for one that is not trained.
  func pullBack(
    _ gradient: MatrixView, bias: FloatBuffer, place: (String) -> GradientPlace?)
}

/// A host's mapped weights in a worker.
///
/// Forming Eᵀ X costs an example as much arithmetic as its forward pass through the host.
final class MappedWeights: TensorTerm {
  /// W′ and b′ for the θ that was loaded last.
  private(set) var weights = HostWeights(weight: [], bias: [])
  private let adapter: any WeightAdapter
  private let pullback: any WeightPullback
  private let plan: TrainingPlan
  private let host: HostSpec
  private let target: Int
  let gradients: TensorGradients
  private let formed: FloatBuffer
  private let formedBias: FloatBuffer
  private var base = HostWeights(weight: [], bias: [])
  private var factors: [Float] = []

  init(_ adapter: any WeightAdapter, _ context: AdapterContext) {
    self.adapter = adapter
    plan = context.plan
    host = context.host
    target = context.target
    pullback = adapter.makePullback(on: context.host, target: context.target)
    gradients = TensorGradients(context)
    let (rows, columns) = (context.host.rows, context.host.columns)
    formed = context.workspace.scratch("formed gradient", count: rows * columns)
    formedBias = context.workspace.scratch("formed bias", count: rows)
  }

  func load(frozen: FrozenParameters) {
    base = plan.weights(of: host, in: frozen.base)
    factors = frozen.factors
  }

  func load(trainable: [Float]) {
    let tensors = plan.adapterValues(on: host, frozen: factors, trainable: trainable)
    weights = base
    adapter.merge(tensors, into: &weights, on: host, target: target)
    pullback.load(tensors, base: base)
  }

  /// The host multiplies by W′ itself.
  func forward(_ x: MatrixView, _ y: MatrixView, tile: Tile) {}

  func backward(
    _ x: MatrixView, outputGradient: MatrixView, inputGradient: MatrixView?, tile: Tile
  ) {
    let whole = MatrixView(formed, rows: host.rows, columns: host.columns)
    gradients.clear(tile)
    for i in 0..<tile.count {
      let rows = tile.rows(of: i)
      let e = outputGradient.rows(rows)
      multiply(e, x.rows(rows), transposeA: true, into: whole)
      formedBias.clear(at: 0, count: host.rows)
      formedBias.addColumnSums(
        e.buffer, at: e.offset, rows: e.rows, columns: e.columns, stride: e.stride, to: 0)
      pullback.pullBack(whole, bias: formedBias) { gradients.place($0, example: i) }
    }
  }
}
