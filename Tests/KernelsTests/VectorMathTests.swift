// GELU, softmax losses, layer normalisation and attention against double precision.

import Foundation
import Kernels
import TestSupport
import Testing

private func buffer(_ values: [Float]) -> FloatBuffer {
  let buffer = FloatBuffer(count: values.count)
  buffer.write(values)
  return buffer
}

private func random(_ count: Int, _ seed: Int, scale: Double = 1) -> [Float] {
  var stream = RandomStream(seed: 5, purpose: .test, step: seed)
  return (0..<count).map { _ in Float(scale * stream.nextGaussian()) }
}

@Suite("Vector mathematics")
struct VectorMathTests {
  @Test("the exact GELU and its slope")
  func exactGELU() {
    let x = stride(from: -13.0, through: 13, by: 0.004_7).map { Float($0) }
    let input = buffer(x)
    let output = FloatBuffer(count: x.count)
    GELU.exact.activate(input, count: x.count, output: output, derivative: input)
    for (i, x) in x.enumerated() {
      let z = Double(x)
      let cumulative = 0.5 * erfc(-z / 2.0.squareRoot())
      let slope = cumulative + z * exp(-z * z / 2) / (2 * Double.pi).squareRoot()
      #expect(
        isClose(
          Double(output[i]), z * cumulative, relative: z > -5 ? 1e-6 : 2e-5, absolute: 1e-37),
        "\(z)")
      #expect(isClose(Double(input[i]), slope, relative: 3e-7, absolute: 3e-7), "\(z)")
    }
  }

  @Test("the tanh GELU and its slope")
  func tanhGELU() {
    let x = stride(from: -13.0, through: 13, by: 0.004_7).map { Float($0) }
    let input = buffer(x)
    let output = FloatBuffer(count: x.count)
    GELU.tanh.activate(input, count: x.count, output: output, derivative: input)
    func value(_ z: Double) -> Double {
      0.5 * z * (1 + tanh((2 / Double.pi).squareRoot() * (z + 0.044715 * z * z * z)))
    }
    for (i, x) in x.enumerated() {
      let z = Double(x)
      let h = 1e-5
      #expect(isClose(Double(output[i]), value(z), relative: 1e-6, absolute: 1e-9), "\(z)")
      #expect(
        isClose(
          Double(input[i]), (value(z + h) - value(z - h)) / (2 * h), relative: 1e-6,
          absolute: 5e-7), "\(z)")
    }
  }

  @Test("values that are not finite stay so, and lengths of all remainders are served")
  func edges() {
    for count in 1...19 {
      let input = buffer(random(count, count))
      let output = buffer([Float](repeating: 7, count: count + 3))
      GELU.exact.activate(input, count: count, output: output, derivative: nil)
      #expect(output.array(at: count) == [7, 7, 7])
      let tangents = buffer(random(count, 1))
      tangents.hyperbolicTangent(count: count)
      for (a, b) in zip(tangents.array(), random(count, 1)) {
        #expect(isClose(Double(a), tanh(Double(b)), absolute: 3e-7))
      }
    }
    let output = FloatBuffer(count: 3)
    GELU.exact.activate(
      buffer([.nan, .infinity, 200]), count: 3, output: output, derivative: nil)
    #expect(output[0].isNaN && !output[1].isFinite && output[2] == 200)
  }

  @Test("cross-entropy of a row of any length", arguments: [1, 2, 7, 8, 9, 30, 257])
  func crossEntropy(classes: Int) {
    let z = random(classes, classes, scale: 5)
    let label = classes / 2
    let logits = buffer(z)
    let (loss, isCorrect) = logits.tokenCrossEntropy(
      at: 0, classes: classes, label: label, weight: 0.25)
    let total = z.reduce(0) { $0 + exp(Double($1) - Double(z[label])) }
    #expect(isClose(loss, log(total), relative: 1e-6, absolute: 1e-6))
    #expect(isCorrect == (z.max() == z[label]))
    for k in 0..<classes {
      let p = exp(Double(z[k]) - Double(z[label])) / total - (k == label ? 1 : 0)
      #expect(isClose(Double(logits[k]), 0.25 * p, absolute: 3e-7))
    }
  }

  @Test("layer normalisation and its gradients", arguments: [3, 8, 16, 19, 384])
  func layerNorm(width: Int) {
    let rows = 3
    let (x, r) = (random(rows * width, 1), random(rows * width, 2, scale: 3))
    let (g, b, e) = (random(width, 3), random(width, 4), random(rows * width, 5))
    let hat = FloatBuffer(count: rows * width)
    let inverse = FloatBuffer(count: rows)
    let y = FloatBuffer(count: rows * width)
    let epsilon: Float = 1e-5
    LayerNorm.forward(
      rows: rows, width: width, epsilon: epsilon, input: buffer(x), residual: buffer(r),
      gamma: buffer(g), beta: buffer(b), output: y, normalized: hat, inverse: inverse)
    let slopes = FloatBuffer(count: rows * width)
    LayerNorm.backward(
      rows: rows, width: width, gradient: buffer(e), gamma: buffer(g), normalized: hat,
      inverse: inverse, inputGradient: slopes, adding: false)
    let sums = FloatBuffer(count: 2 * width)
    LayerNorm.parameterGradient(
      rows: 1..<3, width: width, gradient: buffer(e), normalized: hat, into: sums, at: 0)
    var gammas = [Double](repeating: 0, count: width)
    func normalize(_ row: [Double]) -> [Double] {
      let mean = row.reduce(0, +) / Double(width)
      let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(width)
      return row.map { ($0 - mean) / (variance + Double(epsilon)).squareRoot() }
    }
    for row in 0..<rows {
      let range = row * width..<(row + 1) * width
      let sum = range.map { Double(x[$0]) + Double(r[$0]) }
      let exact = normalize(sum)
      func loss(_ sum: [Double]) -> Double {
        zip(range, normalize(sum)).reduce(0) {
          $0 + Double(e[$1.0]) * Double(g[$1.0 - row * width]) * $1.1
        }
      }
      for (i, place) in range.enumerated() {
        #expect(
          isClose(
            Double(y[place]), exact[i] * Double(g[i]) + Double(b[i]), relative: 1e-5,
            absolute: 1e-5))
        if row > 0 { gammas[i] += exact[i] * Double(e[place]) }
        guard i < 20 else { continue }
        var (up, down) = (sum, sum)
        up[i] += 1e-4
        down[i] -= 1e-4
        #expect(
          isClose(
            Double(slopes[place]), (loss(up) - loss(down)) / 2e-4, relative: 1e-4,
            absolute: 1e-4))
      }
    }
    for i in 0..<width {
      #expect(isClose(Double(sums[i]), gammas[i], relative: 1e-5, absolute: 1e-4))
      #expect(
        isClose(
          Double(sums[width + i]), Double(e[width + i]) + Double(e[2 * width + i]),
          absolute: 1e-5))
    }
  }
}

@Suite("Attention")
struct AttentionTests {
  /// One head in double precision.
  static func reference(
    _ x: [Double], heads: Int, width: Int, isCausal: Bool
  ) -> [Double] {
    let model = heads * width
    let length = x.count / (3 * model)
    var output = [Double](repeating: 0, count: length * model)
    for head in 0..<heads {
      for t in 0..<length {
        let q = t * 3 * model + head * width
        let seen = isCausal ? t + 1 : length
        let scores = (0..<seen).map { u -> Double in
          let k = u * 3 * model + model + head * width
          return (0..<width).reduce(0) { $0 + x[q + $1] * x[k + $1] } / Double(width).squareRoot()
        }
        let total = scores.reduce(0) { $0 + exp($1) }
        for u in 0..<seen {
          let v = u * 3 * model + 2 * model + head * width
          for i in 0..<width {
            output[t * model + head * width + i] += exp(scores[u]) / total * x[v + i]
          }
        }
      }
    }
    return output
  }

  @Test(
    "forward and gradient against double precision and finite differences",
    arguments: [(1, 1, 4), (5, 2, 4), (8, 1, 16), (9, 3, 5), (17, 2, 32)], [false, true])
  func gradient(shape: (length: Int, heads: Int, width: Int), isCausal: Bool) {
    let (length, heads, width) = shape
    let model = heads * width
    // The example lies behind another of two rows.
    let before = 2
    let rows = before..<before + length
    let x = random(rows.upperBound * 3 * model, length)
    let e = random(rows.upperBound * model, 8)
    let attention = Attention(heads: heads, width: width, isCausal: isCausal, longest: length)
    let p = FloatBuffer(count: 5 + attention.probabilityCount(length: length))
    let y = FloatBuffer(count: rows.upperBound * model)
    let slopes = FloatBuffer(count: x.count)
    let input = buffer(x)
    attention.forward(input, rows: rows, probabilities: p, at: 5, output: y)
    attention.backward(
      input, rows: rows, probabilities: p, at: 5, outputGradient: buffer(e),
      projectionGradient: slopes)
    let own = x[(before * 3 * model)...].map(Double.init)
    let exact = Self.reference(own, heads: heads, width: width, isCausal: isCausal)
    for i in exact.indices {
      #expect(isClose(Double(y[before * model + i]), exact[i], absolute: 3e-6))
    }
    func loss(_ x: [Double]) -> Double {
      zip(Self.reference(x, heads: heads, width: width, isCausal: isCausal), e[(before * model)...])
        .reduce(0) { $0 + $1.0 * Double($1.1) }
    }
    for i in stride(from: 0, to: own.count, by: max(1, own.count / 60)) {
      var (up, down) = (own, own)
      up[i] += 1e-4
      down[i] -= 1e-4
      #expect(
        isClose(
          Double(slopes[before * 3 * model + i]), (loss(up) - loss(down)) / 2e-4, relative: 1e-4,
          absolute: 2e-5), "\(i)")
    }
    // Without probabilities kept the output is the same.
    let again = FloatBuffer(count: y.count)
    attention.forward(input, rows: rows, probabilities: nil, at: 0, output: again)
    #expect(again.array() == y.array())
  }
}
