// Sums, factorials and normal tails on the logarithmic scale.

import Kernels

/// ln(e^a + e^b).
func logAddExp(_ a: Double, _ b: Double) -> Double {
  let (low, high) = a < b ? (a, b) : (b, a)
  if high == -.infinity || high == .infinity { return high }
  return high + Elementary.log(onePlus: Elementary.exp(low - high))
}

/// ln(1 + e^a).
func logOnePlusExp(_ a: Double) -> Double {
  a > 0
    ? a + Elementary.log(onePlus: Elementary.exp(-a)) : Elementary.log(onePlus: Elementary.exp(a))
}

/// ln Σ e^{aᵢ}, one term at a time.
struct LogSum {
  private var largest = -Double.infinity
  private var sum = 0.0

  mutating func add(_ term: Double) {
    if term <= largest {
      if term > -.infinity { sum += Elementary.exp(term - largest) }
    } else {
      sum = sum * Elementary.exp(largest - term) + 1
      largest = term
    }
  }

  var value: Double { largest == -.infinity ? largest : largest + Elementary.log(sum) }
}

/// Logarithms of factorials, from a table.
enum LogFactorial {
  static let largest = 4096

  // One for each arithmetic, made when it is first asked for under it.
  private static let portable = table()
  private static let native = table()

  private static func table() -> [Double] {
    (0...largest).map { Elementary.logGamma(Double($0) + 1) }
  }

  /// ln C(n, k) for 0 ≤ k ≤ n ≤ `largest`.
  static func binomial(_ n: Int, _ k: Int) -> Double {
    let table = Arithmetic.isPortable ? portable : native
    return table[n] - table[k] - table[n - k]
  }
}

/// The standard normal law.
enum Normal {
  /// Φ(x), with full relative accuracy in the lower tail.
  static func cumulative(_ x: Double) -> Double {
    0.5 * Elementary.erfc(-x * 0.5.squareRoot())
  }

  /// Φ(b) − Φ(a) for a ≤ b, each taken in the nearer tail so that small masses keep their digits.
  static func mass(from a: Double, to b: Double) -> Double {
    a > 0 ? cumulative(-a) - cumulative(-b) : cumulative(b) - cumulative(a)
  }

  /// The total variation between N(0, σ²) and N(1, σ²), 2Φ(1/2σ) − 1.
  static func totalVariation(sigma: Double) -> Double {
    Elementary.erf(0.5 * 0.5.squareRoot() / sigma)
  }

  /// ln Φ(x).
  static func logCumulative(_ x: Double) -> Double {
    if x > -20 {
      return x > 0 ? Elementary.log(onePlus: -cumulative(-x)) : Elementary.log(cumulative(x))
    }
    // Asymptotic series of the Mills ratio; at |x| ≥ 20 eight terms leave less than 1e-14.
    let inverse = 1 / (x * x)
    var term = 1.0
    var sum = 1.0
    for index in 1...8 {
      term *= -Double(2 * index - 1) * inverse
      sum += term
    }
    return -0.5 * x * x - Elementary.log(-x) - 0.5 * Elementary.log(2 * .pi) + Elementary.log(sum)
  }

  /// Φ⁻¹(p) for 0 < p < 1, by Newton steps on ln Φ from a rational start.
  static func quantile(_ p: Double) -> Double {
    if p > 0.5 { return -quantile(1 - p) }
    let target = Elementary.log(p)
    // Abramowitz and Stegun 26.2.23; absolute error below 4.5e-4.
    let t = (-2 * target).squareRoot()
    var x =
      -(t - (2.515517 + t * (0.802853 + t * 0.010328))
        / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308))))
    for _ in 0..<4 {
      let logarithm = logCumulative(x)
      let logDensity = -0.5 * x * x - 0.5 * Elementary.log(2 * .pi)
      x -= (logarithm - target) * Elementary.exp(logarithm - logDensity)
    }
    return x
  }
}
