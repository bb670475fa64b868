// The networks that a scenario can name without files.

import Kernels

extension Architecture {
  /// Multinomial logistic regression: one dense layer `fc`.
  ///
  /// - Parameter channels: of the images that it takes, or 1.
  public static func logistic(inputs: Int, classes: Int, channels: Int = 1) -> Architecture {
    Architecture(
      name: "logistic", input: .floats(inputs), classes: classes,
      layers: [DenseSpec("fc", inputs: inputs, outputs: classes, channels: channels)])
  }

  /// A multi-layer perceptron with layers `fc1`, `fc2`, ...
  ///
  /// - Parameter channels: of the images that it takes, or 1.
  public static func mlp(
    inputs: Int, hidden: [Int], classes: Int, channels: Int = 1
  ) -> Architecture {
    let sizes = [inputs] + hidden + [classes]
    let layers = (1..<sizes.count).map { i in
      DenseSpec(
        "fc\(i)", inputs: sizes[i - 1], outputs: sizes[i], isRectified: i < sizes.count - 1,
        channels: i == 1 ? channels : 1)
    }
    return Architecture(name: "mlp", input: .floats(inputs), classes: classes, layers: layers)
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
      name: "cnn", input: .floats(height * width * channels), classes: classes,
      layers: [
        PooledConvolutionSpec(
          "conv1",
          geometry: ConvGeometry(height: height, width: width, inputChannels: channels),
          channels: 16),
        PooledConvolutionSpec(
          "conv2",
          geometry: ConvGeometry(height: height / 2, width: width / 2, inputChannels: 16),
          channels: 32),
        DenseSpec(
          "fc", inputs: height / 4 * (width / 4) * 32, outputs: classes, channels: 32),
      ])
  }

  /// A small residual network without batch normalisation (group normalisation instead, since examples must
  /// not see one another): `conv1`, then blocks of two 3×3 convolutions, of which all but the first halve the
  /// image and double the channels, the mean over positions, and `fc`.
  ///
  /// - Parameters:
  ///   - width: channels of the first block, a multiple of 4.
  ///   - blocks: 1 to 4.
  /// - Throws: `ArchitectureError` where the image is smaller than the halvings need.
  public static func resnet(
    height: Int, width imageWidth: Int, channels: Int, classes: Int, width: Int = 16,
    blocks: Int = 3
  ) throws(ArchitectureError) -> Architecture {
    guard min(height, imageWidth) >= 1 << blocks, width > 0, width % 4 == 0 else {
      throw ArchitectureError(
        description: "model: \"resnet\" with \(blocks) blocks needs images of at least "
          + "\(1 << blocks) pixels a side and a width that is a multiple of 4; these are "
          + "\(height)×\(imageWidth), and the width is \(width)")
    }
    var (h, w, c) = (height, imageWidth, width)
    let groups = 4
    var layers: [any LayerSpec] = [
      ConvolutionSpec(
        "conv1",
        geometry: PatchGeometry(
          height: h, width: w, channels: channels, kernel: 3, stride: 1), channels: c),
      GroupNormSpec(
        "norm1", height: h, width: w, channels: c, groups: groups, isRectified: true),
    ]
    for block in 1...blocks {
      let name = "block\(block)"
      let stride = block == 1 ? 1 : 2
      let first = PatchGeometry(height: h, width: w, channels: c, kernel: 3, stride: stride)
      let inputs = first.imageCount
      let out = block == 1 ? c : 2 * c
      let (oh, ow) = (first.outputHeight, first.outputWidth)
      func norm(_ part: String, rectified: Bool) -> GroupNormSpec {
        GroupNormSpec(
          "\(name).\(part)", height: oh, width: ow, channels: out, groups: groups,
          isRectified: rectified)
      }
      layers.append(
        ResidualSpec(
          name, inputs: inputs, outputs: oh * ow * out,
          branch: [
            ConvolutionSpec("\(name).conv1", geometry: first, channels: out),
            norm("norm1", rectified: true),
            ConvolutionSpec(
              "\(name).conv2",
              geometry: PatchGeometry(
                height: oh, width: ow, channels: out, kernel: 3, stride: 1), channels: out),
            norm("norm2", rectified: false),
          ],
          shortcut: block == 1
            ? []
            : [
              ConvolutionSpec(
                "\(name).shortcut",
                geometry: PatchGeometry(
                  height: h, width: w, channels: c, kernel: 1, stride: stride), channels: out)
            ]))
      (h, w, c) = (oh, ow, out)
    }
    layers.append(AveragePoolingSpec("pool", positions: h * w, channels: c))
    layers.append(DenseSpec("fc", inputs: c, outputs: classes))
    return Architecture(
      name: "resnet", input: .floats(height * imageWidth * channels), classes: classes,
      layers: layers)
  }
}
