// Private choices are held against their mechanism: by hand, and by how often sound and broken ones are refuted.

import Kernels
import Privacy
import TestSupport
import Testing

@Suite("A test of private choices")
struct ChoiceTestTests {
  /// Choices of three candidates that differ by a few records.
  private func choices(
    _ count: Int, factor: Double, epsilon: Double = 0.1, using stream: inout RandomStream
  ) throws -> [(scores: [Double], chosen: Int)] {
    let mechanism = ExponentialMechanism(epsilon: epsilon, sensitivity: 0.5)
    return try (0..<count).map { _ in
      let utilities = (0..<3).map { _ in (20 * stream.nextUnit()).rounded() }
      let chosen = try mechanism.release(
        utilities: utilities.map { factor * $0 }, using: &stream
      ).value
      return (utilities.map { epsilon * $0 }, chosen)
    }
  }

  @Test("two choices by hand")
  func byHand() {
    // Odds of 2 to 1 under the mechanism, 4 to 1 with an excess of two, and so on; the better one is taken twice.
    let score = [Elementary.log(2), 0]
    let test = ChoiceTest(on: [(score, 0), (score, 0)], significance: 0.05)
    let ratios = [4.0 / 5, 16.0 / 17, 65_536.0 / 65_537, 1].map { ($0 / (2.0 / 3)) }
    let mean = ratios.reduce(0) { $0 + $1 * $1 } / 4
    #expect(isClose(test.pValue, 1 / mean, relative: 1e-12))
    #expect(test.best == 2 && isClose(test.expectedBest, 4.0 / 3, relative: 1e-12))
    #expect(test.choices == 2 && !test.isRefuted)
    // The worse one speaks for less of an excess.
    let other = ChoiceTest(on: [(score, 1)], significance: 0.05)
    #expect(other.pValue == 1 && other.best == 0)
    #expect(ChoiceTest(on: [], significance: 0.05).pValue == 1)
  }

  @Test("choices of the mechanism are refuted no more often than the significance")
  func level() throws {
    var stream = RandomStream(seed: 11, purpose: .test)
    var refuted = 0
    for _ in 0..<1000 {
      let own = try choices(30, factor: 1, using: &stream)
      if ChoiceTest(on: own, significance: 0.05).isRefuted { refuted += 1 }
    }
    #expect(refuted <= 50, "\(refuted) of 1000")
  }

  @Test(
    "choices without noise, and by utilities that count twice, are refuted", arguments: [2, 1e9])
  func power(factor: Double) throws {
    var stream = RandomStream(seed: 12, purpose: .test)
    var refuted = 0
    for _ in 0..<100 {
      let own = try choices(factor > 2 ? 40 : 400, factor: factor, using: &stream)
      if ChoiceTest(on: own, significance: 0.003).isRefuted { refuted += 1 }
    }
    #expect(refuted >= 90, "\(refuted) of 100")
  }

  @Test("records without which all candidates are alike say nothing")
  func ties() {
    let test = ChoiceTest(
      on: (0..<50).map { ([3, 3, 3], $0 % 3) }, significance: 0.05)
    #expect(isClose(test.pValue, 1, relative: 1e-9) && test.best == 50)
    #expect(isClose(test.expectedBest, 50, relative: 1e-9))
  }
}
