// exp and the Gaussian error linear units on vectors of floats. Written out, so that results do not
// depend on the C library; each element is computed by the same operations wherever it stands.

/// eˣ, relative error below 2e-7; 0 below −87.3 and held at e^88 above 88, NaN for NaN.
///
/// Cody and Waite's reduction to |r| ≤ ln 2 / 2, then 1 + r + r²·q(r) with q of degree 4.
@inline(__always)
func exp8(_ x: SIMD8<Float>) -> SIMD8<Float> {
  var z = x
  z.replace(with: SIMD8(repeating: 88), where: x .> 88)
  let isSmall = x .< -87.3
  z.replace(with: SIMD8(), where: isSmall)
  // Adding and subtracting 1.5 · 2²³ rounds to a whole number.
  let shift = SIMD8<Float>(repeating: 12_582_912)
  let shifted = shift.fused(z, SIMD8(repeating: 1.442_695_04))
  let n = shifted - shift
  var r = z.fused(n, SIMD8(repeating: -0.693_359_375))
  r = r.fused(n, SIMD8(repeating: 2.121_944_4e-4))
  var q = SIMD8<Float>(repeating: 0.001_390_127_814_374_864)
  q = SIMD8(repeating: 0.008_363_146_334_886_551).fused(q, r)
  q = SIMD8(repeating: 0.041_666_854_172_945_02).fused(q, r)
  q = SIMD8(repeating: 0.166_665_777_564_048_77).fused(q, r)
  q = SIMD8(repeating: 0.5).fused(q, r)
  let e = r.fused(r * r, q) + 1
  // The low bits of the shifted sum are n in two's complement.
  let bits = (unsafeBitCast(shifted, to: SIMD8<Int32>.self) &+ 127) &<< 23
  var result = e * unsafeBitCast(bits, to: SIMD8<Float>.self)
  result.replace(with: SIMD8(), where: isSmall)
  return result
}

/// A Gaussian error linear unit z·Φ(z).
public enum GELU: Sendable, Hashable {
  /// Φ by the error function: BERT's `gelu`.
  case exact
  /// Hendrycks and Gimpel's form with tanh: GPT-2's `gelu_new`.
  case tanh

  /// output = gelu(z) and derivative = gelu′(z) for the first `count` floats.
  ///
  /// The exact form is right to 1e-6 relative for z > −5 and to 1e-7 absolute below; the tanh form
  /// is the published formula to 1e-6 relative to the larger of its value and 1e-3.
  ///
  /// - Parameters:
  ///   - derivative: may be `input` itself; nil where no gradient is wanted.
  public func activate(
    _ input: FloatBuffer, count: Int, output: FloatBuffer, derivative: FloatBuffer?
  ) {
    input.check(0, count)
    output.check(0, count)
    derivative?.check(0, count)
    switch self {
    case .exact: apply(input, count, output, derivative, GELU.exactPair)
    case .tanh: apply(input, count, output, derivative, GELU.tanhPair)
    }
  }

  @inline(__always)
  private func apply(
    _ input: FloatBuffer, _ count: Int, _ output: FloatBuffer, _ derivative: FloatBuffer?,
    _ pair: (SIMD8<Float>) -> (SIMD8<Float>, SIMD8<Float>)
  ) {
    let (x, y) = (input.base, output.base)
    let slope = derivative?.base
    var i = 0
    while i &+ 8 <= count {
      let (value, gradient) = pair(load8(x + i))
      store8(value, y + i)
      if let slope { store8(gradient, slope + i) }
      i &+= 8
    }
    guard i < count else { return }
    // What lies behind the last float is computed and thrown away.
    let (value, gradient) = pair(load8(x + i))
    for j in 0..<count &- i {
      y[i &+ j] = value[j]
      if let slope { slope[i &+ j] = gradient[j] }
    }
  }

  /// With t = |z|/√2: erfc(t) = e^(−t²)·u·R(u), u = 1/(1 + 0.3 t), R of degree 8 fitted to erfcx on
  /// t ≤ 10 (2e-8 relative). The same exponential serves φ(z).
  @inline(__always)
  private static func exactPair(_ z: SIMD8<Float>) -> (SIMD8<Float>, SIMD8<Float>) {
    let one = SIMD8<Float>(repeating: 1)
    let negative = z .< 0
    var size = z
    size.replace(with: -z, where: negative)
    // z² and its rounding error, since an absolute error of the exponent is a relative one of the
    // result.
    let square = z * z
    let rest = (-square).fused(z, z)
    let gauss = exp8(square * -0.5) * one.fused(rest, SIMD8(repeating: -0.5))
    let u = one / one.fused(size, SIMD8(repeating: 0.212_132_034))
    var r = SIMD8<Float>(repeating: -0.129_523_634_910_583_5)
    r = SIMD8(repeating: 0.485_566_914_081_573_5).fused(r, u)
    r = SIMD8(repeating: -0.512_286_126_613_616_9).fused(r, u)
    r = SIMD8(repeating: 0.547_729_671_001_434_3).fused(r, u)
    r = SIMD8(repeating: -0.094_657_756_388_187_41).fused(r, u)
    r = SIMD8(repeating: 0.214_929_237_961_769_1).fused(r, u)
    r = SIMD8(repeating: 0.148_338_302_969_932_56).fused(r, u)
    r = SIMD8(repeating: 0.170_715_361_833_572_4).fused(r, u)
    r = SIMD8(repeating: 0.169_187_992_811_203).fused(r, u)
    let tail = gauss * (u * r) * 0.5
    var cumulative = one - tail
    cumulative.replace(with: tail, where: negative)
    let density = gauss * 0.398_942_280_4
    return (z * cumulative, cumulative.fused(z, density))
  }

  /// z·σ(2u), u = √(2/π)·(z + 0.044715 z³), since (1 + tanh u)/2 = σ(2u).
  @inline(__always)
  private static func tanhPair(_ z: SIMD8<Float>) -> (SIMD8<Float>, SIMD8<Float>) {
    let one = SIMD8<Float>(repeating: 1)
    let square = z * z
    let inner = one.fused(square, SIMD8(repeating: 0.044_715))
    let twice = z * inner * 1.595_769_121_6
    let e = exp8(-twice)
    let sigmoid = one / (one + e)
    let slope =
      SIMD8(repeating: 1.595_769_121_6).fused(
        square, SIMD8(repeating: 1.595_769_121_6 * 3 * 0.044_715))
    return (z * sigmoid, sigmoid.fused(z * sigmoid * (e * sigmoid), slope))
  }
}

extension FloatBuffer {
  /// `self[i] *= other[i]` for the first `length` floats.
  public func multiply(by other: FloatBuffer, count length: Int) {
    check(0, length)
    other.check(0, length)
    var i = 0
    while i &+ 8 <= length {
      store8(load8(base + i) * load8(other.base + i), base + i)
      i &+= 8
    }
    while i < length {
      base[i] *= other.base[i]
      i &+= 1
    }
  }

  /// `self[i] *= 1 − y[i]²` for the first `length` floats: the slope of tanh where y is its value.
  public func multiplyByTanhSlope(of y: FloatBuffer, count length: Int) {
    check(0, length)
    y.check(0, length)
    for i in 0..<length { base[i] *= 1 - y.base[i] * y.base[i] }
  }

  /// Multiplies a part of the buffer by a factor.
  public func scale(by factor: Float, at offset: Int = 0, count length: Int) {
    check(offset, length)
    let x = base + offset
    forEach8(length) { i in
      store8(load8(x + i) * factor, x + i)
    } rest: { i in
      x[i] *= factor
    }
  }

  /// Adds the transpose of the `rows × columns` matrix at the beginning to `total[offset...]`.
  public func addTransposed(
    rows: Int, columns: Int, to total: inout [Float], at offset: Int
  ) {
    check(0, rows * columns)
    checkRange(offset, rows * columns, in: total.count)
    for row in 0..<rows {
      for column in 0..<columns {
        total[offset + column * rows + row] += base[row * columns + column]
      }
    }
  }

  /// tanh in place on the first `length` floats: 1 − 2/(e^(2x) + 1).
  public func hyperbolicTangent(count length: Int) {
    check(0, length)
    let one = SIMD8<Float>(repeating: 1)
    var i = 0
    while i < length {
      let y = one - 2 / (exp8(load8(base + i) * 2) + one)
      for j in 0..<min(8, length &- i) { base[i &+ j] = y[j] }
      i &+= 8
    }
  }

  /// Replaces a row of logits by `weight · (softmax(z) − onehot(label))`.
  ///
  /// - Returns: the loss −log softmax(z)[label] in nats, not weighted, and whether the largest
  ///   logit (the first of equals) is the label's.
  public func tokenCrossEntropy(at offset: Int, classes: Int, label: Int, weight: Float) -> (
    loss: Double, isCorrect: Bool
  ) {
    check(offset, classes)
    precondition(label >= 0 && label < classes, "a label must be one of the classes")
    let z = base + offset
    var argmax = 0
    for k in 1..<max(classes, 1) where z[k] > z[argmax] { argmax = k }
    let target = z[label]
    let top = z[argmax]
    let largest = SIMD8<Float>(repeating: top)
    var sums = SIMD8<Float>()
    var tail: Float = 0
    var i = 0
    while i &+ 8 <= classes {
      let e = exp8(load8(z + i) - largest)
      store8(e, z + i)
      sums += e
      i &+= 8
    }
    if i < classes {
      let e = exp8(load8(z + i) - largest)
      for j in 0..<classes &- i {
        z[i &+ j] = e[j]
        tail += e[j]
      }
    }
    let total = sums.sum() + tail
    let factor = weight / total
    for k in 0..<classes { z[k] *= factor }
    z[label] -= weight
    return (
      Elementary.log(Double(total)) - (Double(target) - Double(top)),
      argmax == label && target.isFinite
    )
  }
}
