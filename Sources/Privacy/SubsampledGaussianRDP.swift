// Rényi divergence of one Poisson-subsampled Gaussian release, at any order, without cancellation.
//
// Mironov, Talwar, Zhang, "Rényi differential privacy of the sampled Gaussian mechanism" (2019), section 3:
// with x(z) = q(φ₁/φ₀ − 1), φ₀ = N(0, σ²), φ₁ = N(1, σ²), the divergence is ln A/(α − 1), A = E₀[(1 + x)^α].
// Since E₀[x] = 0, A − 1 is computed directly as a sum of positive terms; the textbook series computes
// 1 + tiny and then takes its logarithm.

import Kernels

/// ε_R(α) of one release for fixed (sampleRate, noiseMultiplier); orders > 1.
struct SubsampledGaussianRDP {
  private let release: SampledGaussian
  private let quadrature: Quadrature?

  /// - Parameter orders: every order that will be asked for; fractional ones share one set of nodes.
  init(_ release: SampledGaussian, orders: some Sequence<Double>) {
    self.release = release
    let fractional = orders.filter { !SubsampledGaussianRDP.sumsSeries($0) }
    // Below this the nodes would number millions; the convexity bound is then within a few percent.
    if let largest = fractional.max(), release.noiseMultiplier >= 0.02 {
      quadrature = Quadrature(release, largestOrder: largest)
    } else {
      quadrature = nil
    }
  }

  func divergence(order: Double) -> Double {
    let logMoment: Double
    if SubsampledGaussianRDP.sumsSeries(order) {
      logMoment = seriesLogMoment(order: Int(order))
    } else if let quadrature {
      logMoment = quadrature.logMoment(order: order)
    } else {
      logMoment = convexLogMoment(order: order)
    }
    return max(0, logMoment / (order - 1))
  }

  private static func sumsSeries(_ order: Double) -> Bool {
    order == order.rounded() && order <= Double(LogFactorial.largest)
  }

  /// ln A for an integer order: A − 1 = Σ_{k≥2} C(α,k) q^k (1−q)^{α−k} (e^{k(k−1)/2σ²} − 1).
  private func seriesLogMoment(order: Int) -> Double {
    let (q, sigma) = (release.sampleRate, release.noiseMultiplier)
    let (logRate, logRest) = (Elementary.log(q), Elementary.log(onePlus: -q))
    let scale = 0.5 / (sigma * sigma)
    var sum = LogSum()
    for k in 2...max(order, 2) {
      let exponent = Double(k) * Double(k - 1) * scale
      let logGrowth = exponent > 40 ? exponent : Elementary.log(Elementary.expMinusOne(exponent))
      sum.add(
        LogFactorial.binomial(order, k) + Double(k) * logRate + Double(order - k) * logRest
          + logGrowth)
    }
    return logOnePlusExp(sum.value)
  }

  /// ln A ≤ ln(1 − q + q e^{α(α−1)/2σ²}), by convexity of the α-th moment in the mixture.
  private func convexLogMoment(order: Double) -> Double {
    let (q, sigma) = (release.sampleRate, release.noiseMultiplier)
    let exponent = order * (order - 1) / (2 * sigma * sigma)
    return logAddExp(Elementary.log(onePlus: -q), Elementary.log(q) + exponent)
  }
}

// MARK: - Fractional orders

/// Trapezoid rule for A − 1 = ∫ φ₀ [(1+x)^α − 1 − αx] dz, whose integrand is never negative.
///
/// The integrand is analytic but for a branch point at distance πσ² from the real axis, so the rule
/// converges exponentially in the step min(σ/6, 0.3σ²).
private struct Quadrature {
  private let step: Double
  private let order: Double
  private var x: [Double] = []
  /// ln(1 + x).
  private var logRatio: [Double] = []
  private var logBase: [Double] = []
  private var base: [Double] = []
  /// φ₀(1 + x), the mixture's density.
  private var mixture: [Double] = []

  init(_ release: SampledGaussian, largestOrder: Double) {
    let (q, sigma) = (release.sampleRate, release.noiseMultiplier)
    step = min(sigma / 6, 0.3 * sigma * sigma)
    order = largestOrder
    let lowest = -13 * sigma
    let count = Int(((max(largestOrder, 1) + 26 * sigma) / step).rounded(.up)) + 1
    for values in [\Quadrature.x, \.logRatio, \.logBase, \.base, \.mixture] {
      self[keyPath: values].reserveCapacity(count)
    }
    let normalization = -0.5 * Elementary.log(2 * .pi) - Elementary.log(sigma)
    let (logRate, ratio) = (Elementary.log(q), (1 - q) / q)
    for index in 0..<count {
      let z = lowest + Double(index) * step
      let exponent = (2 * z - 1) / (2 * sigma * sigma)
      let shift: Double
      let logarithm: Double
      if exponent > 30 {
        logarithm = logRate + exponent + Elementary.log(onePlus: ratio * Elementary.exp(-exponent))
        shift = Elementary.exp(min(logarithm, 700)) - 1
      } else {
        shift = q * Elementary.expMinusOne(exponent)
        logarithm = Elementary.log(onePlus: shift)
      }
      let weight = normalization - z * z / (2 * sigma * sigma)
      x.append(shift)
      logRatio.append(logarithm)
      logBase.append(weight)
      base.append(Elementary.exp(weight))
      mixture.append(Elementary.exp(weight + logarithm))
    }
  }

  func logMoment(order: Double) -> Double {
    // Largest exponent of the first term; positive only when the moment itself may overflow.
    var shift = 0.0
    for index in x.indices { shift = max(shift, order * logRatio[index] + logBase[index]) }
    let scale = Elementary.exp(-shift)
    let nearZero = 0.03 / max(order, 1)
    let half = 0.5 * order * (order - 1)
    var sum = 0.0
    for index in x.indices {
      let x = x[index]
      if abs(x) < nearZero {
        // Five terms of the binomial series, nested: the direct difference would cancel here.
        let tail =
          1 + (order - 3) * x / 4 * (1 + (order - 4) * x / 5 * (1 + (order - 5) * x / 6))
        sum += half * x * x * (1 + (order - 2) * x / 3 * tail) * base[index] * scale
      } else {
        let power = Elementary.exp(order * logRatio[index] + logBase[index] - shift)
        sum += power + ((order - 1) * base[index] - order * mixture[index]) * scale
      }
    }
    let excess = sum * step
    return shift == 0
      ? Elementary.log(onePlus: excess) : shift + Elementary.log(excess + scale)
  }
}
