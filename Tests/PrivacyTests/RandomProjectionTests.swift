// The price of noise before a fresh projection: against published values, the plain accountant, and the exact privacy loss.

import Foundation
import Kernels
import Privacy
import Testing

@Suite("Noise before a projection")
struct RandomProjectionTests {
  private static func steps(
    _ rank: Int, of dimension: Int, noise: Double, rate: Double = 1, count: Int = 1
  ) -> PrivacyEvent {
    .trainingSteps(
      sampleRate: rate, noiseMultiplier: noise,
      projection: RandomProjection(rank: rank, dimension: dimension), count: count)
  }

  private static func plain(noise: Double, rate: Double = 1, count: Int = 1) -> PrivacyEvent {
    .trainingSteps(sampleRate: rate, noiseMultiplier: noise, count: count)
  }

  /// The Rényi divergence at an order of the accountant.
  private static func divergence(_ event: PrivacyEvent, order: Double) throws -> Double {
    let curve = try RDPAccountant().curve(of: event)
    return curve.divergences[try #require(curve.orders.firstIndex(of: order))]
  }

  @Test("the curve is amplified as the hypergeometric formula says")
  func curve() throws {
    func renyi(_ rank: Int, noise: Double = 1, order: Double = 8) throws -> Double {
      try Self.divergence(Self.steps(rank, of: 768, noise: noise), order: order)
    }
    #expect(abs(try renyi(16) - 0.0864) < 5e-5)
    #expect(abs(try renyi(768) - 4) < 1e-9)
    for rank in [700, 760, 767] {
      let found = try renyi(rank)
      #expect(found < 4 && found > 3)
    }
    // Small μ: α μ²/2 · r/d.
    #expect(abs(try renyi(16, noise: 100, order: 2) / (0.0001 * 16 / 768) - 1) < 1e-3)
    // Orders whose sums are not computed count as if nothing were projected.
    #expect(try renyi(16, order: 1024) == 512)
  }

  @Test(
    "with all directions kept it is the plain bound, with fewer it is less", arguments: [0.05, 1])
  func whole(rate: Double) throws {
    for noise in [0.8, 10] {
      for accountant in [AccountantKind.rdp, .best].map(\.accountant) {
        let plain = try accountant.epsilon(
          of: Self.plain(noise: noise, rate: rate, count: 40), delta: 1e-5)
        var last = 0.0
        for rank in [1, 20, 30] {
          let projected = try accountant.epsilon(
            of: Self.steps(rank, of: 30, noise: noise, rate: rate, count: 40), delta: 1e-5)
          // Grids of orders and losses differ.
          #expect(
            projected >= last && projected <= plain * (1 + 1e-4), "noise \(noise), rank \(rank)")
          last = projected
        }
        #expect(abs(last / plain - 1) < 1e-4)
      }
    }
  }

  @Test("other releases beside it are added, at the orders that both have")
  func composed() throws {
    let both = PrivacyEvent.composed([
      Self.steps(2, of: 40, noise: 1, rate: 0.1, count: 20), Self.plain(noise: 3),
      .exponentialMechanism(epsilon: 0.1),
    ])
    for order in [2.0, 7, 64, 128] {
      var sum = 0.0
      for event in [
        Self.steps(2, of: 40, noise: 1, rate: 0.1, count: 20), Self.plain(noise: 3),
        .exponentialMechanism(epsilon: 0.1),
      ] {
        sum += try Self.divergence(event, order: order)
      }
      #expect(abs(try Self.divergence(both, order: order) / sum - 1) < 1e-12)
    }
    // Neither sampled together with something else, nor by Gaussian differential privacy.
    #expect(throws: AccountingError.self) {
      try RDPAccountant().epsilon(
        of: .poissonSampled(sampleRate: 0.1, event: both), delta: 1e-5)
    }
    #expect(throws: AccountingError.self) {
      try GDPAccountant().epsilon(of: Self.steps(2, of: 40, noise: 1), delta: 1e-5)
    }
  }

  /// P(normal > x).
  private func tail(_ x: Double) -> Double { 0.5 * Elementary.erfc(x / 2.0.squareRoot()) }

  /// The larger of both directions' δ at ε of one Poisson-sampled Gaussian with this shift.
  private func delta(epsilon: Double, shift m: Double, rate q: Double) -> Double {
    func place(_ ratio: Double) -> Double {
      (Elementary.log((ratio - 1 + q) / q) + m * m / 2) / m
    }
    let up = Elementary.exp(epsilon)
    let above = place(up)
    let added = (1 - q) * tail(above) + q * tail(above - m) - up * tail(above)
    guard 1 / up > 1 - q else { return added }
    let below = place(1 / up)
    let removed =
      (1 - tail(below)) - up * ((1 - q) * (1 - tail(below)) + q * (1 - tail(below - m)))
    return max(added, removed)
  }

  @Test(
    "the exact δ of one release is below the stated one, and not with a third of the noise",
    arguments: [(1, 0.3), (4, 0.3), (16, 0.3), (4, 1)])
  func exact(rank: Int, rate: Double) throws {
    let stated = 1e-3
    for epsilon in [0.3, 1, 3] {
      let noise = try Calibration.calibrate(
        targetEpsilon: epsilon, delta: stated, accountant: RDPAccountant()
      ) { Self.steps(rank, of: 64, noise: $0, rate: rate) }.noiseMultiplier
      func found(_ noise: Double) -> Double {
        var stream = RandomStream(seed: 1, purpose: .test)
        var sum = 0.0
        for _ in 0..<20_000 {
          let kept = stream.nextGamma(shape: Double(rank) / 2)
          let lost = stream.nextGamma(shape: Double(64 - rank) / 2)
          let shift = (kept / (kept + lost)).squareRoot() / noise
          sum += max(delta(epsilon: epsilon, shift: max(shift, 1e-9), rate: rate), 0)
        }
        return sum / 20_000
      }
      #expect(found(noise) <= stated, "ε \(epsilon), noise \(noise)")
      #expect(found(noise / 3) > stated, "ε \(epsilon), noise \(noise)")
    }
  }

  @Test("a projection beside a sampled batch is not lost where that batch is sampled again")
  func besideSampled() throws {
    let sampled = PrivacyEvent.poissonSampled(sampleRate: 0.5, event: .gaussian(noiseMultiplier: 5))
    let both = PrivacyEvent.composed([
      sampled,
      .projectedGaussian(
        noiseMultiplier: 0.5, projection: RandomProjection(rank: 3, dimension: 20)),
    ])
    #expect(throws: AccountingError.self) {
      try RDPAccountant().bound(
        for: .poissonSampled(sampleRate: 0.5, event: both), delta: 1e-5)
    }
  }

  @Test("a ledger keeps the projection, and costs what its event costs")
  func ledger() throws {
    let entry = LedgerEntry.gaussian(
      round: 1, client: 2, noiseMultiplier: 1.1, sampleRate: 0.02, maxGradNorm: 1, sensitivity: 1,
      projection: RandomProjection(rank: 3, dimension: 20), count: 30)
    #expect(entry.event == Self.steps(3, of: 20, noise: 1.1, rate: 0.02, count: 30))
    var ledger = PrivacyLedger([entry])
    ledger.append(
      .gaussian(
        round: 1, client: 2, noiseMultiplier: 1.1, sampleRate: 0.02, maxGradNorm: 1, sensitivity: 1)
    )
    #expect(ledger.entries.count == 2)
    #expect(try PrivacyLedger(jsonLines: ledger.jsonLines()) == ledger)
    let event = try JSONDecoder().decode(
      PrivacyEvent.self, from: JSONEncoder().encode(ledger.cost))
    #expect(event == ledger.cost)
    // All directions are no projection.
    let all = LedgerEntry.gaussian(
      round: 1, client: 2, noiseMultiplier: 1.1, maxGradNorm: 1, sensitivity: 1,
      projection: RandomProjection(rank: 20, dimension: 20))
    #expect(all.event == .gaussian(noiseMultiplier: 1.1))
    for (rank, dimension) in [(nil, 20), (3, nil), (21, 20), (0, 20)] as [(Int?, Int?)] {
      #expect(throws: LedgerEntryError.self) {
        try LedgerEntry(
          round: 1, client: 0, purpose: "training", mechanism: "gaussian", noiseMultiplier: 1,
          sampleRate: 1, selectionEpsilon: nil, sensitivity: 1, maxGradNorm: 1, rank: rank,
          dimension: dimension, thresholdNoiseMultiplier: nil, count: 1)
      }
    }
  }
}
