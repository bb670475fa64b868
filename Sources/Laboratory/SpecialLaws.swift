// Distribution functions that the laboratory needs: normal, chi-square, Student.
//
// Incomplete gamma and beta functions by series and continued fractions (Lentz), as in Abramowitz and Stegun
// 6.5.29, 6.5.31 and 26.5.8.

import RealModule

/// Distribution functions and their inverses; double precision to about ten digits.
package enum SpecialLaws {
  package static func normal(_ x: Double) -> Double { 0.5 * Double.erfc(-x * 0.5.squareRoot()) }

  /// P[χ²_k ≤ x].
  package static func chiSquare(_ x: Double, degrees k: Double) -> Double {
    x <= 0 ? 0 : incompleteGamma(k / 2, x / 2)
  }

  /// The x with P[χ²_k ≤ x] = p; p in (0, 1).
  package static func chiSquareQuantile(_ p: Double, degrees k: Double) -> Double {
    var high = max(2 * k, 10)
    while chiSquare(high, degrees: k) < p { high *= 2 }
    return bisected(0, high) { chiSquare($0, degrees: k) < p }
  }

  /// P[t_k ≤ x].
  package static func student(_ x: Double, degrees k: Double) -> Double {
    let tail = 0.5 * incompleteBeta(k / (k + x * x), k / 2, 0.5)
    return x > 0 ? 1 - tail : tail
  }

  /// The x with P[t_k ≤ x] = 1 − tail; tail in (0, ½].
  package static func studentQuantile(tail: Double, degrees k: Double) -> Double {
    var high = 10.0
    func upper(_ x: Double) -> Double { 0.5 * incompleteBeta(k / (k + x * x), k / 2, 0.5) }
    while upper(high) > tail { high *= 2 }
    return bisected(0, high) { upper($0) > tail }
  }

  /// Where a condition that holds below a point and fails above it changes.
  static func bisected(_ low: Double, _ high: Double, _ isBelow: (Double) -> Bool) -> Double {
    var (low, high) = (low, high)
    for _ in 0..<200 where high > low.nextUp {
      let middle = low + (high - low) / 2
      if isBelow(middle) { low = middle } else { high = middle }
    }
    return low + (high - low) / 2
  }

  /// P(a, x), the regularised lower incomplete gamma function.
  static func incompleteGamma(_ a: Double, _ x: Double) -> Double {
    let scale = Double.exp(-x + a * Double.log(x) - Double.logGamma(a))
    if x < a + 1 {
      var (term, sum) = (1 / a, 1 / a)
      var n = a
      for _ in 0..<100_000 {
        n += 1
        term *= x / n
        sum += term
        if term < sum * 1e-16 { break }
      }
      return min(1, sum * scale)
    }
    var b = x + 1 - a
    var c = 1e300
    var d = 1 / b
    var fraction = d
    for i in 1..<100_000 {
      let an = -Double(i) * (Double(i) - a)
      b += 2
      d = 1 / nonzero(an * d + b)
      c = nonzero(b + an / c)
      fraction *= d * c
      if abs(d * c - 1) < 1e-15 { break }
    }
    return max(0, 1 - scale * fraction)
  }

  /// I_x(a, b), the regularised incomplete beta function.
  static func incompleteBeta(_ x: Double, _ a: Double, _ b: Double) -> Double {
    guard x > 0 else { return 0 }
    guard x < 1 else { return 1 }
    let scale = Double.exp(
      Double.logGamma(a + b) - Double.logGamma(a) - Double.logGamma(b) + a * Double.log(x)
        + b * Double.log(onePlus: -x))
    return x < (a + 1) / (a + b + 2)
      ? scale * betaFraction(x, a, b) / a : 1 - scale * betaFraction(1 - x, b, a) / b
  }

  private static func betaFraction(_ x: Double, _ a: Double, _ b: Double) -> Double {
    var c = 1.0
    var d = 1 / nonzero(1 - (a + b) * x / (a + 1))
    var fraction = d
    for m in 1..<100_000 {
      let m = Double(m)
      let even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
      d = 1 / nonzero(1 + even * d)
      c = nonzero(1 + even / c)
      fraction *= d * c
      let odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
      d = 1 / nonzero(1 + odd * d)
      c = nonzero(1 + odd / c)
      fraction *= d * c
      if abs(d * c - 1) < 1e-15 { break }
    }
    return fraction
  }

  /// Lentz's guard against a division by zero.
  private static func nonzero(_ x: Double) -> Double { abs(x) < 1e-300 ? 1e-300 : x }
}
