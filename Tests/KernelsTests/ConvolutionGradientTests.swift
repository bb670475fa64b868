// The backward kernels, which visit live entries alone, against dense loops that follow the definition.

import Kernels
import Testing

private func random(_ count: Int, _ step: Int) -> [Float] {
  var stream = RandomStream(seed: 22, purpose: .test, step: step)
  return (0..<count).map { _ in Float(stream.nextGaussian()) }
}

/// A convolution with ReLU and pooling above it, a random input, and a random gradient from above.
struct BackwardCase: Sendable, CustomTestStringConvertible {
  let height: Int
  let width: Int
  let inputs: Int
  let outputs: Int

  /// One vector, several, and lengths between; runs of 5, 15, 80 and 100 floats.
  static let all = [
    BackwardCase(height: 4, width: 6, inputs: 1, outputs: 16),
    BackwardCase(height: 6, width: 4, inputs: 3, outputs: 24),
    BackwardCase(height: 14, width: 14, inputs: 16, outputs: 32),
    BackwardCase(height: 2, width: 8, inputs: 20, outputs: 8),
  ]

  var testDescription: String { "\(height)×\(width), \(inputs) → \(outputs)" }
  var geometry: ConvGeometry { ConvGeometry(height: height, width: width, inputChannels: inputs) }
  var paddedWidth: Int { width + 4 }

  /// The gradient at the convolution's output, `[position][channel]`, and the same as lists.
  func gradient() -> (dense: [Float], entries: SparseGradient) {
    let z = FloatBuffer(count: height * width * outputs)
    z.write(random(z.count, 1))
    let layout = ImageLayout(height: height / 2, width: width / 2, channels: outputs, padding: 1)
    let pooled = FloatBuffer(count: layout.exampleStride)
    let argmax = IndexBuffer(count: layout.height * layout.width * outputs)
    Pooling.forward(
      input: z, at: 0, height: height, width: width, channels: outputs, stride: outputs,
      output: pooled, at: 0, layout: layout, argmax: argmax, at: 0)
    let above = FloatBuffer(count: layout.exampleStride)
    above.write(random(above.count, 2))
    let entries = SparseGradient(channels: outputs, capacity: layout.height * layout.width)
    entries.gather(
      argmax: argmax, at: 0, gradient: above, at: 0, layout: layout, geometry: geometry)

    var dense = [Float](repeating: 0, count: height * width * outputs)
    for y in 0..<height / 2 {
      for x in 0..<width / 2 {
        for c in 0..<outputs {
          let places = [(0, 0), (0, 1), (1, 0), (1, 1)].map { dy, dx in
            ((2 * y + dy) * width + 2 * x + dx) * outputs + c
          }
          let winner = places.max { z[$0] < z[$1] } ?? 0
          guard z[winner] > 0 else { continue }
          dense[winner] = above[layout.origin + y * layout.rowStride + x * outputs + c]
        }
      }
    }
    return (dense, entries)
  }

  /// Every triple of a position, a weight's place in a patch, and the float of the padded input that
  /// they meet in.
  func forEachPixel(_ body: (_ position: Int, _ patch: Int, _ pixel: Int) -> Void) {
    for y in 0..<height {
      for x in 0..<width {
        for ky in 0..<5 {
          for kx in 0..<5 {
            for i in 0..<inputs {
              body(
                y * width + x, (ky * 5 + kx) * inputs + i,
                ((y + ky) * paddedWidth + x + kx) * inputs + i)
            }
          }
        }
      }
    }
  }
}

@Suite("Backward convolution kernels")
struct ConvolutionGradientTests {
  @Test("the lists hold exactly the live entries", arguments: BackwardCase.all)
  func gather(_ test: BackwardCase) {
    let (dense, entries) = test.gradient()
    for c in 0..<test.outputs {
      let live = stride(from: c, to: dense.count, by: test.outputs).filter { dense[$0] != 0 }
      #expect(entries.count(ofChannel: c) == live.count)
      let sum = live.reduce(0.0) { $0 + Double(dense[$1]) }
      #expect(abs(Double(entries.sum(ofChannel: c)) - sum) < 1e-5 * (1 + Double(live.count)))
    }
    #expect((0..<test.outputs).contains { entries.count(ofChannel: $0) > 0 })
  }

  @Test("the weight gradient equals the definition", arguments: BackwardCase.all)
  func weightGradient(_ test: BackwardCase) {
    let (dense, entries) = test.gradient()
    let image = random(test.geometry.exampleStride, 3)
    let input = FloatBuffer(count: image.count)
    input.write(image)
    let patch = test.geometry.patch
    var expected = [Double](repeating: 0, count: test.outputs * patch)
    test.forEachPixel { position, k, pixel in
      for c in 0..<test.outputs {
        expected[c * patch + k] +=
          Double(dense[position * test.outputs + c]) * Double(image[pixel])
      }
    }
    let gradient = FloatBuffer(count: test.outputs * test.geometry.gradientStride)
    gradient.write([Float](repeating: .nan, count: gradient.count))
    Convolution.weightGradient(
      test.geometry, input: input, at: 0, entries: entries, into: gradient, at: 0)
    let (run, runStride) = (test.geometry.run, test.geometry.runStride)
    for row in 0..<test.outputs * 5 {
      for k in 0..<runStride {
        let seen = Double(gradient[row * runStride + k])
        let wanted = k < run ? expected[row * run + k] : 0
        #expect(abs(seen - wanted) < 1e-4 * (1 + abs(wanted)))
      }
    }
  }

  @Test("the input gradient equals the definition", arguments: BackwardCase.all)
  func inputGradient(_ test: BackwardCase) {
    let (dense, entries) = test.gradient()
    let patch = test.geometry.patch
    let weights = random(test.outputs * patch, 4)
    let w = FloatBuffer(count: weights.count)
    w.write(weights)
    var expected = [Double](repeating: 1, count: test.geometry.exampleStride)
    test.forEachPixel { position, k, pixel in
      for c in 0..<test.outputs {
        expected[pixel] +=
          Double(dense[position * test.outputs + c]) * Double(weights[c * patch + k])
      }
    }
    let byPosition = PositionGradient(positions: test.geometry.positions, channels: test.outputs)
    // Twice, since lists must forget what they held before.
    byPosition.gather(entries)
    byPosition.gather(entries)
    // The gradient is added to what is there.
    let gradient = FloatBuffer(count: expected.count)
    gradient.write([Float](repeating: 1, count: expected.count))
    Convolution.inputGradient(
      test.geometry, entries: byPosition, weights: w, at: 0, into: gradient, at: 0)
    for (pixel, wanted) in expected.enumerated() {
      #expect(abs(Double(gradient[pixel]) - wanted) < 1e-4 * (1 + abs(wanted)))
    }
  }
}
