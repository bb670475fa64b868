// Private quantiles against counts by brute force and the closed form of their law.

import Foundation
import Kernels
import Privacy
import Testing

@Suite("Private quantiles")
struct QuantileChoiceTests {
  private func values(_ count: Int, seed: UInt64) -> [Double] {
    var stream = RandomStream(seed: seed, purpose: .test)
    // Some beyond the bounds, some equal, some exactly on candidates.
    return (0..<count).map { index in
      switch index % 5 {
      case 0: QuantileChoice.candidate(Int(stream.next() % 512))
      case 1: 0.25
      default: 0.7 * stream.nextGaussian()
      }
    }
  }

  @Test("utilities are what counting says, with values beyond the bounds at the bounds")
  func counted() {
    for (count, level) in [(0, 0.5), (1, 0.1), (37, 0.1), (200, 0.9)] {
      let values = values(count, seed: UInt64(count))
      let utilities = QuantileChoice(level: level).utilities(of: values)
      #expect(utilities.count == QuantileChoice.candidateCount)
      for index in utilities.indices {
        let below = values.count { min(max($0, -1), 1) <= QuantileChoice.candidate(index) }
        #expect(utilities[index] == -abs(Double(below) - level * Double(count)))
      }
    }
  }

  @Test("one value more moves no utility by more than the sensitivity, and some by all of it")
  func sensitivity() {
    for level in [0.1, 0.5, 0.9] {
      let quantile = QuantileChoice(level: level)
      var largest = 0.0
      for seed in 0..<6 as Range<UInt64> {
        let before = values(30, seed: seed)
        for added in [-3, -1, -0.4, 0.25, 1, 5] {
          let moved =
            zip(quantile.utilities(of: before), quantile.utilities(of: before + [added]))
            .map { abs($0 - $1) }.max() ?? 0
          #expect(moved <= quantile.sensitivity + 1e-12)
          largest = max(largest, moved)
        }
      }
      #expect(abs(largest - quantile.sensitivity) < 1e-12)
    }
  }

  @Test("choices follow the closed form exp(εu/2Δ)/Σ, and are not the best candidate alone")
  func law() throws {
    let quantile = QuantileChoice(level: 0.9)
    let (values, epsilon, draws) = (values(25, seed: 4), 0.4, 2000)
    let weights = quantile.utilities(of: values).map { exp(epsilon * $0 / (2 * 0.9)) }
    let total = weights.reduce(0, +)
    var stream = RandomStream(seed: 8, purpose: .test)
    var counts = [Double](repeating: 0, count: 8)
    for _ in 0..<draws {
      let value = try quantile.release(of: values, epsilon: epsilon, using: &stream).value
      let index = Int(((value + 1) / 2 * 511).rounded())
      #expect(QuantileChoice.candidate(index) == value)
      counts[index / 64] += 1
    }
    var likely = 0
    for part in 0..<8 {
      let share = weights[64 * part..<64 * (part + 1)].reduce(0, +) / total
      let deviation = (share * (1 - share) / Double(draws)).squareRoot()
      #expect(abs(counts[part] / Double(draws) - share) < 5 * deviation + 1e-9)
      if share > 0.01 { likely += 1 }
    }
    #expect(likely >= 3)
  }

  @Test("without privacy the best candidate comes out; what is no number is refused")
  func exact() {
    let quantile = QuantileChoice(level: 0.5)
    let value = quantile.exactly(of: [-0.9, 0.1, 0.8, 0.9]).value
    #expect(value >= 0.1 && value < 0.1 + 2.0 / 511)
    var stream = RandomStream(seed: 1, purpose: .test)
    #expect(throws: AccountingError.self) {
      try quantile.release(of: [.nan], epsilon: 1, using: &stream)
    }
  }

  @Test("the error of ranks bounds what is seen, where values are dense")
  func rankError() throws {
    let quantile = QuantileChoice(level: 0.1)
    let values = (0..<2000).map { Double($0) / 1000 - 1 }
    let epsilon = 0.1
    let bound = quantile.rankError(epsilon: epsilon, probability: 0.9)
    var stream = RandomStream(seed: 2, purpose: .test)
    var beyond = 0
    for _ in 0..<60 {
      let value = try quantile.release(of: values, epsilon: epsilon, using: &stream).value
      if abs(Double(values.count { $0 <= value }) - 200) > bound + 4 { beyond += 1 }
    }
    #expect(beyond <= 6)
  }
}
