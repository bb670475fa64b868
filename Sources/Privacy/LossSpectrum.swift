// Composed loss distributions by way of their spectra.

import Kernels

extension LossComposition {
  /// The tilted composed laws, modulo the returned length (removal in the real part, addition in the other),
  /// and an allowance for the rounding error of each of their elements.
  ///
  /// A direction that is not wanted is left out: its rounding would blur the other one.
  func transform(
    windows: [LossWindow], width: Int, wanted: [Bool]
  ) -> (law: ComplexVector, noise: Double) {
    var count = 16
    while count < width { count *= 2 }
    let transform = FourierTransform(count: count)
    var factors: [Factor] = []
    for index in losses[0].parts.indices {
      factors.append(factor(index, windows: windows, wanted: wanted, transform: transform))
    }
    // Where hardly anything is lost at all, the law but for its atom at 0 is what the transform must resolve.
    let isRare = factors.allSatisfy { $0.isRare[0] && $0.isRare[1] }
    var (product, modulus) = multiplyPowers(factors, lessOne: isRare)
    transform.inverseUnscaled(&product)
    if isRare {
      let (real, imaginary) = product[0]
      product[0] = (real + Double(count), imaginary + Double(count))
    }
    // First order: a coefficient's relative error is some 2^-53 · log₂(length), the power multiplies it by the
    // number of releases (by that of losses other than 0, where these are rare), and the inverse sums all
    // coefficients; as if every error had the same sign.
    let amplification = factors.reduce(0) { $0 + $1.amplification }
    let rounding = 8 * 0x1p-53 * (amplification + Double(count.trailingZeroBitCount))
    return (product, rounding * modulus / Double(count))
  }

  /// The spectrum of one part's tilted law, removal in the real part of the sequence and addition in the other.
  private struct Factor {
    var spectrum: ComplexVector
    let count: Int
    /// Whether the spectrum is that of the law less one at loss 0, by direction.
    var isRare = [false, false]
    /// By how much the power multiplies a relative error.
    var amplification: Double
  }

  private func factor(
    _ index: Int, windows: [LossWindow], wanted: [Bool], transform: FourierTransform
  ) -> Factor {
    let length = transform.count
    let count = losses[0].parts[index].count
    var result = Factor(
      spectrum: ComplexVector(zeros: length), count: count, amplification: Double(count))
    var share = [0.0, 0.0]
    for (direction, loss) in losses.enumerated() {
      guard wanted[direction] else {
        result.isRare[direction] = true
        continue
      }
      let distribution = loss.parts[index].distribution
      let tilt = windows[direction].tilt
      var elsewhere = 0.0
      distribution.tilted(by: tilt, logMoment: distribution.logMoment(tilt)) { cell, mass in
        let position = cell & (length - 1)
        if position != 0 { elsewhere += mass }
        if direction == 0 {
          result.spectrum.real[position >> 2][position & 3] += mass
        } else {
          result.spectrum.imaginary[position >> 2][position & 3] += mass
        }
      }
      share[direction] = 2 * elsewhere
      guard elsewhere < 0.25 else { continue }
      result.isRare[direction] = true
      if direction == 0 {
        result.spectrum.real[0][0] = -elsewhere
      } else {
        result.spectrum.imaginary[0][0] = -elsewhere
      }
    }
    if result.isRare[0] && result.isRare[1] {
      result.amplification = Double(count) * max(share[0], share[1])
    }
    transform.forward(&result.spectrum)
    return result
  }

  /// Separates the two real sequences' spectra, raises each to its count, multiplies, and joins again.
  /// Also returns the sum of the products' moduli over both sequences.
  private func multiplyPowers(
    _ factors: [Factor], lessOne: Bool
  ) -> (ComplexVector, modulus: Double) {
    // Powers below 1e-34 are zero: far below the rounding of the sum, and denormals are slow.
    let floors = factors.map { Elementary.exp(-156 / Double($0.count)) }
    let length = factors[0].spectrum.count
    var result = ComplexVector(zeros: length)
    var modulus = 0.0
    for position in 0..<length {
      let mirror = FourierTransform.mirrored(position)
      guard position <= mirror else { continue }
      var first = Complex(1, 0)
      var second = Complex(1, 0)
      // Sums of logarithms of what is rare.
      var (firstLog, secondLog) = (Complex(0, 0), Complex(0, 0))
      for (index, factor) in factors.enumerated() {
        let (a, b) = (factor.spectrum[position], factor.spectrum[mirror])
        let one = Complex(0.5 * (a.real + b.real), 0.5 * (a.imaginary - b.imaginary))
        let two = Complex(0.5 * (a.imaginary + b.imaginary), 0.5 * (b.real - a.real))
        if factor.isRare[0] {
          firstLog.add(one.logOnePlus, times: factor.count)
        } else {
          first = first * one.power(factor.count, floor: floors[index])
        }
        if factor.isRare[1] {
          secondLog.add(two.logOnePlus, times: factor.count)
        } else {
          second = second * two.power(factor.count, floor: floors[index])
        }
      }
      if lessOne {
        (first, second) = (firstLog.expMinusOne, secondLog.expMinusOne)
      } else {
        if firstLog.isNotZero { first = first + first * firstLog.expMinusOne }
        if secondLog.isNotZero { second = second + second * secondLog.expMinusOne }
      }
      modulus += (first.modulus + second.modulus) * (position == mirror ? 1 : 2)
      result[position] = (first.real - second.imaginary, first.imaginary + second.real)
      result[mirror] = (first.real + second.imaginary, second.real - first.imaginary)
    }
    return (result, modulus)
  }

  private struct Complex {
    var real: Double
    var imaginary: Double

    init(_ real: Double, _ imaginary: Double) {
      self.real = real
      self.imaginary = imaginary
    }

    var modulus: Double { (real * real + imaginary * imaginary).squareRoot() }
    var isNotZero: Bool { real != 0 || imaginary != 0 }

    /// ln(1 + self), with all digits near 0.
    var logOnePlus: Complex {
      Complex(
        0.5 * Elementary.log(onePlus: 2 * real + real * real + imaginary * imaginary),
        Elementary.atan2(y: imaginary, x: 1 + real))
    }

    /// e^self − 1, with all digits near 0.
    var expMinusOne: Complex {
      let growth = Elementary.expMinusOne(real)
      let half = Elementary.sin(imaginary / 2)
      let cosineLessOne = -2 * half * half
      return Complex(
        growth + cosineLessOne + growth * cosineLessOne, (1 + growth) * Elementary.sin(imaginary))
    }

    mutating func add(_ other: Complex, times count: Int) {
      real += Double(count) * other.real
      imaginary += Double(count) * other.imaginary
    }

    static func + (a: Complex, b: Complex) -> Complex {
      Complex(a.real + b.real, a.imaginary + b.imaginary)
    }

    static func * (a: Complex, b: Complex) -> Complex {
      Complex(
        a.real * b.real - a.imaginary * b.imaginary, a.real * b.imaginary + a.imaginary * b.real)
    }

    /// The power by squaring; zero where |self|² < floor.
    func power(_ exponent: Int, floor: Double) -> Complex {
      guard real * real + imaginary * imaginary >= floor else { return Complex(0, 0) }
      var result = Complex(1, 0)
      var square = self
      var rest = exponent
      while true {
        if rest & 1 == 1 { result = result * square }
        rest >>= 1
        if rest == 0 { return result }
        square = square * square
      }
    }
  }
}
