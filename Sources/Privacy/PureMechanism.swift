// What is known of a mechanism from its pure epsilon alone: it is no worse than randomised response.

/// Randomised response with losses ±ε dominates every (ε, 0)-private mechanism (Kairouz, Oh, Viswanath,
/// "The composition theorem for differential privacy", 2015).
enum PureMechanism {
  /// The Rényi divergence of randomised response, ln(p^α r^{1−α} + r^α p^{1−α})/(α − 1) with
  /// p = e^ε/(1 + e^ε) and r = 1 − p (Mironov 2017, Proposition 6).
  static func divergence(order: Double, epsilon: Double) -> Double {
    let logLow = -logOnePlusExp(epsilon)
    let logHigh = logLow + epsilon
    let logMoment = logAddExp(
      order * logHigh + (1 - order) * logLow, order * logLow + (1 - order) * logHigh)
    return max(0, logMoment / (order - 1))
  }
}
