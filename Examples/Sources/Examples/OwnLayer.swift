// A layer of your own: a trained gain for each number of its input, y = g ⊙ x.

import DPFLSim

struct GainSpec: LayerSpec {
  let name: String
  let width: Int

  /// What it trains, and how that begins.
  var tensors: [TensorSpec] {
    [TensorSpec("\(name).weight", rows: width, start: .constant(1), role: .scale)]
  }

  func work(length: Int) -> LayerWork { LayerWork(operations: width, outputs: width) }
  func featureShape(_ mode: HostMode) -> FeatureShape { FeatureShape(.input, stride: width) }
  func makeLayer(in context: LayerContext) -> any Layer { GainLayer(self, in: context) }
}

final class GainLayer: Layer {
  let input: FloatBuffer
  let inputGradient: FloatBuffer
  let inputStride: Int
  private let output: FloatBuffer
  private let outputGradient: FloatBuffer
  private let base: ParameterSlot?
  private let trained: ParameterSlot?
  private var gains: [Float]
  /// ∂loss/∂g of each example of the tile: what is clipped.
  private var gradients: [Float]
  private var sum: [Float]

  init(_ spec: GainSpec, in context: LayerContext) {
    let width = spec.width
    inputStride = width
    input = FloatBuffer(count: context.rows * width)
    inputGradient = FloatBuffer(count: context.rows * width)
    output = context.output
    outputGradient = context.outputGradient
    base = context.plan.architecture.slot("\(spec.name).weight")
    trained = context.plan.trainedSlot("\(spec.name).weight")
    gains = [Float](repeating: 1, count: width)
    gradients = [Float](repeating: 0, count: context.examples * width)
    sum = [Float](repeating: 0, count: width)
  }

  func load(frozen: FrozenParameters) {
    if let base { gains = Array(frozen.base[base.range]) }
  }

  func load(trainable: [Float]) {
    if let trained { gains = Array(trainable[trained.range]) }
  }

  func forward(_ tile: Tile) {
    for place in 0..<tile.rows * inputStride {
      output[place] = gains[place % inputStride] * input[place]
    }
  }

  func backward(_ tile: Tile, needsInputGradient: Bool) {
    for place in 0..<tile.rows * inputStride {
      gradients[place] = outputGradient[place] * input[place]
      if needsInputGradient {
        inputGradient[place] = outputGradient[place] * gains[place % inputStride]
      }
    }
  }

  func squaredNorm(of example: Int) -> Double {
    guard trained != nil else { return 0 }
    return gradients[example * inputStride..<(example + 1) * inputStride].reduce(0) {
      $0 + Double($1) * Double($1)
    }
  }

  func accumulate(_ tile: Tile, coefficients: [Float]) {
    for example in 0..<tile.count {
      for place in 0..<inputStride {
        sum[place] += coefficients[example] * gradients[example * inputStride + place]
      }
    }
  }

  func drainSum(into total: inout [Float]) {
    guard let trained else { return }
    for place in 0..<inputStride { total[trained.offset + place] += sum[place] }
    sum = [Float](repeating: 0, count: inputStride)
  }
}
