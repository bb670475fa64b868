// Bits of the kernels in portable arithmetic, as one line a kernel: compiled with the room for two processors, and
// compared. tools/test-arm64 says how.

@main
enum Probe {
  static func main() {
    elementary()
    randomness()
    products()
    convolutions()
    transformers()
    vectors()
    eigenvectors()
  }

  // MARK: - What is compared

  /// FNV-1a over 64-bit words.
  struct Digest {
    private var state: UInt64 = 0xcbf2_9ce4_8422_2325

    mutating func add(_ word: UInt64) {
      for byte in 0..<8 {
        state = (state ^ (word >> UInt64(8 * byte) & 0xff)) &* 0x100_0000_01b3
      }
    }

    mutating func add(_ value: Double) { add(value.bitPattern) }
    mutating func add(_ value: Float) { add(UInt64(value.bitPattern)) }
    mutating func add(_ values: [Float]) { for value in values { add(value) } }
    mutating func add(_ buffer: FloatBuffer) { add(buffer.array()) }

    func tell(_ name: StaticString) {
      print(name, terminator: " ")
      print(state)
    }
  }

  static func values(_ count: Int, _ step: Int, scale: Float = 1) -> FloatBuffer {
    var stream = RandomStream(seed: 7, purpose: .test, step: step)
    let buffer = FloatBuffer(count: count)
    for i in 0..<count { buffer[i] = scale * Float(stream.nextGaussian()) }
    return buffer
  }

  // MARK: - Kernels

  static func elementary() {
    var digest = Digest()
    for i in -4000...4000 {
      let x = Double(i) * 0.0101
      for value in [
        Elementary.exp(x), Elementary.expMinusOne(x / 40), Elementary.log(x * x + 1e-9),
        Elementary.log(onePlus: x * x), Elementary.pow(x * x + 0.1, 0.37), Elementary.tanh(x / 8),
        Elementary.sin(x), Elementary.cos(x), Elementary.atan2(y: x, x: 1.3), Elementary.erf(x / 8),
        Elementary.erfc(x / 8), Elementary.logGamma(x * x + 0.3),
      ] { digest.add(value) }
      let y = Float(x)
      digest.add(Elementary.exp(single: y))
      digest.add(Elementary.log(single: y * y + 1e-6))
      digest.add(Elementary.tanh(single: y / 8))
    }
    digest.tell("elementary")
  }

  static func randomness() {
    var digest = Digest()
    var stream = RandomStream(seed: 11, purpose: .test, round: 3, client: 5, step: 2)
    for _ in 0..<1000 {
      digest.add(stream.next())
      digest.add(stream.nextGaussian())
    }
    var noise = [Float](repeating: 0.5, count: 1001)
    GaussianNoise.add(
      to: &noise, standardDeviation: 1.7, seed: 3, purpose: .test, round: 1, client: 2, step: 3)
    digest.add(noise)
    for deviation: UInt64 in [1, 3, 1000] {
      for _ in 0..<200 {
        digest.add(
          UInt64(bitPattern: DiscreteGaussian.sample(standardDeviation: deviation, using: &stream)))
      }
    }
    digest.tell("randomness")
  }

  static func products() {
    var digest = Digest()
    for (m, n, k) in [
      (1, 1, 1), (5, 7, 3), (16, 10, 1568), (33, 65, 129), (64, 64, 64), (3, 40, 7),
    ] {
      for transposes in 0..<4 {
        let (ta, tb) = (transposes & 1 == 1, transposes & 2 == 2)
        let a = MatrixView(values(m * k, 1), rows: ta ? k : m, columns: ta ? m : k)
        let b = MatrixView(values(k * n, 2), rows: tb ? n : k, columns: tb ? k : n)
        let c = values(m * n, 3)
        multiply(
          a, b, transposeA: ta, transposeB: tb, alpha: 0.7, beta: 0.3,
          into: MatrixView(c, rows: m, columns: n))
        digest.add(c)
      }
    }
    digest.tell("products")
  }

  static func convolutions() {
    var digest = Digest()
    for (channels, outputs) in [(1, 16), (16, 32), (3, 20)] {
      let geometry = ConvGeometry(height: 8, width: 12, inputChannels: channels)
      let input = values(geometry.exampleStride, 4)
      let packed = FloatBuffer(count: Convolution.packedCount(geometry, channels: outputs))
      Convolution.pack(
        geometry, weights: values(outputs * geometry.patch, 5, scale: 0.1), at: 0,
        bias: values(outputs, 6), at: 0, channels: outputs, into: packed)
      let output = FloatBuffer(count: geometry.positions * outputs)
      Convolution.forward(
        geometry, input: input, at: 0, packed: packed, channels: outputs, output: output, at: 0,
        outputStride: outputs)
      digest.add(output)
    }
    digest.tell("convolutions")
  }

  static func transformers() {
    var digest = Digest()
    let (rows, width) = (9, 40)
    let (output, normalized, inverse) = (
      FloatBuffer(count: rows * width), FloatBuffer(count: rows * width), FloatBuffer(count: rows)
    )
    let (input, gamma) = (values(rows * width, 7), values(width, 8))
    LayerNorm.forward(
      rows: rows, width: width, epsilon: 1e-5, input: input, residual: nil, gamma: gamma,
      beta: values(width, 9), output: output, normalized: normalized, inverse: inverse)
    let slope = FloatBuffer(count: rows * width)
    LayerNorm.backward(
      rows: rows, width: width, gradient: values(rows * width, 10), gamma: gamma,
      normalized: normalized, inverse: inverse, inputGradient: slope, adding: false)
    for buffer in [output, normalized, inverse, slope] { digest.add(buffer) }
    for isCausal in [false, true] {
      let attention = Attention(heads: 4, width: width / 4, isCausal: isCausal, longest: rows)
      let projections = values(rows * 3 * width, 11)
      let probabilities = FloatBuffer(count: attention.probabilityCount(length: rows))
      let gradient = FloatBuffer(count: rows * 3 * width)
      attention.forward(
        projections, rows: 0..<rows, probabilities: probabilities, at: 0, output: output)
      attention.backward(
        projections, rows: 0..<rows, probabilities: probabilities, at: 0,
        outputGradient: values(rows * width, 12), projectionGradient: gradient)
      for buffer in [output, probabilities, gradient] { digest.add(buffer) }
    }
    let derivative = FloatBuffer(count: rows * width)
    for activation in [GELU.exact, .tanh] {
      activation.activate(input, count: rows * width, output: output, derivative: derivative)
      digest.add(output)
      digest.add(derivative)
    }
    output.hyperbolicTangent(count: rows * width)
    digest.add(output)
    digest.tell("transformers")
  }

  static func vectors() {
    var digest = Digest()
    for count in [1, 7, 8, 31, 168, 1000, 28_938] {
      let (x, y) = (values(count, 13), values(count, 14))
      digest.add(x.squaredNorm(at: 0, count: count))
      x.addScaled(0.3, y, at: 0, to: 0, count: count)
      digest.add(x)
      if count > 1 {
        let (loss, isCorrect) = y.softmaxCrossEntropy(at: 0, classes: min(count, 50), label: 0)
        digest.add(loss)
        digest.add(isCorrect ? 1 : 0 as UInt64)
        digest.add(y)
      }
    }
    let half = HalfBuffer(count: 1000)
    half.round(values(1000, 15), at: 0, to: 0, count: 1000)
    half.withBytes { bytes in
      for i in 0..<bytes.byteCount {
        digest.add(UInt64(bytes.unsafeLoad(fromByteOffset: i, as: UInt8.self)))
      }
    }
    digest.tell("vectors")
  }

  static func eigenvectors() {
    var digest = Digest()
    for size in [1, 2, 5, 30] {
      let a = values(size * size, 16)
      var matrix = Matrix(repeating: 0, rows: size, columns: size)
      for i in 0..<size {
        for j in 0..<size { matrix[i, j] = Double(a[i * size + j] + a[j * size + i]) }
      }
      guard let found = try? matrix.symmetricEigen() else { return digest.tell("no eigenvectors") }
      for value in found.values { digest.add(value) }
      for value in found.vectors.elements { digest.add(value) }
    }
    digest.tell("eigenvectors")
  }
}
