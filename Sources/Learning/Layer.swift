// What a layer does inside one lane: forward and backward over a tile of examples, and its own share
// of the per-example gradient norms and of the clipped sum.

import Kernels

/// The parameters that all clients of a run share and nobody trains.
public struct FrozenParameters: Sendable {
  /// The whole base model, in the order of `Architecture.slots`.
  public let base: [Float]
  /// The frozen A factors, in the order of `TrainingPlan.frozenFactorSlots`.
  public let factors: [Float]

  public init(base: [Float], factors: [Float]) {
    self.base = base
    self.factors = factors
  }
}

/// A layer in a lane's network. Example i of a tile lies at `i · inputStride` of `input`.
///
/// Protocol of use, per tile: `forward`, then after the layers above have run backward, `backward`,
/// which leaves ∂loss/∂input in `inputGradient` if asked and makes `squaredNorm` and `accumulate`
/// valid until the next tile.
protocol Layer: AnyObject {
  var input: FloatBuffer { get }
  var inputGradient: FloatBuffer { get }
  var inputStride: Int { get }
  /// The layout of the input as an image; nil for a plain vector.
  var inputLayout: ImageLayout? { get }
  var isTrained: Bool { get }

  func load(frozen: FrozenParameters)
  /// Reads this layer's part of θ.
  func load(trainable: [Float])
  func forward(count: Int)
  /// The part of `forward` that is left where the frozen product was computed before.
  func finish(count: Int)
  func backward(count: Int, needsInputGradient: Bool)
  /// ‖gradient of example i with respect to this layer's trained parameters‖².
  func squaredNorm(of example: Int) -> Double
  /// Adds Σ_i coefficients[i] · gradient_i to the layer's sum.
  func accumulate(count: Int, coefficients: [Float])
  /// Adds the layer's sum to its part of `total` and clears it.
  func drainSum(into total: inout [Float])
}
