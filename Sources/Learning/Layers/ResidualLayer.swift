// A residual block: layers beside a shortcut, added and rectified (He, Zhang, Ren, Sun 2016).

import Kernels

/// ReLU(branch(x) + shortcut(x)).
public struct ResidualSpec: LayerSpec {
  public let name: String
  /// Floats of an example's input and output.
  public let inputs: Int
  public let outputs: Int
  /// At least one layer each that takes images without padding; an empty shortcut passes the input on.
  public let branch: [any LayerSpec]
  public let shortcut: [any LayerSpec]

  /// - Precondition: without a shortcut inputs and outputs have the same length.
  public init(
    _ name: String, inputs: Int, outputs: Int, branch: [any LayerSpec],
    shortcut: [any LayerSpec] = []
  ) {
    precondition(!branch.isEmpty && (!shortcut.isEmpty || inputs == outputs), "nothing to add")
    self.name = name
    self.inputs = inputs
    self.outputs = outputs
    self.branch = branch
    self.shortcut = shortcut
  }

  private var all: [any LayerSpec] { branch + shortcut }
  public var tensors: [TensorSpec] { all.flatMap(\.tensors) }
  public var hosts: [HostSpec] { all.flatMap(\.hosts) }

  public func work(length: Int) -> LayerWork {
    var total = LayerWork(operations: outputs, outputs: 0)
    for layer in all {
      let own = layer.work(length: length)
      total.operations += own.operations
      total.outputs += own.outputs
    }
    return total
  }

  public func featureShape(_ mode: HostMode) -> FeatureShape {
    FeatureShape(.input, stride: inputs)
  }

  public func makeLayer(in context: LayerContext) -> any Layer { ResidualLayer(self, in: context) }
}

final class ResidualLayer: Layer {
  let input: FloatBuffer
  let inputGradient: FloatBuffer
  let inputStride: Int

  private let outputs: Int
  private let branch: Chain
  /// Nil passes the input on.
  private let shortcut: Chain?
  private let output: FloatBuffer
  private let outputGradient: FloatBuffer

  /// Layers one behind another with buffers of their own.
  private struct Chain {
    let layers: [any Layer]
    let output: FloatBuffer
    let gradient: FloatBuffer

    init(_ specs: [any LayerSpec], outputs: Int, in context: LayerContext) {
      output = FloatBuffer(count: context.examples * outputs)
      gradient = FloatBuffer(count: context.examples * outputs)
      var layers: [any Layer] = []
      for spec in specs.reversed() {
        layers.insert(
          spec.makeLayer(
            in: LayerContext(
              plan: context.plan, index: context.index, examples: context.examples,
              rows: context.rows, output: layers.first?.input ?? output,
              outputGradient: layers.first?.inputGradient ?? gradient,
              outputLayout: layers.first?.inputLayout, workspace: context.workspace)), at: 0)
      }
      self.layers = layers
    }

    func backward(_ tile: Tile, needsInputGradient: Bool) {
      for (index, layer) in layers.enumerated().reversed() {
        layer.backward(tile, needsInputGradient: index > 0 || needsInputGradient)
      }
    }
  }

  private var all: [any Layer] { branch.layers + (shortcut?.layers ?? []) }

  init(_ spec: ResidualSpec, in context: LayerContext) {
    inputStride = spec.inputs
    outputs = spec.outputs
    input = FloatBuffer(count: context.examples * spec.inputs)
    inputGradient = FloatBuffer(count: context.examples * spec.inputs)
    branch = Chain(spec.branch, outputs: spec.outputs, in: context)
    shortcut =
      spec.shortcut.isEmpty ? nil : Chain(spec.shortcut, outputs: spec.outputs, in: context)
    output = context.output
    outputGradient = context.outputGradient
    precondition(context.outputLayout == nil, "a residual block puts out images without padding")
  }

  func load(frozen: FrozenParameters) { for layer in all { layer.load(frozen: frozen) } }
  func load(trainable: [Float]) { for layer in all { layer.load(trainable: trainable) } }

  func forward(_ tile: Tile) {
    let count = tile.count * outputs
    for chain in [branch, shortcut].compactMap({ $0 }) {
      chain.layers[0].input.copy(tile.count * inputStride, from: input, at: 0, to: 0)
      for layer in chain.layers { layer.forward(tile) }
    }
    output.copy(count, from: branch.output, at: 0, to: 0)
    output.addScaled(1, shortcut?.output ?? input, at: 0, to: 0, count: count)
    output.rectify(count: count)
  }

  func backward(_ tile: Tile, needsInputGradient: Bool) {
    let count = tile.count * outputs
    branch.gradient.copy(count, from: outputGradient, at: 0, to: 0)
    branch.gradient.maskDead(at: 0, where: output, at: 0, count: count)
    shortcut?.gradient.copy(count, from: branch.gradient, at: 0, to: 0)
    branch.backward(tile, needsInputGradient: needsInputGradient)
    shortcut?.backward(tile, needsInputGradient: needsInputGradient)
    guard needsInputGradient else { return }
    let inputs = tile.count * inputStride
    inputGradient.copy(inputs, from: branch.layers[0].inputGradient, at: 0, to: 0)
    inputGradient.addScaled(
      1, shortcut?.layers[0].inputGradient ?? branch.gradient, at: 0, to: 0, count: inputs)
  }

  func squaredNorm(of example: Int) -> Double {
    all.reduce(0) { $0 + $1.squaredNorm(of: example) }
  }

  var hasSharedSum: Bool { all.allSatisfy(\.hasSharedSum) }

  func accumulate(_ tile: Tile, coefficients: [Float]) {
    for layer in all { layer.accumulate(tile, coefficients: coefficients) }
  }

  func drainSum(into total: inout [Float]) {
    for layer in all { layer.drainSum(into: &total) }
  }
}
