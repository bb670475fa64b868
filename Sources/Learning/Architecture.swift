// What a model is made of: a list of layers with their shapes and the names of their parameters.

public import Kernels

/// One layer of a model, with its non-linearity.
public enum LayerSpec: Sendable, Hashable {
  /// 5×5 convolution with bias, then ReLU, then 2×2 max-pooling.
  case convolution(name: String, geometry: ConvGeometry, outputChannels: Int)
  /// y = W x + b, then ReLU if `rectified`.
  case dense(name: String, inputs: Int, outputs: Int, rectified: Bool)

  public var name: String {
    switch self {
    case .convolution(let name, _, _), .dense(let name, _, _, _): name
    }
  }

  /// Rows m and columns n of the (unfolded) weight matrix.
  public var weightShape: (rows: Int, columns: Int) {
    switch self {
    case .convolution(_, let geometry, let channels): (channels, geometry.patch)
    case .dense(_, let inputs, let outputs, _): (outputs, inputs)
    }
  }
}

/// A model that cannot be built on the data at hand.
public struct ArchitectureError: Error, Sendable, CustomStringConvertible {
  /// One sentence: the place in the scenario, what is wrong, how to mend it.
  public let description: String

  public init(description: String) { self.description = description }
}

/// A model: layers in order, from the input to the logits.
public struct Architecture: Sendable, Hashable {
  public let name: String
  /// Floats of one input example.
  public let inputCount: Int
  public let classes: Int
  public let layers: [LayerSpec]

  /// Multinomial logistic regression: one dense layer `fc`.
  public static func logistic(inputs: Int, classes: Int) -> Architecture {
    Architecture(
      name: "logistic", inputCount: inputs, classes: classes,
      layers: [.dense(name: "fc", inputs: inputs, outputs: classes, rectified: false)])
  }

  /// A multi-layer perceptron with layers `fc1`, `fc2`, ...
  public static func mlp(inputs: Int, hidden: [Int], classes: Int) -> Architecture {
    let sizes = [inputs] + hidden + [classes]
    let layers = (1..<sizes.count).map { i in
      LayerSpec.dense(
        name: "fc\(i)", inputs: sizes[i - 1], outputs: sizes[i], rectified: i < sizes.count - 1)
    }
    return Architecture(name: "mlp", inputCount: inputs, classes: classes, layers: layers)
  }

  /// The network of the R-DPCFL paper: two 5×5 convolutions (16 and 32 channels), each with ReLU and
  /// max-pooling, and a dense layer; 28,938 parameters on 28×28 grey images with 10 classes.
  ///
  /// - Throws: `ArchitectureError` unless both sides are multiples of 4.
  public static func cnn(
    height: Int, width: Int, channels: Int, classes: Int
  ) throws(ArchitectureError) -> Architecture {
    guard height % 4 == 0, width % 4 == 0, height > 0, width > 0 else {
      throw ArchitectureError(
        description:
          "model.name: \"cnn\" needs images whose sides are multiples of 4, these are "
          + "\(height)×\(width); choose \"mlp\" or \"logistic\"")
    }
    return Architecture(
      name: "cnn", inputCount: height * width * channels, classes: classes,
      layers: [
        .convolution(
          name: "conv1",
          geometry: ConvGeometry(height: height, width: width, inputChannels: channels),
          outputChannels: 16),
        .convolution(
          name: "conv2",
          geometry: ConvGeometry(height: height / 2, width: width / 2, inputChannels: 16),
          outputChannels: 32),
        .dense(
          name: "fc", inputs: height / 4 * (width / 4) * 32, outputs: classes, rectified: false),
      ])
  }

  /// Where each parameter of the whole model lies in its flat vector: per layer weight, then bias.
  /// Convolution weights are `[out][row][column][in]`, images and dense inputs are channel-last.
  public var slots: [ParameterSlot] {
    var offset = 0
    return layers.flatMap { layer -> [ParameterSlot] in
      let (rows, columns) = layer.weightShape
      let weight = ParameterSlot(
        name: "\(layer.name).weight", offset: offset, rows: rows, columns: columns)
      let bias = ParameterSlot(
        name: "\(layer.name).bias", offset: offset + rows * columns, rows: rows, columns: 1)
      offset += rows * columns + rows
      return [weight, bias]
    }
  }

  public var parameterCount: Int { slots.reduce(0) { $0 + $1.count } }
}

/// A named matrix inside a flat parameter vector.
public struct ParameterSlot: Sendable, Hashable {
  public let name: String
  public let offset: Int
  public let rows: Int
  public let columns: Int

  public init(name: String, offset: Int, rows: Int, columns: Int) {
    self.name = name
    self.offset = offset
    self.rows = rows
    self.columns = columns
  }

  public var count: Int { rows * columns }
  public var range: Range<Int> { offset..<offset + count }
}

extension Architecture {
  /// Fresh parameters: weights and biases uniform in ±1/√fan-in, the default of the field's
  /// frameworks for these layers.
  public func initialParameters(seed: UInt64) -> [Float] {
    var stream = RandomStream(seed: seed, purpose: .initialization)
    var parameters = [Float](repeating: 0, count: parameterCount)
    var fanIn = 1
    for slot in slots {
      if slot.name.hasSuffix(".weight") { fanIn = slot.columns }
      let bound = 1 / Double(fanIn).squareRoot()
      for i in slot.range { parameters[i] = Float((2 * stream.nextUnit() - 1) * bound) }
    }
    return parameters
  }
}
