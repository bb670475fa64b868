// The law of the bulk noise, its reproducibility, and the independence of its keys.

import Kernels
import RealModule
import Testing

private func draw(
  _ count: Int, seed: UInt64 = 1, round: Int = 0, client: Int = 0, step: Int = 0,
  standardDeviation: Float = 1
) -> [Float] {
  var values = [Float](repeating: 0, count: count)
  GaussianNoise.add(
    to: &values, standardDeviation: standardDeviation, seed: seed, purpose: .gradientNoise,
    round: round, client: client, step: step)
  return values
}

@Suite("Gaussian noise in bulk")
struct GaussianNoiseTests {
  @Test("moments are those of the standard normal")
  func moments() {
    let n = 2_000_000
    let values = draw(n)
    var sums = [Double](repeating: 0, count: 5)
    for v in values {
      var power = 1.0
      for k in 1...4 {
        power *= Double(v)
        sums[k] += power
      }
    }
    let root = Double(n).squareRoot()
    // Six standard errors (one failure in 5·10⁸): variances of x, x², x³, x⁴ are 1, 2, 15, 96.
    #expect(abs(sums[1] / Double(n)) < 6 / root)
    #expect(abs(sums[2] / Double(n) - 1) < 6 * 2.0.squareRoot() / root)
    #expect(abs(sums[3] / Double(n)) < 6 * 15.0.squareRoot() / root)
    #expect(abs(sums[4] / Double(n) - 3) < 6 * 96.0.squareRoot() / root)
  }

  @Test("tails and centre have the probabilities of the normal law")
  func tails() {
    let n = 2_000_000
    let values = draw(n, seed: 2)
    for threshold: Float in [-4, -3, -2, -1, -0.1, 0.5, 1.5, 2.5, 3.5, 4.5] {
      let expected = 0.5 * Double.erfc(-Double(threshold) / 2.0.squareRoot())
      let seen = Double(values.count { $0 <= threshold }) / Double(n)
      let error = (expected * (1 - expected) / Double(n)).squareRoot()
      #expect(abs(seen - expected) < 6 * error, "P(X <= \(threshold))")
    }
  }

  @Test("every block of the generator is Philox: two normals of a block by the textbook formula")
  func reference() {
    // Lane k of the first vector pairs words 0 and 1 of counter k.
    let values = draw(64, seed: 9, round: 3, client: 5, step: 7)
    var stream = RandomStream(seed: 9, purpose: .gradientNoise, round: 3, client: 5, step: 7)
    for k in 0..<8 {
      let first = stream.next()
      let second = stream.next()
      for (word, offset) in [(first, 0), (second, 16)] {
        let u = (Double(UInt32(truncatingIfNeeded: word)) + 0.5) / 0x1p32
        let angle = 2 * Double.pi * Double(UInt32(truncatingIfNeeded: word >> 32)) / 0x1p32
        let radius = (-2 * Double.log(u)).squareRoot()
        #expect(abs(Double(values[offset + k]) - radius * Double.cos(angle)) < 2e-5)
        #expect(abs(Double(values[offset + 8 + k]) - radius * Double.sin(angle)) < 2e-5)
      }
    }
  }

  @Test("a uniform whose 32 bits are zero has 64 more, in whichever lane it is")
  func deepTail() {
    for lane in 0..<8 {
      var words = SIMD8<UInt32>(repeating: 0x8000_0001)
      #expect(!GaussianNoise.hasZero(words, words))
      words[lane] = 0
      #expect(GaussianNoise.hasZero(words, SIMD8(repeating: 1)))
      #expect(GaussianNoise.hasZero(SIMD8(repeating: .max), words))
    }
    // The radius is √(−2 ln U), and the first 32 bits gave it for U = 2⁻³³.
    let usual = (2 * 33 * Double.log(2)).squareRoot()
    for word: UInt64 in [0, 1, 1 << 20, 1 << 40, 1 << 63, .max] {
      let u = (Double(word) + 0.5) / 0x1p64 / 0x1p32
      let radius = (-2 * Double.log(u)).squareRoot()
      #expect(abs(Double(GaussianNoise.tailFactor(word)) * usual - radius) < 2e-6)
    }
    #expect(Double(GaussianNoise.tailFactor(0)) * usual > 11.5)
    // P(U < x) = 2³² x below 2⁻³²: of many, half are longer than for U = 2⁻³³.
    let stream = RandomStream(seed: 3, purpose: .gradientNoise)
    let longer = (0..<4000).count {
      GaussianNoise.tailFactor(block: UInt32($0), pair: UInt32($0 % 2), of: stream) > 1
    }
    #expect(abs(Double(longer) / 4000 - 0.5) < 6 * 0.5 / 4000.0.squareRoot())
  }

  @Test("an element does not depend on the length of the vector")
  func prefix() {
    let long = draw(1000)
    for count in [0, 1, 7, 31, 32, 33, 999] {
      #expect(draw(count) == Array(long.prefix(count)))
    }
  }

  @Test("different keys give uncorrelated noise, equal keys the same")
  func keys() {
    let n = 100_000
    let base = draw(n)
    #expect(base == draw(n))
    let others = [draw(n, seed: 2), draw(n, round: 1), draw(n, client: 1), draw(n, step: 1)]
    for other in others {
      let correlation = zip(base, other).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
      #expect(abs(correlation / Double(n)) < 6 / Double(n).squareRoot())
    }
  }

  @Test("the standard deviation scales and the noise adds")
  func scale() {
    let unit = draw(100)
    var values = [Float](repeating: 5, count: 100)
    GaussianNoise.add(
      to: &values, standardDeviation: 3, seed: 1, purpose: .gradientNoise, round: 0, client: 0,
      step: 0)
    for i in 0..<100 { #expect(abs(values[i] - (5 + 3 * unit[i])) < 1e-5) }
  }
}
