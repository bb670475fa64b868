// Hardened noise and the operating system's bits: law, range, independence.

import Kernels
import RealModule
import Testing

private func draw(_ count: Int, seed: UInt64 = 1, step: Int = 0) -> [Float] {
  var stream = RandomStream(seed: seed, purpose: .test, step: step)
  var values = [Float](repeating: 0, count: count)
  HardenedNoise.add(to: &values, in: 0..<count, standardDeviation: 1, using: &stream)
  return values
}

@Suite("Hardened noise")
struct HardenedNoiseTests {
  @Test("moments and tails are those of the standard normal")
  func law() {
    let n = 300_000
    let values = draw(n)
    var sums = [Double](repeating: 0, count: 5)
    for v in values { for k in 1...4 { sums[k] += Double.pow(Double(v), k) } }
    let root = Double(n).squareRoot()
    // Six standard errors: variances of x, x², x³, x⁴ are 1, 2, 15, 96.
    #expect(abs(sums[1] / Double(n)) < 6 / root)
    #expect(abs(sums[2] / Double(n) - 1) < 6 * 2.0.squareRoot() / root)
    #expect(abs(sums[3] / Double(n)) < 6 * 15.0.squareRoot() / root)
    #expect(abs(sums[4] / Double(n) - 3) < 6 * 96.0.squareRoot() / root)
    for threshold: Float in [-3.5, -2.5, -1, -0.2, 0.4, 1.5, 3, 4] {
      let expected = 0.5 * Double.erfc(-Double(threshold) / 2.0.squareRoot())
      let seen = Double(values.count { $0 <= threshold }) / Double(n)
      let error = (expected * (1 - expected) / Double(n)).squareRoot()
      #expect(abs(seen - expected) < 6 * error, "P(X <= \(threshold))")
    }
  }

  @Test("different keys and neighbouring elements are uncorrelated, equal keys the same")
  func independence() {
    let n = 50_000
    let base = draw(n)
    #expect(base == draw(n))
    let shifted = Array(base.dropFirst()) + [0]
    for other in [draw(n, seed: 2), draw(n, step: 1), shifted] {
      let correlation = zip(base, other).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
      #expect(abs(correlation / Double(n)) < 6 / Double(n).squareRoot())
    }
  }

  @Test("noise adds, scales, and stays within its range; every element takes the same draws")
  func range() {
    var stream = RandomStream(seed: 1, purpose: .test)
    var values = [Float](repeating: 7, count: 50)
    HardenedNoise.add(to: &values, in: 10..<40, standardDeviation: 2, using: &stream)
    #expect(values[..<10].allSatisfy { $0 == 7 } && values[40...].allSatisfy { $0 == 7 })
    let unit = draw(30)
    for i in 0..<30 { #expect(abs(values[10 + i] - (7 + 2 * unit[i])) < 1e-5) }
    // Eight draws a normal: the stream stands where 240 draws leave it.
    var twin = RandomStream(seed: 1, purpose: .test)
    for _ in 0..<240 { _ = twin.next() }
    #expect(stream.next() == twin.next())
  }

  @Test("fast noise of a range is the part of the whole vector's noise")
  func fastRange() {
    func add(_ range: Range<Int>?) -> [Float] {
      var values = [Float](repeating: 0, count: 200)
      GaussianNoise.add(
        to: &values, in: range, standardDeviation: 1.5, seed: 3, purpose: .test, round: 1,
        client: 2, step: 3)
      return values
    }
    let whole = add(nil)
    for range in [0..<200, 0..<1, 31..<33, 32..<64, 5..<199, 100..<100, 64..<200, 7..<40] {
      let part = add(range)
      for i in 0..<200 { #expect(part[i] == (range.contains(i) ? whole[i] : 0)) }
    }
  }
}

@Suite("The operating system's randomness")
struct SystemRandomnessTests {
  @Test("bits are balanced and words differ, across refills and generators")
  func bits() {
    var generator = SystemRandomness()
    var other = SystemRandomness()
    let words = (0..<10_000).map { _ in generator.next() }
    #expect(Set(words).count == words.count)
    #expect(words.prefix(100).allSatisfy { _ in !words.contains(other.next()) })
    // Each of 64 bits is set in half the words: six standard errors, one failure in 10⁷.
    for bit in 0..<64 {
      let set = words.count { $0 >> UInt64(bit) & 1 == 1 }
      #expect(abs(Double(set) - 5_000) < 6 * 50)
    }
  }

  @Test("a stream is its seed's, unless the system takes its place")
  func stream() {
    let seeded = RandomStream(seed: 4, purpose: .test)
    var (plain, twin) = (seeded, NoiseStream(seeded, usesSystem: false))
    var system = NoiseStream(seeded, usesSystem: true)
    var again = NoiseStream(seeded, usesSystem: true)
    for _ in 0..<300 {
      let word = plain.next()
      #expect(twin.next() == word)
      #expect(system.next() != word)
      #expect(system.next() != again.next())
    }
  }
}
