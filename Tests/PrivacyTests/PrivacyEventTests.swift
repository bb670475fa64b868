import Foundation
import Privacy
import TestSupport
import Testing

@Suite("Events, whatever the accountant")
struct PrivacyEventTests {
  static let step = PrivacyEvent.poissonSampled(
    sampleRate: 0.03, event: .gaussian(noiseMultiplier: 0.9))
  static let kinds: [AccountantKind] = [.rdp, .pld, .best]

  @Test("six ways to say six times agree to the last bit", arguments: kinds)
  func sixTimes(kind: AccountantKind) throws {
    let step = Self.step
    let ways: [PrivacyEvent] = [
      .selfComposed(event: step, count: 6),
      .composed(Array(repeating: step, count: 6)),
      .selfComposed(event: .composed([step, step]), count: 3),
      .selfComposed(event: .selfComposed(event: step, count: 2), count: 3),
      .composed([.selfComposed(event: step, count: 5), .noRelease, step]),
      .composed([
        step, .selfComposed(event: .poissonSampled(sampleRate: 1, event: step), count: 5),
      ]),
    ]
    let epsilons = Set(try ways.map { try kind.accountant.epsilon(of: $0, delta: 1e-6) })
    #expect(epsilons.count == 1)
    #expect((epsilons.first ?? 0) > 0)
  }

  @Test("composition does not depend on order", arguments: kinds)
  func order(kind: AccountantKind) throws {
    let parts: [PrivacyEvent] = [
      .selfComposed(event: Self.step, count: 100), .gaussian(noiseMultiplier: 4),
      .gaussian(noiseMultiplier: 7.3), .exponentialMechanism(epsilon: 0.2), .pure(epsilon: 0.1),
      .trainingSteps(sampleRate: 0.001, noiseMultiplier: 0.6, count: 40),
    ]
    var generator = TestGenerator(seed: 8)
    let epsilons = Set(
      try (0..<5).map { _ in
        try kind.accountant.epsilon(
          of: .composed(parts.shuffled(using: &generator)), delta: 1e-6)
      })
    #expect(epsilons.count == 1)
  }

  @Test("nothing released costs nothing, raw data cost everything", arguments: kinds)
  func extremes(kind: AccountantKind) throws {
    let accountant = kind.accountant
    for event in [
      PrivacyEvent.noRelease, .composed([]), .selfComposed(event: .nonPrivate, count: 0),
      .poissonSampled(sampleRate: 0, event: .nonPrivate),
    ] {
      #expect(try accountant.epsilon(of: event, delta: 1e-6) == 0)
    }
    for event in [
      PrivacyEvent.nonPrivate, .composed([Self.step, .nonPrivate]), .gaussian(noiseMultiplier: 0),
      .poissonSampled(sampleRate: 0.1, event: .gaussian(noiseMultiplier: 0)),
    ] {
      #expect(try accountant.epsilon(of: event, delta: 1e-6) == .infinity)
    }
    #expect(try accountant.epsilon(of: Self.step, delta: 0) == .infinity)
    #expect(try accountant.epsilon(of: Self.step, delta: 1) == 0)
  }

  @Test("low-rank training without noise gets no epsilon", arguments: AccountantKind.allCases)
  func noiseFreeLowRank(kind: AccountantKind) {
    let event = PrivacyEvent.composed([Self.step, .noiseFreeLowRank(rank: 8)])
    let error = #expect(throws: AccountingError.self) {
      try kind.accountant.bound(for: event, delta: 1e-6)
    }
    #expect(error?.description.contains("rank-8") == true)
  }

  @Test(
    "numbers out of range are refused with their place",
    arguments: [
      (PrivacyEvent.gaussian(noiseMultiplier: -1), "noise_multiplier"),
      (.gaussian(noiseMultiplier: .nan), "noise_multiplier"),
      (.gaussian(noiseMultiplier: .infinity), "noise_multiplier"),
      (.poissonSampled(sampleRate: 1.5, event: step), "sample_rate"),
      (.poissonSampled(sampleRate: .nan, event: step), "sample_rate"),
      (.exponentialMechanism(epsilon: -0.1), "epsilon"),
      (.selfComposed(event: step, count: -1), "count"),
      (
        .selfComposed(event: .selfComposed(event: step, count: .max), count: 2), "count"
      ),
      (.poissonSampled(sampleRate: 0.5, event: .pure(epsilon: 1)), "sampling"),
    ])
  func refusals(event: PrivacyEvent, place: String) {
    for kind in AccountantKind.allCases {
      let error = #expect(throws: AccountingError.self) {
        try kind.accountant.bound(for: event, delta: 1e-6)
      }
      #expect(error?.description.contains(place) == true)
    }
    for delta in [-0.1, 1.1, .nan] {
      #expect(throws: AccountingError.self) {
        try RDPAccountant().bound(for: Self.step, delta: delta)
      }
    }
  }

  @Test("a sample of a sample is a sample at the product of the rates")
  func nestedSampling() throws {
    let nested = PrivacyEvent.poissonSampled(
      sampleRate: 0.5,
      event: .poissonSampled(sampleRate: 0.06, event: .gaussian(noiseMultiplier: 1)))
    let flat = PrivacyEvent.trainingSteps(sampleRate: 0.03, noiseMultiplier: 1, count: 1)
    #expect(
      try RDPAccountant().epsilon(of: nested, delta: 1e-6)
        == RDPAccountant().epsilon(of: flat, delta: 1e-6))
  }

  @Test("events survive JSON with the field's own names")
  func coding() throws {
    let event = PrivacyEvent.composed([
      .selfComposed(event: Self.step, count: 3), .noRelease, .nonPrivate, .pure(epsilon: 0.5),
      .exponentialMechanism(epsilon: 0.25), .noiseFreeLowRank(rank: 4),
    ])
    let data = try JSONEncoder().encode(event)
    #expect(try JSONDecoder().decode(PrivacyEvent.self, from: data) == event)
    let text = String(decoding: data, as: UTF8.self)
    for name in ["noise_multiplier", "sample_rate", "self_composed", "exponential_mechanism"] {
      #expect(text.contains(name))
    }
  }
}
