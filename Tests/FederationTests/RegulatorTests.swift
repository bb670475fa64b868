// DEeR's regulator against an attacker.

import Federation
import Kernels
import Learning
import Scenarios
import Testing

/// DEeR's regulator: how well an attacker who knows everything else tells neighbours apart.
@Suite("DEeR's clip")
struct RegulatorTests {
  /// Distance of the means of the release with and without a record, in standard deviations of the
  /// likelihood ratio, from draws: 1/z is what the Gaussian mechanism guarantees at most.
  ///
  /// - Parameter clipsProduct: clip ‖ΔB A‖ (the fix) or ‖ΔB‖ (the published code).
  private func audited(
    a: Matrix, multiplier: Double, clipsProduct: Bool, seed: UInt64
  ) throws -> Double {
    let (r, q) = a.orthonormalRows()
    // The change that the clip lets through with the largest effect: along the largest singular value.
    let top = try r.transposed.multiplied(by: r).symmetricEigen().vectors.firstRows(1)
    let largest = try r.multiplied(by: r.transposed).symmetricEigen()
    let direction = clipsProduct ? top : largest.vectors.firstRows(1)
    let bound = clipsProduct ? direction.multiplied(by: a).squaredNorm.squareRoot() : 1
    let change = direction.scaled(by: 1 / bound)
    // E A⁺ = E Aᵀ (A Aᵀ)⁻¹ with E ~ N(0, z²) in the space of the weights, one output row.
    let gram = try a.multiplied(by: a.transposed).symmetricEigen()
    var shrunk = gram.vectors
    for k in 0..<shrunk.rows {
      for j in 0..<shrunk.columns { shrunk[k, j] /= gram.values[k] }
    }
    let inverse = gram.vectors.transposed.multiplied(by: shrunk)
    let pseudo = a.transposed.multiplied(by: inverse)
    // The likelihood ratio of neighbours is linear in the release, along Σ⁻¹ ΔB = A Aᵀ ΔBᵀ.
    let weights = a.multiplied(by: a.transposed).multiplied(by: change.transposed)
    var stream = RandomStream(seed: seed, purpose: .test)
    let draws = 6000
    var (sum, squares) = (0.0, 0.0)
    for _ in 0..<draws {
      let noise = Matrix(
        rows: 1, columns: a.columns,
        elements: (0..<a.columns).map { _ in multiplier * stream.nextGaussian() })
      let value = noise.multiplied(by: pseudo).multiplied(by: weights)[0, 0]
      sum += value
      squares += value * value
    }
    let mean = sum / Double(draws)
    let deviation = (squares / Double(draws) - mean * mean).squareRoot()
    #expect(q.rows == a.rows)
    return change.multiplied(by: weights)[0, 0] / deviation
  }

  @Test(
    "with the clip on the product the audit stays below 1/z whatever the factors; on ΔB it does not"
  )
  func regulator() throws {
    let multiplier = 1.5
    var stream = RandomStream(seed: 11, purpose: .test)
    for gauge in [0.2, 1, 4] {
      let a = Matrix(
        rows: 3, columns: 24, elements: (0..<72).map { _ in gauge * stream.nextGaussian() })
      let safe = try audited(a: a, multiplier: multiplier, clipsProduct: true, seed: 12)
      let asPublished = try audited(a: a, multiplier: multiplier, clipsProduct: false, seed: 13)
      // 6000 draws: the deviation is known to 1 %, five of its errors are allowed.
      #expect(safe <= 1.05 / multiplier && safe > 0.9 / multiplier)
      let largest = try a.multiplied(by: a.transposed).symmetricEigen().values[0].squareRoot()
      #expect(abs(asPublished * multiplier / largest - 1) < 0.05)
      if largest > 1.2 { #expect(asPublished > 1.1 / multiplier) }
    }
  }

  @Test("in the orthonormal gauge DP-SGD's clip and noise on B are the regulator's")
  func gauge() throws {
    var stream = RandomStream(seed: 14, purpose: .test)
    let model = AdapterModel(layers: [
      LayerFactors(
        a: Matrix(rows: 3, columns: 24, elements: (0..<72).map { _ in 5 * stream.nextGaussian() }),
        b: Matrix(rows: 4, columns: 3, elements: (0..<12).map { _ in stream.nextGaussian() }),
        scale: 1)
    ])
    let a = try Rule.deer.makeRule().prepared(model, for: .b).layers[0].a
    let change = Matrix(rows: 4, columns: 3, elements: (0..<12).map { _ in stream.nextGaussian() })
    #expect(abs(change.multiplied(by: a).squaredNorm - change.squaredNorm) < 1e-10)
    // A⁺ = Aᵀ, so E A⁺ has the covariance of white noise.
    let gram = a.multiplied(by: a.transposed)
    for i in 0..<3 { for j in 0..<3 { #expect(abs(gram[i, j] - (i == j ? 1 : 0)) < 1e-12) } }
  }
}
