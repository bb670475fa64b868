// The streams' published known answers, their keys, and the laws of single draws.

import Kernels
import Testing

@Suite("Random streams")
struct RandomStreamTests {
  // Known answers from the Random123 distribution (kat_vectors, philox4x32 10).
  @Test("Philox4x32-10 gives the published known answers")
  func knownAnswers() {
    #expect(
      RandomStream.philox(counter: SIMD4(0, 0, 0, 0), key: SIMD2(0, 0))
        == SIMD4(0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
    #expect(
      RandomStream.philox(
        counter: SIMD4(repeating: 0xffff_ffff), key: SIMD2(repeating: 0xffff_ffff))
        == SIMD4(0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
    #expect(
      RandomStream.philox(
        counter: SIMD4(0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344),
        key: SIMD2(0xa409_3822, 0x299f_31d0))
        == SIMD4(0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
  }

  @Test("every part of the key changes the stream, and the same key repeats it")
  func keys() {
    func first(_ seed: UInt64, _ purpose: RandomPurpose, _ round: Int, _ client: Int, _ step: Int)
      -> UInt64
    {
      var stream = RandomStream(
        seed: seed, purpose: purpose, round: round, client: client, step: step)
      return stream.next()
    }
    let base = first(1, .gradientNoise, 2, 3, 4)
    #expect(base == first(1, .gradientNoise, 2, 3, 4))
    let others = [
      first(2, .gradientNoise, 2, 3, 4), first(1, .batchSampling, 2, 3, 4),
      first(1, .gradientNoise, 3, 3, 4), first(1, .gradientNoise, 2, 4, 4),
      first(1, .gradientNoise, 2, 3, 5),
    ]
    #expect(Set(others + [base]).count == 6)
  }

  @Test("uniform and Gaussian draws have the moments of their laws")
  func moments() {
    var stream = RandomStream(seed: 7, purpose: .test)
    let n = 200_000
    var sum = 0.0
    var square = 0.0
    var unit = 0.0
    for _ in 0..<n {
      let x = stream.nextGaussian()
      sum += x
      square += x * x
      unit += stream.nextUnit()
    }
    // Five standard errors each: 1/√n, √(2/n), √(1/12n).
    #expect(abs(sum / Double(n)) < 5 / Double(n).squareRoot())
    #expect(abs(square / Double(n) - 1) < 5 * (2 / Double(n)).squareRoot())
    #expect(abs(unit / Double(n) - 0.5) < 5 * (1 / (12 * Double(n))).squareRoot())
  }

  @Test("gamma draws have mean and variance equal to the shape", arguments: [0.05, 0.5, 1, 4.5])
  func gamma(shape: Double) {
    var stream = RandomStream(seed: 11, purpose: .test, step: Int(shape * 100))
    let n = 100_000
    let draws = (0..<n).map { _ in stream.nextGamma(shape: shape) }
    let mean = draws.reduce(0, +) / Double(n)
    #expect(abs(mean - shape) < 6 * (shape / Double(n)).squareRoot())
    #expect(draws.allSatisfy { $0 >= 0 && $0.isFinite })
  }
}
