// What an auditor sees who weighs messages against one another: noise that two clients or two rounds share falls out of
// their difference, and what is left tells the canaries.

import Kernels

/// With what a canary's client is compared.
public enum AuditContrast: String, Sendable, Hashable, Codable, CaseIterable {
  /// The sums of another client in the same step.
  case clients
  /// The client's own sums in the round before.
  case rounds
}

/// What one round's noisy sums held at the places of made gradients, in units of the noise's standard deviation.
struct CanaryTrace: Sendable {
  /// From 0, with the first step's number: noise is keyed by both.
  let round: Int
  let firstStep: Int
  let rate: Double
  /// Of a clipped canary.
  let signal: Double
  /// The place of each canary; nil where there is none.
  let places: [Int?]
  /// Step after step, canary after canary: what the known records leave.
  private(set) var values: [Float] = []
  /// Which canaries were in the batches.
  private(set) var drawn: [Bool] = []

  init(round: Int, firstStep: Int, rate: Double, signal: Double, places: [Int?]) {
    (self.round, self.firstStep, self.rate) = (round, firstStep, rate)
    (self.signal, self.places) = (signal, places)
  }

  mutating func add(_ values: [Float], drawn canaries: [Int]) {
    self.values += values
    var drawn = [Bool](repeating: false, count: places.count)
    for canary in canaries { drawn[canary] = true }
    self.drawn += drawn
  }

  var steps: Int { places.isEmpty ? 0 : values.count / places.count }

  func value(_ canary: Int, step: Int) -> Double { Double(values[step * places.count + canary]) }

  /// The noise alone, to whom knows whether the canary was drawn.
  func noise(_ canary: Int, step: Int) -> Double {
    let place = step * places.count + canary
    return Double(values[place]) - (drawn[place] ? signal : 0)
  }
}

extension CanaryTrace {
  /// The logarithm of the likelihood ratio of the canaries of one client, whose sums have another client's noise taken
  /// off: that client is known with all its coins. Nil for canaries that have no counterpart at the other client.
  static func contrast(_ own: [CanaryTrace], against others: [CanaryTrace]) -> [Double?] {
    guard let first = own.first else { return [] }
    var scores = [Double?](repeating: nil, count: first.places.count)
    let byRound = Dictionary(others.map { ([$0.round, $0.firstStep], $0) }) { first, _ in first }
    for trace in own {
      guard let other = byRound[[trace.round, trace.firstStep]] else { continue }
      let partners = Dictionary(
        other.places.enumerated().compactMap { index, place in place.map { ($0, index) } }
      ) { first, _ in first }
      for canary in trace.places.indices {
        guard let place = trace.places[canary], let partner = partners[place] else { continue }
        var sum = scores[canary] ?? 0
        for step in 0..<min(trace.steps, other.steps) {
          let rest = trace.value(canary, step: step) - other.noise(partner, step: step)
          sum += CanaryWitness.logRatio(
            (trace.signal * rest - trace.signal * trace.signal / 2) / 2, rate: trace.rate)
        }
        scores[canary] = sum
      }
    }
    return scores
  }

  /// The same for the differences of a client's rounds, one after another.
  static func contrastOfRounds(_ own: [CanaryTrace]) -> [Double?] {
    guard let first = own.first else { return [] }
    var scores = [Double?](repeating: nil, count: first.places.count)
    // Rounds may have parts, each with noise of its own.
    let parts = Dictionary(grouping: own, by: \.firstStep).values
    for (before, after) in parts.flatMap({ zip($0, $0.dropFirst()) })
    where before.places == after.places {
      for canary in before.places.indices where before.places[canary] != nil {
        var sum = scores[canary] ?? 0
        for step in 0..<min(before.steps, after.steps) {
          let rest = before.value(canary, step: step) - after.value(canary, step: step)
          sum += logRatio(of: rest, before: before, after: after)
        }
        scores[canary] = sum
      }
    }
    return scores
  }

  /// The canary is in none, one or both of the batches; the noise has variance 2.
  private static func logRatio(
    of rest: Double, before: CanaryTrace, after: CanaryTrace
  ) -> Double {
    func weighed(_ shift: Double, _ probability: Double) -> Double? {
      probability > 0
        ? Elementary.log(probability) + (shift * rest - shift * shift / 2) / 2 : nil
    }
    let (p, q) = (before.rate, after.rate)
    let terms = [
      weighed(0, (1 - p) * (1 - q)), weighed(before.signal, p * (1 - q)),
      weighed(-after.signal, (1 - p) * q), weighed(before.signal - after.signal, p * q),
    ].compactMap { $0 }
    let largest = terms.max() ?? 0
    return largest + Elementary.log(terms.reduce(0) { $0 + Elementary.exp($1 - largest) })
  }
}
