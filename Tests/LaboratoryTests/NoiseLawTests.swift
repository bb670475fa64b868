// The formulas of the laboratory against numbers computed elsewhere (lora.md E.3) and against draws.

import Kernels
import Laboratory
import Scenarios
import Testing

@Suite("The law of LoRA's noise")
struct NoiseLawTests {
  @Test("distances to a normal law have the published values")
  func distances() {
    // Quadrature of another program, four digits.
    // Those come from a quadrature, the formula is its leading term: 0.011 below at rank 1.
    for (rank, value) in [
      1: 0.927, 4: 0.852, 16: 0.732, 64: 0.549, 256: 0.323, 768: 0.166, 4096: 0.042,
    ] {
      let distance = NoiseLaw.rowDistance(columns: 768, rank: rank)
      #expect(abs(distance - value) < 0.012, "rank \(rank): \(distance)")
    }
    for n in [10, 500, 4000] {
      #expect(abs(NoiseLaw.rowDistance(columns: n, rank: n) - 0.166) < 1e-3)
    }
    // Between the extremes the skew decides: leading term 0.1258 (6c + 2c³)/((1 + c²)^1.5 √r).
    let c = 0.3
    let leading =
      0.1258 * (6 * c + 2 * c * c * c) / ((1 + c * c) * (1 + c * c).squareRoot()) / 16
    #expect(abs(NoiseLaw.coordinateDistance(c: c, rank: 256) / leading - 1) < 0.1)
  }

  @Test("the exact distance of a whole row lies above the formula, which looks at lengths alone")
  func row() {
    var stream = RandomStream(seed: 2, purpose: .test)
    var before = 1.0
    for r in [4, 16, 64, 256, 768] {
      let drawn = NoiseLaw.sampledRowDistance(columns: 768, rank: r, draws: 40_000, using: &stream)
      // The part along g tells the length of the rest, which a normal law does not know: 0.03 to 0.15 more.
      #expect(drawn > NoiseLaw.rowDistance(columns: 768, rank: r) - 0.01)
      #expect(drawn < NoiseLaw.rowDistance(columns: 768, rank: r) + 0.15)
      #expect(drawn < before)
      before = drawn
    }
    // Far more rank than length: everything is nearly normal.
    let near = NoiseLaw.sampledRowDistance(columns: 8, rank: 4000, draws: 20_000, using: &stream)
    #expect(near < 0.05)
  }

  @Test("the measured variance is that of the formula, for normal and uniform entries")
  func variance() {
    let study = NoiseStudy.synthetic(rows: 1, columns: 64, seed: 5)
    for entries in [NoiseStudy.Entries.normal, .uniform] {
      let measured = study.variance(rank: 8, entries: entries, draws: 4000)
      #expect(abs(measured.ratio - 1) < 0.03)
      #expect(abs(measured.energy - 1) < 0.02)
    }
    // A gradient along one coordinate shows the kurtosis: (1 + κ − 2)/r is 2/r or 0.8/r there.
    var spike = Matrix(rows: 1, columns: 40)
    spike[0, 0] = 1
    let peaked = NoiseStudy(gradient: spike, source: "spike", seed: 6)
    var stream = RandomStream(seed: 7, purpose: .test)
    for (entries, expected) in [(NoiseStudy.Entries.normal, 2.0), (.uniform, 0.8)] {
      var square = 0.0
      for _ in 0..<20_000 {
        let n = peaked.noise(
          NoiseStudy.drawA(rank: 5, columns: 40, entries: entries, using: &stream))
        square += n[0, 0] * n[0, 0]
      }
      #expect(abs(square / 20_000 * 5 / expected - 1) < 0.05)
    }
  }

  @Test("frozen A repeats its noise, fresh A does not; rows share it")
  func dependence() {
    let study = NoiseStudy.synthetic(rows: 4, columns: 200, seed: 8)
    let frozen = study.dependence(rank: 8, resampled: false)
    let fresh = study.dependence(rank: 8, resampled: true, steps: 200)
    #expect(frozen.lag > 0.999_999)
    #expect(abs(fresh.lag) < 0.05)
    // Two equal rows have equal noise, whatever A.
    let row = study.gradient.row(0)
    let twins = NoiseStudy(gradient: Matrix(rows: [row, row]), source: "twins", seed: 9)
    #expect(twins.dependence(rank: 8, resampled: true).rows > 0.999_999)
    #expect(abs(twins.dependence(rank: 8, resampled: true).predictedRows - 1) < 1e-12)
  }

  @Test(
    "a projection of lower rank than the gradient is seen; its product with the gradient is symmetric"
  )
  func singular() throws {
    let study = NoiseStudy.synthetic(rows: 6, columns: 50, seed: 10)
    #expect(try study.gradientRank() == 6)
    for rank in 1...5 { #expect(try study.isSingular(rank: rank)) }
    #expect(try !study.isSingular(rank: 6))
    for rank in [1, 6, 40] { #expect(study.asymmetry(rank: rank) < 1e-12) }
  }
}

@Suite("Projections and privacy")
struct ProjectionPrivacyTests {
  @Test("epsilon of one released vector has the published values")
  func vector() {
    func epsilon(_ rank: Int, draws: Int = 1_000_000) -> Double {
      let mechanism = VectorMechanism(dimension: 768, rank: rank, misalignment: 1e-4)
      var stream = RandomStream(seed: 3, purpose: .test, round: rank)
      return VectorMechanism.epsilon(
        of: mechanism.losses(count: draws, using: &stream), delta: 1e-4)
    }
    #expect(abs(epsilon(64) - 0.44) < 0.02)
    #expect(abs(epsilon(8) - 0.84) < 0.05)
    // U-shaped in the rank.
    #expect(epsilon(768, draws: 300_000) > 1.1)
    let eight = VectorMechanism(dimension: 768, rank: 8, misalignment: 1e-4).nominalPrecision
    #expect(abs(eight * eight - 2e-4 * 8) < 1e-12)
  }

  @Test(
    "the theorem's bound has the values of its authors' figure, and lies above the exact epsilon")
  func bound() throws {
    for (rank, value) in [100: 793.0, 120: 732, 200: 660, 300: 682, 400: 738] {
      let mechanism = VectorMechanism(dimension: 400, rank: rank, misalignment: 0.5)
      let bound = try #require(mechanism.bound(delta: 0.01))
      #expect(abs(bound / value - 1) < 0.03, "rank \(rank): \(bound)")
      var stream = RandomStream(seed: 4, purpose: .test, round: rank)
      let exact = VectorMechanism.epsilon(
        of: mechanism.losses(count: 100_000, using: &stream), delta: 0.01)
      #expect(exact < bound)
    }
  }

  @Test("losses have expectation e^-L = P[not infinite] under v")
  func normalisation() {
    // E_v[e^{-L}] is the neighbour's mass on v's half-space, 1 for close neighbours.
    let mechanism = VectorMechanism(dimension: 20, rank: 6, misalignment: 1e-3)
    var stream = RandomStream(seed: 5, purpose: .test)
    let losses = mechanism.losses(count: 400_000, using: &stream)
    let mean = losses.reduce(0.0) { $0 + ($1.isFinite ? Double.exponential(-$1) : 0) } / 400_000
    #expect(abs(mean - 1) < 0.02)
  }

  @Test("a released matrix gives itself away; a single column cannot")
  func matrix() throws {
    var stream = RandomStream(seed: 6, purpose: .test)
    for rank in [1, 4, 16, 64] {
      for columns in [2, 5] {
        let v = MatrixAttack.gaussian(60, columns, using: &stream)
        let change = MatrixAttack.gaussian(60, columns, deviation: 1e-3, using: &stream)
        let other = Matrix(
          rows: 60, columns: columns, elements: zip(v.elements, change.elements).map { $0 + $1 })
        let release = MatrixAttack.release(of: v, rank: rank, using: &stream)
        #expect(try #require(MatrixAttack.asymmetry(candidate: v, release: release)) < 1e-12)
        #expect(try #require(MatrixAttack.asymmetry(candidate: other, release: release)) > 1e-5)
      }
      let column = MatrixAttack.gaussian(60, 1, using: &stream)
      let release = MatrixAttack.release(of: column, rank: rank, using: &stream)
      #expect(MatrixAttack.asymmetry(candidate: column, release: release) == nil)
    }
  }

  @Test("chi-square and Student quantiles have the values of tables")
  func tables() {
    for (p, k, value) in [(0.95, 1.0, 3.8415), (0.99, 10.0, 23.2093), (0.5, 100.0, 99.3341)] {
      #expect(abs(SpecialLaws.chiSquareQuantile(p, degrees: k) - value) < 1e-3)
    }
    for (tail, k, value) in [(0.025, 1.0, 12.7062), (0.025, 10.0, 2.2281), (0.005, 100.0, 2.6259)] {
      #expect(abs(SpecialLaws.studentQuantile(tail: tail, degrees: k) - value) < 1e-3)
    }
  }
}

extension Double {
  /// e^x by its series: the tests of this file need no library for it.
  fileprivate static func exponential(_ x: Double) -> Double {
    // Halving keeps the series short.
    let parts = 1 << 12
    var (term, sum) = (1.0, 1.0)
    for k in 1...8 {
      term *= x / Double(parts) / Double(k)
      sum += term
    }
    for _ in 0..<12 { sum *= sum }
    return sum
  }
}
