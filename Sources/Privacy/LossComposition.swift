// Composition of privacy losses by one Fourier transform for both directions, and epsilon from the result.
//
// Koskela, Jälkö, Honkela (2020) for the transform; Chernoff windows and the saddle-point tilt keep it short
// and precise down to δ far below the rounding of a double.

import Kernels

/// The composed losses of a run, both directions.
struct LossComposition {
  private let losses: [DirectedLoss]
  private let step: Double
  private let estimate: LossEstimate
  /// 1/√variance of the composed loss, roughly: where searches for exponents start.
  private let scale: Double

  static let largestTransform = 1 << 22

  /// - Parameters:
  ///   - remove, add: the same releases in the two directions, in the same order.
  ///   - variance: a rough variance of the composed loss.
  init(
    remove: DirectedLoss, add: DirectedLoss, estimate: LossEstimate, variance: Double
  ) {
    losses = [remove, add]
    step = remove.step
    self.estimate = estimate
    scale = 1 / variance.squareRoot()
  }

  /// The smallest ε with δ(ε) ≤ a delta for removing and for adding, and the saddle point of the larger one.
  struct Answer {
    var remove: Double
    var add: Double
    var tilt: Double
    /// Grid points that the composed losses needed at the saddle point.
    var cells: Double
  }

  /// Nil if the grid is too fine for the memory; infinite where numbers ran out of range, so that nothing is
  /// proved.
  func epsilons(delta: Double) -> Answer? {
    guard losses.allSatisfy(\.isWhole) else {
      return Answer(remove: .infinity, add: .infinity, tilt: 0, cells: 0)
    }
    var tilts = losses.map {
      $0.saddlePoint(delta: delta, guess: scale * (-2 * Elementary.log(delta)).squareRoot())
    }
    var best = [Double.infinity, .infinity]
    let saddles = tilts
    var cells = 0.0
    func answer() -> Answer {
      Answer(
        remove: best[0], add: best[1], tilt: best[0] >= best[1] ? saddles[0] : saddles[1],
        cells: cells)
    }
    // Every answer is a bound; a blurred one is tried again with less tilt, in the end with none.
    var isSharp = [false, false]
    for attempt in 0..<4 {
      for index in tilts.indices where attempt > 0 && !isSharp[index] {
        tilts[index] = attempt < 3 ? tilts[index] / 4 : 0
      }
      let windows = zip(losses, tilts).map { loss, tilt in
        loss.window(tilt: tilt, margin: 26, guess: scale * 9)
      }
      let width = windows.map { $0.last - $0.first + 1 }.max() ?? 1
      if attempt == 0 { cells = width }
      guard width.isFinite else { return answer() }
      guard width <= Double(Self.largestTransform) else { return nil }
      guard zip(losses, windows).allSatisfy({ $1.holds(mean: $0.mean(tilt: $1.tilt)) }) else {
        return answer()
      }
      let composed = transform(
        windows: windows, width: Int(width), wanted: isSharp.map { !$0 })
      for index in losses.indices where !isSharp[index] {
        let answer = epsilon(
          direction: index, composed: composed.law, noise: composed.noise, window: windows[index],
          delta: delta)
        best[index] = min(best[index], answer.epsilon)
        isSharp[index] = answer.isSharp
      }
      if isSharp[0] && isSharp[1] { break }
    }
    return answer()
  }
}

// MARK: - Fourier

extension LossComposition {
  /// The tilted composed laws, modulo the returned length (removal in the real part, addition in the other),
  /// and an allowance for the rounding error of each of their elements.
  ///
  /// A direction that is not wanted is left out: its rounding would blur the other one.
  private func transform(
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

// MARK: - Epsilon

extension LossComposition {
  /// Walks down from the largest loss until the hockey stick Σ_{l>ε}(1 − e^{ε−l})p reaches δ.
  ///
  /// Not sharp if the window ends before that, or if the allowance for rounding is a noticeable part of δ.
  private func epsilon(
    direction: Int, composed: ComplexVector, noise: Double, window: LossWindow, delta: Double
  ) -> (epsilon: Double, isSharp: Bool) {
    let count = composed.count
    let isPessimistic = estimate == .pessimistic
    var probability =
      isPessimistic ? losses[direction].infinite + window.massAbove : 0
    guard probability <= delta else { return (.infinity, false) }
    let allowance = isPessimistic ? noise : 0
    var allowed = 0.0
    let values = direction == 0 ? composed.real : composed.imaginary
    let decay = Elementary.exp(-step)
    // Σ p e^{−(l − current)}, kept relative to the current loss so that e^{−l} cannot underflow.
    var weighted = 0.0
    let lowest = Int(window.first)
    for cell in stride(from: Int(window.last), through: lowest, by: -1) {
      let loss = Double(cell) * step
      let position = cell & (count - 1)
      let value = values[position >> 2][position & 3] / Double(count)
      let untilt = Elementary.exp(window.logMoment - window.tilt * loss)
      let mass = max(0, value) * untilt
      allowed += allowance * untilt
      probability += mass + allowance * untilt
      weighted += mass
      // δ at the next lower grid point; the root lies in between once this passes the target.
      if probability - weighted * decay > delta {
        // Where the allowance alone exceeds δ, no ε below this loss can be proved.
        let shift = weighted > 0 ? Elementary.log((probability - delta) / weighted) : 0
        return (max(0, loss + min(0, shift)), allowed <= 1e-5 * delta)
      }
      if loss <= 0 { return (0, true) }
      weighted *= decay
    }
    return (max(0, Double(lowest) * step), window.first <= losses[direction].support.first)
  }
}
