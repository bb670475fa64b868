// Student's t with few degrees of freedom, central and not: intervals for means and effect sizes of a handful of seeds.
//
// Abramowitz and Stegun, "Handbook of mathematical functions" (1964), 26.7.3 and 26.7.4.

import Kernels

package enum StudentLaw {
  /// Pr[|T| ≤ t] with ν degrees of freedom, ν ≥ 1: a finite sum.
  package static func within(_ t: Double, degrees: Int) -> Double {
    let ratio = t / Double(degrees).squareRoot()
    let cosine = 1 / (1 + ratio * ratio).squareRoot()
    let sine = ratio * cosine
    let angle = Elementary.atan2(y: ratio, x: 1)
    var (sum, term) = (0.0, degrees.isMultiple(of: 2) ? 1.0 : cosine)
    // Powers of the cosine up to ν − 2, each with its fraction.
    for power in Swift.stride(from: degrees.isMultiple(of: 2) ? 0 : 1, through: degrees - 2, by: 2)
    {
      sum += term
      term *= Double(power + 1) / Double(power + 2) * cosine * cosine
    }
    return degrees.isMultiple(of: 2) ? sine * sum : 2 / .pi * (angle + sine * sum)
  }

  /// The t with Pr[|T| ≤ t] = `level`, in (0, 1).
  package static func quantile(within level: Double, degrees: Int) -> Double {
    var (low, high) = (0.0, 1.0)
    while within(high, degrees: degrees) < level { (low, high) = (high, 2 * high) }
    for _ in 0..<60 {
      let middle = low + (high - low) / 2
      if within(middle, degrees: degrees) < level { low = middle } else { high = middle }
    }
    return high
  }

  /// Pr[T ≤ t] of the non-central law: T = (Z + λ)/S with S² the mean of ν squared normals. The integral of Φ(t s − λ)
  /// over the law of S, by Simpson's rule on 400 intervals.
  package static func cumulative(_ t: Double, degrees: Int, noncentrality lambda: Double) -> Double
  {
    let nu = Double(degrees)
    let logScale =
      Elementary.log(2) + nu / 2 * Elementary.log(nu / 2) - Elementary.logGamma(nu / 2)
    let (intervals, end) = (400, 1 + 9 / nu.squareRoot())
    let width = end / Double(intervals)
    var (integral, mass) = (0.0, 0.0)
    for point in 0...intervals {
      let s = Double(point) * width
      // s^(ν − 1) at 0 is 1 for a single degree.
      let density =
        s == 0
        ? (degrees == 1 ? Elementary.exp(logScale) : 0)
        : Elementary.exp(logScale + (nu - 1) * Elementary.log(s) - nu * s * s / 2)
      let weight = point == 0 || point == intervals ? 1.0 : point.isMultiple(of: 2) ? 2 : 4
      mass += weight * density
      integral += weight * density * 0.5 * Elementary.erfc(-(t * s - lambda) * 0.5.squareRoot())
    }
    return integral / mass
  }
}
