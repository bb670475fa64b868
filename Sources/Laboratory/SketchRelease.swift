// E8: what a projection alone costs where A stays secret and only B = G Aᵀ is released. Its columns are independent
// N(0, G Gᵀ/r), so that one record's influence is a change of that covariance (lora.md A.6 iv).

package import Kernels

/// The release of G Aᵀ, A of entries N(0, 1/r) that nobody sees.
package enum SketchRelease {
  /// The larger Rényi divergence of both directions between the releases of two matrices, in nats; infinite where one
  /// of them does not cover what the other can be.
  ///
  /// - Parameters:
  ///   - gradient: m × n.
  ///   - neighbour: the same with or without one record.
  ///   - rank: r, the columns of the release; the divergence is proportional to it.
  ///   - alpha: above 1.
  package static func renyi(
    of gradient: Matrix, beside neighbour: Matrix, rank: Int, order alpha: Double
  ) throws(EigenError) -> Double {
    guard let ratios = try ratios(of: gradient, over: neighbour) else { return .infinity }
    return Double(rank)
      * max(
        divergence(ratios, order: alpha), divergence(ratios.map { 1 / $0 }, order: alpha))
  }

  /// Of one column.
  private static func divergence(_ ratios: [Double], order alpha: Double) -> Double {
    ratios.reduce(0) { sum, w in
      let mixed = alpha + (1 - alpha) * w
      guard mixed > 0 else { return .infinity }
      return sum - Elementary.log(w) / 2 - Elementary.log(mixed) / (2 * (alpha - 1))
    }
  }

  /// Eigenvalues of (G' G'ᵀ)⁻¹ G Gᵀ; nil where one of the covariances is singular.
  private static func ratios(
    of gradient: Matrix, over neighbour: Matrix
  ) throws(EigenError) -> [Double]? {
    let covariance = gradient.multiplied(by: gradient.transposed)
    let other = try neighbour.multiplied(by: neighbour.transposed).symmetricEigen()
    guard let largest = other.values.first, let least = other.values.last,
      least > 1e-10 * largest
    else { return nil }
    var whitening = other.vectors
    for k in other.values.indices {
      for column in 0..<whitening.columns {
        whitening[k, column] /= other.values[k].squareRoot()
      }
    }
    let ratios = try whitening.multiplied(by: covariance).multiplied(by: whitening.transposed)
      .symmetricEigen().values
    return (ratios.last ?? 0) > 1e-10 ? ratios : nil
  }
}

extension SketchRelease {
  /// A sum of gradients of unit length and rank 1, and the same without the last.
  ///
  /// - Parameter span: dimensions that the rows' directions come from; fewer than m leave G without full row rank.
  static func neighbours(
    rows m: Int, columns n: Int, examples: Int, span: Int, using stream: inout RandomStream
  ) -> (gradient: Matrix, without: Matrix) {
    func unit(_ count: Int, of length: Int) -> [Double] {
      var vector = (0..<count).map { _ in stream.nextGaussian() }
      let norm = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
      vector = vector.map { $0 / norm }
      return vector + [Double](repeating: 0, count: length - count)
    }
    let left = Matrix(rows: (0..<examples).map { _ in unit(span, of: m) })
    let right = Matrix(rows: (0..<examples).map { _ in unit(n, of: n) })
    func sum(_ count: Int) -> Matrix {
      Matrix(rows: (0..<count).map { left.row($0) }).transposed
        .multiplied(by: Matrix(rows: (0..<count).map { right.row($0) }))
    }
    return (sum(examples), sum(examples - 1))
  }
}
