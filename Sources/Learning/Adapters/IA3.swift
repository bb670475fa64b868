// (IA)³: learned scales of a layer's outputs or inputs.
//
// Liu et al., "Few-shot parameter-efficient fine-tuning is better and cheaper than in-context learning"
// (2022): l scales keys and values (outputs, with their bias) and the inner vector of the feed-forward part
// (the input of its second layer). PEFT's `IA3`.

import Kernels

/// y = l ⊙ (W x + b), or y = W (l ⊙ x) + b for feed-forward modules; l starts at 1.
///
/// Trained: m numbers a host, n of a feed-forward one. Under DP-SGD every l enters the per-example clip and is
/// noised; merging l into W and b is post-processing. The model is linear in l, so the mean of clients' l is the
/// mean of their models.
public struct IA3Adapter: WeightAdapter, Hashable {
  public let kind = "ia3"
  public let targetModules: [String]
  /// Those of the target modules whose inputs are scaled.
  public let feedforwardModules: [String]
  public let modulesToSave: [String]

  public init(
    targetModules: [String], feedforwardModules: [String] = [], modulesToSave: [String] = []
  ) {
    self.targetModules = targetModules
    self.feedforwardModules = feedforwardModules
    self.modulesToSave = modulesToSave
  }

  private func scalesInputs(_ target: Int) -> Bool {
    feedforwardModules.contains(targetModules[target])
  }

  public func tensors(on host: HostSpec, target: Int) -> [AdapterTensor] {
    [
      AdapterTensor(
        "ia3_l", rows: scalesInputs(target) ? host.columns : host.rows, columns: 1,
        start: .constant(1), isTrained: true)
    ]
  }

  public func merge(
    _ tensors: [String: [Float]], into weights: inout HostWeights, on host: HostSpec, target: Int
  ) {
    guard let scales = tensors["ia3_l"] else { return }
    let isInput = scalesInputs(target)
    for row in 0..<host.rows {
      for column in 0..<host.columns {
        weights.weight[row * host.columns + column] *= scales[isInput ? column : row]
      }
    }
    if !isInput { for row in weights.bias.indices { weights.bias[row] *= scales[row] } }
  }

  public func makePullback(on host: HostSpec, target: Int) -> any WeightPullback {
    IA3Pullback(host, scalesInputs: scalesInputs(target))
  }
}

private final class IA3Pullback: WeightPullback {
  private let scalesInputs: Bool
  private let weight: FloatBuffer
  private let view: MatrixView
  private var bias: [Float] = []

  init(_ host: HostSpec, scalesInputs: Bool) {
    self.scalesInputs = scalesInputs
    weight = FloatBuffer(count: host.rows * host.columns)
    view = MatrixView(weight, rows: host.rows, columns: host.columns)
  }

  func load(_ tensors: [String: [Float]], base: HostWeights) {
    weight.write(base.weight)
    bias = base.bias
  }

  func pullBack(
    _ gradient: MatrixView, bias biasGradient: FloatBuffer, place: (String) -> GradientPlace?
  ) {
    guard let target = place("ia3_l") else { return }
    guard !scalesInputs else {
      target.buffer.addColumnDots(gradient, view, to: target.offset)
      return
    }
    target.buffer.addRowDots(gradient, view, to: target.offset)
    for row in bias.indices { target.buffer[target.offset + row] += bias[row] * biasGradient[row] }
  }
}
