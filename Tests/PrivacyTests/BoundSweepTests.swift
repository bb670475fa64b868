// Two hundred random runs of DP-SGD against values that no grid of ours touches: Golden/bounds.json, which
// tools/golden-bounds writes.

import Foundation
import Privacy
import TestSupport
import Testing

@Suite("Bounds over a sweep")
struct BoundSweepTests {
  struct Case: Decodable, Sendable, CustomTestStringConvertible {
    var rate: Double
    var noise: Double
    var steps: Int
    var delta: Double
    /// By the closed form of a single step, or by a contour integral.
    var exact: Double?
    /// A pessimistic value of another library.
    var another: Double?

    private enum CodingKeys: String, CodingKey {
      case rate, noise, steps, delta, exact
      case another = "dp_accounting"
    }

    var testDescription: String { "q \(rate), σ \(noise), \(steps) steps, δ \(delta)" }

    var event: PrivacyEvent {
      .trainingSteps(sampleRate: rate, noiseMultiplier: noise, count: steps)
    }
  }

  static let cases = read("bounds.json")
  static let rareCases = read("rare.json")

  private static func read(_ name: String) -> [Case] {
    do {
      return try JSONDecoder().decode([Case].self, from: Data(contentsOf: goldenFile(name)))
    } catch {
      preconditionFailure("Golden/\(name) must be readable: \(error)")
    }
  }

  @Test("there are two hundred runs, some with an exact value, most with another library's")
  func coverage() {
    #expect(Self.cases.count == 200)
    #expect(Self.cases.count { $0.exact != nil } >= 40)
    #expect(Self.cases.count { $0.another != nil } >= 180)
  }

  @Test(
    "never below the truth, within a thousandth of it, and never above another bound",
    arguments: cases)
  func bounds(of run: Case) throws {
    let loss = try PLDAccountant().bound(for: run.event, delta: run.delta)
    let renyi = try RDPAccountant().bound(for: run.event, delta: run.delta)
    #expect(loss.epsilon <= renyi.epsilon)
    if let exact = run.exact {
      #expect(loss.epsilon >= exact * (1 - 1e-8), "\(loss.epsilon) \(exact)")
      // A thousandth, or where hardly anything is lost a ten-thousandth of a nat.
      #expect(loss.epsilon <= exact * (1 + 1e-3) + 1e-4, "\(loss.epsilon) \(exact)")
    }
    if let another = run.another {
      #expect(loss.epsilon <= another * (1 + 1e-3) + 1e-4, "\(loss.epsilon) \(another)")
    }
  }

  @Test(
    "where few steps lose much, no higher than another library's bound on a fine grid",
    arguments: rareCases)
  func rare(of run: Case) throws {
    let another = try #require(run.another)
    let loss = try PLDAccountant().bound(for: run.event, delta: run.delta)
    #expect(loss.epsilon <= another * 1.01, "\(loss.epsilon) \(another)")
  }

  @Test("the default is the smallest of the bounds", arguments: cases.prefix(20))
  func best(of run: Case) throws {
    let best = try BestAccountant().bound(for: run.event, delta: run.delta)
    let loss = try PLDAccountant().bound(for: run.event, delta: run.delta)
    let renyi = try RDPAccountant().bound(for: run.event, delta: run.delta)
    #expect(best.epsilon == min(loss.epsilon, renyi.epsilon))
  }

  @Test(
    "rare large losses, which a grid of typical ones is too fine for",
    arguments: [
      // (rate, noise, steps, δ, ε): 1,229,829 and 172 were answered once. At these ε hardly ever more than one
      // step matters, and steps times δ of one step, in closed form, is δ to half a percent.
      (1e-7, 0.4, 100_000, 1e-9, 0.462), (1e-5, 0.35, 10, 1e-8, 2.632_405),
    ])
  func rareLosses(rate: Double, noise: Double, steps: Int, delta: Double, exact: Double) throws {
    let event = PrivacyEvent.trainingSteps(sampleRate: rate, noiseMultiplier: noise, count: steps)
    let found = try PLDAccountant().epsilon(of: event, delta: delta)
    #expect(isClose(found, exact, relative: 2e-3), "\(found)")
  }

  @Test("where δ covers the total variation of all releases, ε is 0")
  func totalVariation() throws {
    let event = PrivacyEvent.trainingSteps(sampleRate: 1e-7, noiseMultiplier: 0.3, count: 1000)
    // 1000 · 1e-7 · (2Φ(1/0.6) − 1) = 9.04e-5.
    #expect(try PLDAccountant().epsilon(of: event, delta: 9.1e-5) == 0)
    #expect(try PLDAccountant().epsilon(of: event, delta: 1e-6) > 0.001)
  }
}
