// Composition of privacy losses by one Fourier transform for both directions, and epsilon from the result.
//
// Koskela, Jälkö, Honkela (2020) for the transform; Chernoff windows and the saddle-point tilt keep it short
// and precise down to δ far below the rounding of a double.

import RealModule

/// The composed losses of a run, both directions.
struct LossComposition {
  private let losses: [DirectedLoss]
  private let step: Double
  private let estimate: LossEstimate
  private let releases: Double
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
    releases = remove.parts.reduce(0) { $0 + Double($1.count) }
    scale = 1 / variance.squareRoot()
  }

  /// The smallest ε with δ(ε) ≤ `delta` for removing and for adding; nil if the grid is too fine for the memory.
  /// Infinite where numbers ran out of range, so that nothing is proved.
  func epsilons(delta: Double) -> (remove: Double, add: Double)? {
    guard losses.allSatisfy(\.isWhole) else { return (.infinity, .infinity) }
    var tilts = losses.map {
      $0.saddlePoint(delta: delta, guess: scale * (-2 * Double.log(delta)).squareRoot())
    }
    // Every answer is a bound; a blurred one is tried again with less tilt, in the end with none.
    var best = [Double.infinity, .infinity]
    var isSharp = [false, false]
    for attempt in 0..<4 {
      for index in tilts.indices where attempt > 0 && !isSharp[index] {
        tilts[index] = attempt < 3 ? tilts[index] / 4 : 0
      }
      let windows = zip(losses, tilts).map { loss, tilt in
        loss.window(tilt: tilt, margin: 26, guess: scale * 9)
      }
      let width = windows.map { $0.last - $0.first + 1 }.max() ?? 1
      guard width.isFinite else { return (best[0], best[1]) }
      guard width <= Double(Self.largestTransform) else { return nil }
      guard zip(losses, windows).allSatisfy({ $1.holds(mean: $0.mean(tilt: $1.tilt)) }) else {
        return (best[0], best[1])
      }
      let composed = transform(windows: windows, width: Int(width))
      for index in losses.indices where !isSharp[index] {
        let answer = epsilon(
          direction: index, composed: composed.law, noise: composed.noise, window: windows[index],
          delta: delta)
        best[index] = min(best[index], answer.epsilon)
        isSharp[index] = answer.isSharp
      }
      if isSharp[0] && isSharp[1] { break }
    }
    return (best[0], best[1])
  }
}

// MARK: - Fourier

extension LossComposition {
  /// The tilted composed laws, modulo the returned length (removal in the real part, addition in the other),
  /// and an allowance for the rounding error of each of their elements.
  private func transform(windows: [LossWindow], width: Int) -> (law: ComplexVector, noise: Double) {
    var count = 16
    while count < width { count *= 2 }
    let transform = FourierTransform(count: count)
    var spectra: [ComplexVector] = []
    for index in losses[0].parts.indices {
      var vector = ComplexVector(zeros: count)
      for (direction, loss) in losses.enumerated() {
        let distribution = loss.parts[index].distribution
        let tilt = windows[direction].tilt
        distribution.tilted(by: tilt, logMoment: distribution.logMoment(tilt)) { cell, mass in
          let position = cell & (count - 1)
          if direction == 0 {
            vector.real[position >> 2][position & 3] += mass
          } else {
            vector.imaginary[position >> 2][position & 3] += mass
          }
        }
      }
      transform.forward(&vector)
      spectra.append(vector)
    }
    var (product, modulus) = multiplyPowers(spectra)
    transform.inverseUnscaled(&product)
    // First order: a coefficient's relative error is some 2^-53 · log₂(length), the power multiplies it by the
    // number of releases, and the inverse sums all coefficients; as if every error had the same sign.
    let rounding = 8 * 0x1p-53 * (releases + Double(count.trailingZeroBitCount))
    return (product, rounding * modulus / Double(count))
  }

  /// Separates the two real sequences' spectra, raises each to its count, multiplies, and joins again.
  /// Also returns the sum of the products' moduli over both sequences.
  private func multiplyPowers(_ spectra: [ComplexVector]) -> (ComplexVector, modulus: Double) {
    let counts = losses[0].parts.map(\.count)
    // Powers below 1e-34 are zero: far below the rounding of the sum, and denormals are slow.
    let floors = counts.map { Double.exp(-156 / Double($0)) }
    let length = spectra[0].count
    var result = ComplexVector(zeros: length)
    var modulus = 0.0
    for position in 0..<length {
      let mirror = FourierTransform.mirrored(position)
      guard position <= mirror else { continue }
      var first = Complex(1, 0)
      var second = Complex(1, 0)
      for (index, spectrum) in spectra.enumerated() {
        let (a, b) = (spectrum[position], spectrum[mirror])
        let one = Complex(0.5 * (a.real + b.real), 0.5 * (a.imaginary - b.imaginary))
        let two = Complex(0.5 * (a.imaginary + b.imaginary), 0.5 * (b.real - a.real))
        first = first * one.power(counts[index], floor: floors[index])
        second = second * two.power(counts[index], floor: floors[index])
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
    let decay = Double.exp(-step)
    // Σ p e^{−(l − current)}, kept relative to the current loss so that e^{−l} cannot underflow.
    var weighted = 0.0
    let lowest = Int(window.first)
    for cell in stride(from: Int(window.last), through: lowest, by: -1) {
      let loss = Double(cell) * step
      let position = cell & (count - 1)
      let value = values[position >> 2][position & 3] / Double(count)
      let untilt = Double.exp(window.logMoment - window.tilt * loss)
      let mass = max(0, value) * untilt
      allowed += allowance * untilt
      probability += mass + allowance * untilt
      weighted += mass
      // δ at the next lower grid point; the root lies in between once this passes the target.
      if probability - weighted * decay > delta {
        // Where the allowance alone exceeds δ, no ε below this loss can be proved.
        let shift = weighted > 0 ? Double.log((probability - delta) / weighted) : 0
        return (max(0, loss + min(0, shift)), allowed <= 1e-6 * delta)
      }
      if loss <= 0 { return (0, true) }
      weighted *= decay
    }
    return (max(0, Double(lowest) * step), window.first <= losses[direction].support.first)
  }
}
