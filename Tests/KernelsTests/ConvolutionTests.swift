// The convolution kernels against loops that follow the definition.

import Kernels
import Testing

private func random(_ count: Int, _ step: Int) -> [Float] {
  var stream = RandomStream(seed: 21, purpose: .test, step: step)
  return (0..<count).map { _ in Float(stream.nextGaussian()) }
}

/// One convolution: an image of any size, and outputs that need whole and partial blocks of channels.
struct ConvolutionCase: Sendable {
  let height: Int
  let width: Int
  let inputs: Int
  let outputs: Int

  static let all = [
    ConvolutionCase(height: 4, width: 6, inputs: 1, outputs: 16),
    ConvolutionCase(height: 6, width: 4, inputs: 3, outputs: 20),
    ConvolutionCase(height: 14, width: 14, inputs: 16, outputs: 36),
  ]

  var geometry: ConvGeometry { ConvGeometry(height: height, width: width, inputChannels: inputs) }

  /// The pixel of a padded image; outside it is zero.
  func pixel(_ image: [Float], _ y: Int, _ x: Int, _ c: Int) -> Float {
    guard y >= 0, y < height, x >= 0, x < width else { return 0 }
    return image[(y * width + x) * inputs + c]
  }

  func padded(_ image: [Float]) -> FloatBuffer {
    let layout = ImageLayout(height: height, width: width, channels: inputs, padding: 2)
    let buffer = FloatBuffer(count: layout.exampleStride)
    for y in 0..<height {
      let row = Array(image[y * width * inputs..<(y + 1) * width * inputs])
      buffer.write(row, at: layout.origin + y * layout.rowStride)
    }
    return buffer
  }
}

@Suite("Convolution kernels")
struct ConvolutionTests {
  @Test("forward equals the definition", arguments: ConvolutionCase.all)
  func forward(_ test: ConvolutionCase) {
    let image = random(test.height * test.width * test.inputs, 1)
    let weights = random(test.outputs * test.geometry.patch, 2)
    let bias = random(test.outputs, 3)
    let (w, b) = (FloatBuffer(count: weights.count), FloatBuffer(count: bias.count))
    w.write(weights)
    b.write(bias)
    let packed = FloatBuffer(
      count: Convolution.packedCount(test.geometry, channels: test.outputs))
    Convolution.pack(
      test.geometry, weights: w, at: 0, bias: b, at: 0, channels: test.outputs, into: packed)
    let output = FloatBuffer(count: test.geometry.positions * test.outputs)
    Convolution.forward(
      test.geometry, input: test.padded(image), at: 0, packed: packed, channels: test.outputs,
      output: output, at: 0, outputStride: test.outputs)
    for y in 0..<test.height {
      for x in 0..<test.width {
        for o in 0..<test.outputs {
          var expected = Double(bias[o])
          for ky in 0..<5 {
            for kx in 0..<5 {
              for c in 0..<test.inputs {
                let weight = weights[((o * 5 + ky) * 5 + kx) * test.inputs + c]
                expected += Double(weight) * Double(test.pixel(image, y + ky - 2, x + kx - 2, c))
              }
            }
          }
          let seen = Double(output[(y * test.width + x) * test.outputs + o])
          #expect(abs(seen - expected) < 1e-4 * (1 + abs(expected)))
        }
      }
    }
  }

  @Test("pooling takes the first largest of four, and nothing from dead windows")
  func pooling() {
    let (height, width, channels) = (4, 6, 8)
    var values = random(height * width * channels, 4)
    // A window of equal numbers, and one that is negative throughout.
    for (y, x) in [(0, 0), (0, 1), (1, 0), (1, 1)] { values[(y * width + x) * channels] = 2 }
    for (y, x) in [(2, 4), (2, 5), (3, 4), (3, 5)] { values[(y * width + x) * channels + 3] = -1 }
    let input = FloatBuffer(count: values.count)
    input.write(values)
    let layout = ImageLayout(height: 2, width: 3, channels: channels, padding: 2)
    let output = FloatBuffer(count: layout.exampleStride)
    let argmax = IndexBuffer(count: 6 * channels)
    Pooling.forward(
      input: input, at: 0, height: height, width: width, channels: channels, stride: channels,
      output: output, at: 0, layout: layout, argmax: argmax, at: 0)
    for py in 0..<2 {
      for px in 0..<3 {
        for c in 0..<channels {
          let places = [(0, 0), (0, 1), (1, 0), (1, 1)].map { dy, dx in
            (2 * py + dy) * width + 2 * px + dx
          }
          let window = places.map { values[$0 * channels + c] }
          let best = window.max() ?? 0
          let winner = best > 0 ? places[window.firstIndex(of: best) ?? 0] : -1
          #expect(argmax.base[(py * 3 + px) * channels + c] == Int32(winner))
          let place = layout.origin + py * layout.rowStride + px * channels + c
          #expect(output[place] == max(0, window.max() ?? 0))
        }
      }
    }
  }
}
