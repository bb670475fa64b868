// What one run with canaries shows about ε: guesses from scores, a lower bound, and a test of the whole claim.

import Kernels

/// A claim as points of its privacy curve: (ε, δ) for every pair. One point is a claim too; more are a stronger one.
public struct PrivacyClaim: Sendable, Hashable {
  public let points: [EpsilonBound]

  public init(points: [EpsilonBound]) { self.points = points }

  /// The ε of some points at δ = 0.8 … 1e-10 that holds for every one of the events.
  ///
  /// - Throws: what the accountant throws.
  public init(
    covering events: [PrivacyEvent], accountant: any PrivacyAccountant
  ) throws(AccountingError) {
    var points: [EpsilonBound] = []
    for delta in [
      0.8, 0.65, 0.5, 0.4, 0.3, 0.2, 0.1, 0.03, 0.01, 3e-3, 1e-3, 1e-4, 1e-5, 1e-7, 1e-10,
    ] {
      var largest: EpsilonBound?
      for event in events {
        let bound = try accountant.bound(for: event, delta: delta)
        if bound.epsilon > largest?.epsilon ?? -1 { largest = bound }
      }
      if let largest { points.append(largest) }
    }
    self.points = points
  }

  /// What several claims over the same δ leave together: the largest ε of each.
  public init(joining claims: [PrivacyClaim]) {
    points = (claims.first?.points ?? []).indices.map { index in
      claims.map { $0.points[index] }.max { $0.epsilon < $1.epsilon } ?? claims[0].points[index]
    }
  }

  /// The probability, at most, with which any test finds out whether one record was put in by a fair coin:
  /// (e^ε + δ)/(e^ε + 1), the least of all points.
  public var bestGuessRate: Double {
    points.reduce(1) { rate, point in
      let odds = Elementary.exp(-point.epsilon)
      return min(rate, (1 + point.delta * odds) / (1 + odds))
    }
  }

  /// The least probability, without a record, of what has probability `mass` with it.
  func leastMass(_ mass: Double) -> Double {
    points.reduce(0) { least, point in
      guard point.epsilon < 700 else { return least }
      // P ≤ e^ε Q + δ for the event, and for its complement.
      let growth = Elementary.exp(point.epsilon)
      return max(
        least, (mass - point.delta) / growth, 1 - point.delta - growth * (1 - mass))
    }
  }
}

/// What an auditor concludes; every number holds with the stated confidence together.
public struct AuditVerdict: Sendable, Hashable, Codable {
  public let canaries: Int
  /// The guesses that gave the bound, and how many of them were right.
  public let guesses: Int
  public let correct: Int
  /// ε is at least this at `delta`, whatever the mechanism (Steinke et al. 2023).
  public let lowerBound: Double
  /// ε is at least this if the trade-off is a Gaussian one (Mahloujifar et al. 2024): sharper for full batches.
  public let gaussianLowerBound: Double
  /// The lower bound if every guess had been right.
  public let bestPossible: Double
  /// Whether no mechanism that keeps the claim would have let so much be guessed right.
  public let refutesClaim: Bool
  public let delta: Double
}

/// The test of an engine in which canaries do not disturb one another: each has a parameter to itself and noise that is
/// independent of the others' noise, as DP-SGD says. Then right guesses are at most as many as a binomial law allows,
/// which is far sharper than what holds for every mechanism.
public struct EngineTest: Sendable, Hashable, Codable {
  /// Whose coins were guessed.
  public let canaries: Int
  public let correct: Int
  /// The rate at which an engine that keeps the claim lets coins be told, at most.
  public let rate: Double
  /// The probability, at most, of so many right guesses under the claim.
  public let pValue: Double
  public let isRefuted: Bool

  /// Guesses in two ways, of which the one that shows more counts (Bonferroni): by the sign of the score, and by the
  /// threshold that is best for every other canary, for those in between. The second sees engines whose scores are not
  /// the log-likelihood ratios that they should be.
  ///
  /// - Parameter canaries: with the logarithms of their likelihood ratios as scores.
  public init(
    on canaries: [(isIncluded: Bool, score: Double)], claim: PrivacyClaim, significance: Double
  ) {
    rate = claim.bestGuessRate
    let (teachers, rest) = (
      canaries.indices.filter { $0 % 2 == 0 }.map { canaries[$0] },
      canaries.indices.filter { $0 % 2 == 1 }.map { canaries[$0] }
    )
    let learned = Self.bestThreshold(for: teachers)
    let guesses = [(canaries, 0.0), (rest, learned)].map { group, threshold in
      (count: group.count, correct: group.count { $0.isIncluded == ($0.score > threshold) })
    }
    var best = (guess: guesses[0], pValue: 1.0)
    for guess in guesses where guess.count > 0 && rate < 1 {
      let law = Binomial(trials: guess.count, probability: rate)
      let tail = (guess.correct...guess.count).reduce(0) { $0 + law[$1] }
      if 2 * tail < best.pValue { best = (guess, 2 * tail) }
    }
    (self.canaries, correct, pValue) = (best.guess.count, best.guess.correct, best.pValue)
    isRefuted = pValue <= significance
  }

  /// Between two scores, where guessing tells most coins; 0 without canaries.
  static func bestThreshold(
    for canaries: [(isIncluded: Bool, score: Double)]
  ) -> Double {
    let order = canaries.sorted { $0.score > $1.score }
    guard let highest = order.first else { return 0 }
    var right = canaries.count { !$0.isIncluded }
    var best = (right: right, threshold: highest.score)
    for (index, canary) in order.enumerated() {
      right += canary.isIncluded ? 1 : -1
      guard index + 1 < order.count, order[index + 1].score < canary.score else { continue }
      if right > best.right {
        best = (right, canary.score / 2 + order[index + 1].score / 2)
      }
    }
    return best.threshold
  }
}

public enum OneRunAudit {
  /// Judges scores that were given before the coins were looked at.
  ///
  /// Guesses are tried in six ways that are fixed beforehand: the highest and lowest scores, or the highest alone, of a
  /// share of the canaries; each test has a sixth of the significance (Bonferroni). Equal scores are ordered by the
  /// canaries' numbers, so that a score that knows nothing guesses as a coin does.
  ///
  /// - Parameters:
  ///   - canaries: included by fair coins, with scores that are larger where the auditor thinks it was in.
  ///   - delta: of the lower bounds, in (0, 1).
  ///   - claim: what the accountant says.
  public static func verdict(
    on canaries: [(isIncluded: Bool, score: Double)], delta: Double, claim: PrivacyClaim,
    significance: Double = 0.05
  ) -> AuditVerdict {
    let order = canaries.indices.sorted {
      (canaries[$0].score, $0) > (canaries[$1].score, $1)
    }.map { canaries[$0].isIncluded }
    let level = significance / Double(shares.count)
    var best = (bound: -1.0, gaussian: 0.0, guesses: 0, correct: 0)
    var refutes = false
    for share in shares {
      let (guesses, correct) = guessed(order, share)
      guard guesses > 0 else { continue }
      let bound = Audit.oneRun(
        canaries: order.count, guesses: guesses, correct: correct, significance: level,
        delta: delta)
      if bound > best.bound {
        (best.bound, best.guesses, best.correct) = (bound, guesses, correct)
      }
      let test = TradeOffTest(
        canaries: order.count, guesses: guesses, correct: correct, significance: level)
      best.gaussian = max(best.gaussian, test.gaussianEpsilon(delta: delta))
      refutes = refutes || test.refutes(claim.leastMass)
    }
    return AuditVerdict(
      canaries: order.count, guesses: best.guesses, correct: best.correct,
      lowerBound: max(best.bound, 0), gaussianLowerBound: best.gaussian,
      bestPossible: bestPossible(canaries: order.count, delta: delta, significance: significance),
      refutesClaim: refutes, delta: delta)
  }

  /// The lower bound if every guess is right: what so many canaries can show at most.
  public static func bestPossible(
    canaries: Int, delta: Double, significance: Double = 0.05
  ) -> Double {
    shares.map { share in
      let guesses = share.high(of: canaries) + share.low(of: canaries)
      return guesses > 0
        ? Audit.oneRun(
          canaries: canaries, guesses: guesses, correct: guesses,
          significance: significance / Double(shares.count), delta: delta) : 0
    }.max() ?? 0
  }

  /// Which of the ordered canaries are guessed to be in, and which to be out.
  struct Share {
    let part: Double
    let hasLow: Bool
    func high(of count: Int) -> Int { Int(part / 2 * Double(count)) }
    func low(of count: Int) -> Int { hasLow ? high(of: count) : 0 }
  }

  static let shares =
    [1, 0.5, 0.25, 0.125].map { Share(part: $0, hasLow: true) }
    + [0.5, 0.125].map { Share(part: $0, hasLow: false) }

  private static func guessed(_ order: [Bool], _ share: Share) -> (guesses: Int, correct: Int) {
    let (high, low) = (share.high(of: order.count), share.low(of: order.count))
    return (
      high + low, order.prefix(high).count { $0 } + order.suffix(low).count { !$0 }
    )
  }
}

/// The test of a trade-off curve by the number of right guesses.
///
/// Mahloujifar, Melis, Chaudhuri, "Auditing f-differential privacy in one run" (ICML 2025), the recursion of its
/// numerical procedure for two alphabets: if so many right guesses had the significance as probability, more mass than
/// there is would be needed.
struct TradeOffTest {
  let canaries: Int
  let guesses: Int
  let correct: Int
  let significance: Double

  /// - Parameter leastMass: the least probability that the curve leaves to an event under one hypothesis, of the
  ///   probability under the other; increasing.
  func refutes(_ leastMass: (Double) -> Double) -> Bool {
    // Guesses no better than coins refute nothing.
    guard 2 * correct > guesses else { return false }
    let count = Double(canaries)
    var right = significance * Double(correct) / count
    var wrong = significance * Double(guesses - correct) / count
    for index in Swift.stride(from: correct - 1, through: 0, by: -1) {
      let next = max(wrong, leastMass(right))
      right += Double(index) / Double(guesses - index) * (next - wrong)
      wrong = next
    }
    return right + wrong > Double(guesses) / count
  }

  /// The largest ε at δ of the Gaussian trade-offs that are refuted, 0 if none is.
  func gaussianEpsilon(delta: Double) -> Double {
    func refutes(_ mu: Double) -> Bool {
      self.refutes { $0 >= 1 ? 1 : Normal.cumulative(Normal.quantile($0) - mu) }
    }
    guard refutes(1e-3) else { return 0 }
    var (low, high) = (1e-3, 1.0)
    while refutes(high), high < 64 { (low, high) = (high, high * 2) }
    for _ in 0..<30 {
      let middle = low + (high - low) / 2
      if refutes(middle) { low = middle } else { high = middle }
    }
    let bound = try? GDPAccountant().bound(
      for: .gaussian(noiseMultiplier: 1 / low), delta: delta)
    return bound?.epsilon ?? 0
  }
}
