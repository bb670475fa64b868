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

  /// The smallest ε with δ(ε) ≤ `delta` in both directions; nil if the grid is too fine for the memory.
  func epsilon(delta: Double) -> Double? {
    var tilts = losses.map {
      $0.saddlePoint(delta: delta, guess: scale * (-2 * Double.log(delta)).squareRoot())
    }
    var answers: [Double?] = [nil, nil]
    // The last attempt is untilted; its window holds nearly all the mass and always gives an answer.
    for attempt in 0..<3 {
      if attempt > 0 {
        for index in tilts.indices where answers[index] == nil {
          tilts[index] = attempt == 1 ? tilts[index] / 4 : 0
        }
      }
      let windows = zip(losses, tilts).map { loss, tilt in
        loss.window(tilt: tilt, margin: 26, guess: scale * 9)
      }
      let width = windows.map { $0.last - $0.first + 1 }.max() ?? 1
      guard width <= Double(Self.largestTransform) else { return nil }
      let composed = transform(windows: windows, width: Int(width))
      for index in losses.indices where answers[index] == nil {
        answers[index] = epsilon(
          direction: index, composed: composed, window: windows[index], delta: delta)
      }
      if !answers.contains(where: { $0 == nil }) { break }
    }
    return max(answers[0] ?? .infinity, answers[1] ?? .infinity)
  }
}

// MARK: - Fourier

extension LossComposition {
  /// The tilted composed laws, modulo the returned length: removal in the real part, addition in the other.
  private func transform(windows: [LossWindow], width: Int) -> ComplexVector {
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
    var product = multiplyPowers(spectra)
    transform.inverseUnscaled(&product)
    return product
  }

  /// Separates the two real sequences' spectra, raises each to its count, multiplies, and joins again.
  private func multiplyPowers(_ spectra: [ComplexVector]) -> ComplexVector {
    let counts = losses[0].parts.map(\.count)
    // Powers below 1e-34 are zero: far below the rounding of the sum, and denormals are slow.
    let floors = counts.map { Double.exp(-156 / Double($0)) }
    let length = spectra[0].count
    var result = ComplexVector(zeros: length)
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
      result[position] = (first.real - second.imaginary, first.imaginary + second.real)
      result[mirror] = (first.real + second.imaginary, second.real - first.imaginary)
    }
    return result
  }

  private struct Complex {
    var real: Double
    var imaginary: Double

    init(_ real: Double, _ imaginary: Double) {
      self.real = real
      self.imaginary = imaginary
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
  /// Walks down from the largest loss until the hockey stick Σ_{l>ε}(1 − e^{ε−l})p reaches δ; nil if it does
  /// not do so above the window's lower end.
  private func epsilon(
    direction: Int, composed: ComplexVector, window: LossWindow, delta: Double
  ) -> Double? {
    let count = composed.count
    var target = delta
    var probability = 0.0
    if estimate == .pessimistic {
      // Errors of the transform grow like releases · 2^-53 · log₂(length), relative to the tilted law.
      let rounding = 64 * 0x1p-53 * (releases + 64)
      target = window.tilt > 0 ? delta / (1 + rounding) : delta - rounding
      probability = losses[direction].infinite + window.massAbove
    }
    guard probability <= target, target > 0 else { return .infinity }
    let values = direction == 0 ? composed.real : composed.imaginary
    let decay = Double.exp(-step)
    // Σ p e^{−(l − current)}, kept relative to the current loss so that e^{−l} cannot underflow.
    var weighted = 0.0
    var cell = Int(window.last)
    let lowest = Int(window.first)
    while cell >= lowest {
      let loss = Double(cell) * step
      let position = cell & (count - 1)
      let value = values[position >> 2][position & 3] / Double(count)
      if value > 0 {
        let mass = value * Double.exp(window.logMoment - window.tilt * loss)
        probability += mass
        weighted += mass
      }
      // δ at the next lower grid point; the root lies in between once this passes the target.
      if probability - weighted * decay > target {
        return max(0, loss + Double.log((probability - target) / weighted))
      }
      if loss <= 0 { return 0 }
      weighted *= decay
      cell -= 1
    }
    return window.tilt == 0 || window.first <= losses[direction].support.first
      ? max(0, Double(lowest) * step) : nil
  }
}
