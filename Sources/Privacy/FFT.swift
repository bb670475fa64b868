// The discrete Fourier transform of complex Doubles, lengths that are powers of two.
//
// Cooley, Tukey (1965), radix 4 with one radix-2 pass for odd exponents. The forward transform decimates in
// frequency and leaves its output in bit-reversed order, the inverse decimates in time and takes it so:
// a convolution never needs the order restored. Passes recurse depth first, so that long transforms work
// inside the cache.

import Kernels

/// Complex numbers as four-lane vectors of real and of imaginary parts; length a multiple of 4.
package struct ComplexVector {
  var real: [SIMD4<Double>]
  var imaginary: [SIMD4<Double>]

  package init(zeros count: Int) {
    precondition(count.isMultiple(of: 4), "Complex vectors come in lanes of four.")
    real = Array(repeating: .zero, count: count / 4)
    imaginary = real
  }

  var count: Int { real.count * 4 }

  package subscript(index: Int) -> (real: Double, imaginary: Double) {
    get { (real[index >> 2][index & 3], imaginary[index >> 2][index & 3]) }
    set {
      real[index >> 2][index & 3] = newValue.real
      imaginary[index >> 2][index & 3] = newValue.imaginary
    }
  }
}

/// The transform of one length, with its roots of unity.
package struct FourierTransform {
  let count: Int
  /// One entry per pass, from the longest blocks to those of 16 elements.
  private let passes: [Pass]

  private typealias Lane = SIMD4<Double>

  private struct Pass {
    var radix: Int
    /// e^{−2πij/length}, and its second and third powers for radix 4, j in lanes of four.
    var roots: [(real: [Lane], imaginary: [Lane])]
  }

  /// - Parameter count: a power of two, at least 16.
  package init(count: Int) {
    precondition(
      count >= 16 && count & (count - 1) == 0,
      "A transform's length is a power of two, at least 16.")
    self.count = count
    // A quarter turn of roots, from which every other root is a rotation by a right angle.
    let quarter = count / 4
    var cosines = [Double](repeating: 0, count: quarter)
    var sines = cosines
    for index in 0..<quarter {
      let angle = -2 * Double.pi * Double(index) / Double(count)
      cosines[index] = Elementary.cos(angle)
      sines[index] = Elementary.sin(angle)
    }
    func root(_ power: Int) -> (Double, Double) {
      let (turns, index) = power.quotientAndRemainder(dividingBy: quarter)
      let (c, s) = (cosines[index], sines[index])
      switch turns & 3 {
      case 0: return (c, s)
      case 1: return (s, -c)
      case 2: return (-c, -s)
      default: return (-s, c)
      }
    }
    var passes: [Pass] = []
    var length = count
    var usesRadix2 = !count.trailingZeroBitCount.isMultiple(of: 2)
    while length >= 16 || (usesRadix2 && length >= 8) {
      let radix = usesRadix2 ? 2 : 4
      let block = length / radix
      let stride = count / length
      var roots: [(real: [Lane], imaginary: [Lane])] = []
      for power in 1..<radix {
        var (real, imaginary) = ([Lane](), [Lane]())
        real.reserveCapacity(block / 4)
        imaginary.reserveCapacity(block / 4)
        for start in Swift.stride(from: 0, to: block, by: 4) {
          var (r, i) = (Lane.zero, Lane.zero)
          for lane in 0..<4 { (r[lane], i[lane]) = root((start + lane) * power * stride) }
          real.append(r)
          imaginary.append(i)
        }
        roots.append((real, imaginary))
      }
      passes.append(Pass(radix: radix, roots: roots))
      length = block
      usesRadix2 = false
    }
    self.passes = passes
  }

  /// X_k = Σ x_j e^{−2πijk/n}, in place, in bit-reversed order.
  package func forward(_ x: inout ComplexVector) {
    precondition(x.count == count, "The vector has the transform's length.")
    forward(&x.real, &x.imaginary, at: 0, lanes: count / 4, pass: 0)
  }

  /// The inverse of `forward`, from bit-reversed order, times the length.
  package func inverseUnscaled(_ x: inout ComplexVector) {
    precondition(x.count == count, "The vector has the transform's length.")
    inverse(&x.real, &x.imaginary, at: 0, lanes: count / 4, pass: 0)
  }

  /// Where the frequency −k stands in bit-reversed order when k stands at `position`.
  package static func mirrored(_ position: Int) -> Int {
    guard position > 1 else { return position }
    return position ^ ((1 << (Int.bitWidth - 1 - position.leadingZeroBitCount)) - 1)
  }
}

// MARK: - Forward passes

extension FourierTransform {
  private func forward(
    _ re: inout [Lane], _ im: inout [Lane], at start: Int, lanes: Int, pass: Int
  ) {
    guard pass < passes.count else {
      for index in start..<start + lanes { Self.forwardLane(&re[index], &im[index]) }
      return
    }
    let block = lanes / passes[pass].radix
    if passes[pass].radix == 4 {
      forward4(&re, &im, at: start, block: block, roots: passes[pass].roots)
    } else {
      forward2(&re, &im, at: start, block: block, roots: passes[pass].roots[0])
    }
    for part in 0..<passes[pass].radix {
      forward(&re, &im, at: start + part * block, lanes: block, pass: pass + 1)
    }
  }

  private func forward4(
    _ re: inout [Lane], _ im: inout [Lane], at start: Int, block: Int,
    roots: [(real: [Lane], imaginary: [Lane])]
  ) {
    let (r1, r2, r3) = (roots[0].real, roots[1].real, roots[2].real)
    let (i1, i2, i3) = (roots[0].imaginary, roots[1].imaginary, roots[2].imaginary)
    for j in 0..<block {
      let (a, b, c, d) = (
        start + j, start + j + block, start + j + 2 * block, start + j + 3 * block
      )
      let (s0r, s0i) = (re[a] + re[c], im[a] + im[c])
      let (s1r, s1i) = (re[a] - re[c], im[a] - im[c])
      let (s2r, s2i) = (re[b] + re[d], im[b] + im[d])
      let (s3r, s3i) = (re[b] - re[d], im[b] - im[d])
      (re[a], im[a]) = (s0r + s2r, s0i + s2i)
      (re[b], im[b]) = Self.product(s0r - s2r, s0i - s2i, r2[j], i2[j])
      (re[c], im[c]) = Self.product(s1r + s3i, s1i - s3r, r1[j], i1[j])
      (re[d], im[d]) = Self.product(s1r - s3i, s1i + s3r, r3[j], i3[j])
    }
  }

  private func forward2(
    _ re: inout [Lane], _ im: inout [Lane], at start: Int, block: Int,
    roots: (real: [Lane], imaginary: [Lane])
  ) {
    for j in 0..<block {
      let (a, b) = (start + j, start + j + block)
      let (r, i) = (re[a] - re[b], im[a] - im[b])
      (re[a], im[a]) = (re[a] + re[b], im[a] + im[b])
      (re[b], im[b]) = Self.product(r, i, roots.real[j], roots.imaginary[j])
    }
  }

  /// The last pass, inside one lane: a transform of four elements.
  private static func forwardLane(_ re: inout Lane, _ im: inout Lane) {
    let (s0r, s0i) = (re[0] + re[2], im[0] + im[2])
    let (s1r, s1i) = (re[0] - re[2], im[0] - im[2])
    let (s2r, s2i) = (re[1] + re[3], im[1] + im[3])
    let (s3r, s3i) = (re[1] - re[3], im[1] - im[3])
    re = Lane(s0r + s2r, s0r - s2r, s1r + s3i, s1r - s3i)
    im = Lane(s0i + s2i, s0i - s2i, s1i - s3r, s1i + s3r)
  }

  @inline(__always)
  private static func product(_ a: Lane, _ b: Lane, _ c: Lane, _ d: Lane) -> (Lane, Lane) {
    (a * c - b * d, a * d + b * c)
  }
}

// MARK: - Inverse passes

extension FourierTransform {
  private func inverse(
    _ re: inout [Lane], _ im: inout [Lane], at start: Int, lanes: Int, pass: Int
  ) {
    guard pass < passes.count else {
      for index in start..<start + lanes { Self.inverseLane(&re[index], &im[index]) }
      return
    }
    let block = lanes / passes[pass].radix
    for part in 0..<passes[pass].radix {
      inverse(&re, &im, at: start + part * block, lanes: block, pass: pass + 1)
    }
    if passes[pass].radix == 4 {
      inverse4(&re, &im, at: start, block: block, roots: passes[pass].roots)
    } else {
      inverse2(&re, &im, at: start, block: block, roots: passes[pass].roots[0])
    }
  }

  private func inverse4(
    _ re: inout [Lane], _ im: inout [Lane], at start: Int, block: Int,
    roots: [(real: [Lane], imaginary: [Lane])]
  ) {
    let (r1, r2, r3) = (roots[0].real, roots[1].real, roots[2].real)
    let (i1, i2, i3) = (roots[0].imaginary, roots[1].imaginary, roots[2].imaginary)
    for j in 0..<block {
      let (a, b, c, d) = (
        start + j, start + j + block, start + j + 2 * block, start + j + 3 * block
      )
      let (y1r, y1i) = Self.product(re[b], im[b], r2[j], -i2[j])
      let (y2r, y2i) = Self.product(re[c], im[c], r1[j], -i1[j])
      let (y3r, y3i) = Self.product(re[d], im[d], r3[j], -i3[j])
      let (s0r, s0i) = (re[a] + y1r, im[a] + y1i)
      let (s2r, s2i) = (re[a] - y1r, im[a] - y1i)
      let (s1r, s1i) = (y2r + y3r, y2i + y3i)
      let (s3r, s3i) = (y3i - y2i, y2r - y3r)
      (re[a], im[a]) = (s0r + s1r, s0i + s1i)
      (re[b], im[b]) = (s2r + s3r, s2i + s3i)
      (re[c], im[c]) = (s0r - s1r, s0i - s1i)
      (re[d], im[d]) = (s2r - s3r, s2i - s3i)
    }
  }

  private func inverse2(
    _ re: inout [Lane], _ im: inout [Lane], at start: Int, block: Int,
    roots: (real: [Lane], imaginary: [Lane])
  ) {
    for j in 0..<block {
      let (a, b) = (start + j, start + j + block)
      let (r, i) = Self.product(re[b], im[b], roots.real[j], -roots.imaginary[j])
      (re[b], im[b]) = (re[a] - r, im[a] - i)
      (re[a], im[a]) = (re[a] + r, im[a] + i)
    }
  }

  private static func inverseLane(_ re: inout Lane, _ im: inout Lane) {
    let (s0r, s0i) = (re[0] + re[1], im[0] + im[1])
    let (s2r, s2i) = (re[0] - re[1], im[0] - im[1])
    let (s1r, s1i) = (re[2] + re[3], im[2] + im[3])
    let (s3r, s3i) = (im[3] - im[2], re[2] - re[3])
    re = Lane(s0r + s1r, s2r + s3r, s0r - s1r, s2r - s3r)
    im = Lane(s0i + s1i, s2i + s3i, s0i - s1i, s2i - s3i)
  }
}
