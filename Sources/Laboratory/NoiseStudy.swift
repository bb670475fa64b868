// E1 to E3: what the noise of a random projection is, measured on a gradient and compared with the formulas.

package import Kernels
import RealModule
import Scenarios

/// The noise G (Aᵀ A − I) of one gradient.
package struct NoiseStudy: Sendable {
  /// m × n, rows are output neurons.
  package let gradient: Matrix
  /// Where it comes from, for tables.
  package let source: String
  package let seed: UInt64

  package init(gradient: Matrix, source: String, seed: UInt64) {
    self.gradient = gradient
    self.source = source
    self.seed = seed
  }

  /// A gradient without structure.
  package static func synthetic(rows: Int, columns: Int, seed: UInt64) -> NoiseStudy {
    var stream = RandomStream(seed: seed, purpose: .synthetic, client: columns)
    return NoiseStudy(
      gradient: MatrixAttack.gaussian(rows, columns, using: &stream),
      source: "synthetic, n = \(columns)", seed: seed)
  }

  /// How entries of A are drawn, each with variance 1/r.
  package enum Entries: Sendable {
    case normal
    case uniform

    package var kurtosis: Double { self == .normal ? 3 : 1.8 }
  }

  package static func drawA(
    rank: Int, columns: Int, entries: Entries, using stream: inout RandomStream
  ) -> Matrix {
    let deviation = 1 / Double.sqrt(Double(rank))
    guard entries == .uniform else {
      return MatrixAttack.gaussian(rank, columns, deviation: deviation, using: &stream)
    }
    let half = Double.sqrt(3) * deviation
    return Matrix(
      rows: rank, columns: columns,
      elements: (0..<rank * columns).map { _ in half * (2 * stream.nextUnit() - 1) })
  }

  /// G Aᵀ A − G.
  package func noise(_ a: Matrix) -> Matrix {
    let projected = gradient.multiplied(by: a.transposed).multiplied(by: a)
    return Matrix(
      rows: gradient.rows, columns: gradient.columns,
      elements: zip(projected.elements, gradient.elements).map { $0 - $1 })
  }

  /// Draws of A that cost about the same for every rank.
  private func draws(_ rank: Int, _ budget: Int) -> Int {
    min(20_000, max(40, budget / (rank * gradient.columns)))
  }

  // MARK: - E1

  package struct Variance: Sendable {
    /// Mean over coordinates of measured over predicted variance.
    package let ratio: Double
    /// E‖N‖² r / ((n + κ − 2) ‖G‖²), in units of (r τ²)².
    package let energy: Double
    package let draws: Int
  }

  /// The variance of the noise against its formula.
  package func variance(
    rank: Int, entries: Entries = .normal, draws: Int? = nil, budget: Int = 8_000_000
  ) -> Variance {
    var stream = RandomStream(seed: seed, purpose: .test, round: rank, client: 1)
    let count = draws ?? self.draws(rank, budget)
    var squares = [Double](repeating: 0, count: gradient.elements.count)
    for _ in 0..<count {
      let n = noise(
        Self.drawA(rank: rank, columns: gradient.columns, entries: entries, using: &stream))
      for i in squares.indices { squares[i] += n.elements[i] * n.elements[i] }
    }
    var (ratios, predictedEnergy) = (0.0, 0.0)
    for row in 0..<gradient.rows {
      let g = gradient.row(row)
      let squared = g.reduce(0) { $0 + $1 * $1 }
      for (j, value) in g.enumerated() {
        let predicted = NoiseLaw.variance(
          squaredNorm: squared, coordinate: value, rank: rank, kurtosis: entries.kurtosis)
        predictedEnergy += predicted
        if predicted > 0 {
          ratios += squares[row * gradient.columns + j] / Double(count) / predicted
        }
      }
    }
    return Variance(
      ratio: ratios / Double(squares.count),
      energy: squares.reduce(0, +) / Double(count) / predictedEnergy, draws: count)
  }

  // MARK: - E2

  /// Rank of the gradient, by singular values above 1e-6 of the largest.
  package func gradientRank() throws -> Int {
    let values = try gradient.multiplied(by: gradient.transposed).symmetricEigen().values
    return values.count { $0 > 1e-12 * (values.first ?? 0) }
  }

  /// Whether one draw of G Aᵀ A has a rank below that of G: a normal law of the same covariance never has.
  package func isSingular(rank: Int) throws -> Bool {
    var stream = RandomStream(seed: seed, purpose: .test, round: rank, client: 2)
    let a = Self.drawA(rank: rank, columns: gradient.columns, entries: .normal, using: &stream)
    let projected = gradient.multiplied(by: a.transposed).multiplied(by: a)
    let values = try projected.multiplied(by: projected.transposed).symmetricEigen().values
    let reached = values.count { $0 > 1e-12 * (values.first ?? 0) }
    return try reached < gradientRank()
  }

  /// ‖S − Sᵀ‖ / ‖S‖ of S = (G Aᵀ A) Gᵀ: 0 for the projection, about √2 for white noise.
  package func asymmetry(rank: Int) -> Double {
    var stream = RandomStream(seed: seed, purpose: .test, round: rank, client: 3)
    let a = Self.drawA(rank: rank, columns: gradient.columns, entries: .normal, using: &stream)
    let projected = gradient.multiplied(by: a.transposed).multiplied(by: a)
    return MatrixAttack.asymmetry(
      candidate: gradient.transposed, release: projected.transposed) ?? 0
  }

  // MARK: - E3

  package struct Dependence: Sendable {
    /// Correlation of consecutive steps' noise.
    package let lag: Double
    /// Mean absolute correlation of two rows' noise, measured and by the formula.
    package let rows: Double
    package let predictedRows: Double
  }

  /// Correlations of the noise of a sequence of equal gradients.
  ///
  /// - Parameter resampled: draw A anew in every step (Flora) instead of once.
  package func dependence(rank: Int, resampled: Bool, steps: Int = 60) -> Dependence {
    var stream = RandomStream(seed: seed, purpose: .test, round: rank, client: resampled ? 5 : 4)
    var a = Self.drawA(rank: rank, columns: gradient.columns, entries: .normal, using: &stream)
    var all: [Matrix] = []
    for step in 0..<steps {
      if resampled, step > 0 {
        a = Self.drawA(rank: rank, columns: gradient.columns, entries: .normal, using: &stream)
      }
      all.append(noise(a))
    }
    var (cross, own) = (0.0, 0.0)
    for step in 1..<steps {
      cross += zip(all[step - 1].elements, all[step].elements).reduce(0) { $0 + $1.0 * $1.1 }
      let sizes = [all[step - 1], all[step]].map { $0.elements.reduce(0) { $0 + $1 * $1 } }
      own += (sizes[0] * sizes[1]).squareRoot()
    }
    let (measured, predicted) = rowCorrelations(all, rank: rank)
    return Dependence(lag: cross / own, rows: measured, predictedRows: predicted)
  }

  private func rowCorrelations(_ noises: [Matrix], rank: Int) -> (Double, Double) {
    var (measured, predicted, pairs) = (0.0, 0.0, 0.0)
    func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
    for i in 0..<min(gradient.rows, 8) {
      for k in (i + 1)..<max(i + 1, min(gradient.rows, 8)) {
        var (inner, first, second) = (0.0, 0.0, 0.0)
        for noise in noises {
          inner += dot(noise.row(i), noise.row(k))
          first += dot(noise.row(i), noise.row(i))
          second += dot(noise.row(k), noise.row(k))
        }
        guard first > 0, second > 0 else { continue }
        measured += abs(inner) / (first * second).squareRoot()
        let (g, h) = (gradient.row(i), gradient.row(k))
        // Summed over coordinates the covariances are (n + 1) ⟨g, h⟩ / r, the variances (n + 1) ‖g‖² / r.
        predicted += abs(dot(g, h)) / (dot(g, g) * dot(h, h)).squareRoot()
        pairs += 1
      }
    }
    return pairs > 0 ? (measured / pairs, predicted / pairs) : (0, 0)
  }
}
