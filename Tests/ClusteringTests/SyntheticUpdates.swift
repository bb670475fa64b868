// Noisy updates of clustered clients, drawn in n + d dimensions with the exact law of p dimensions.
//
// Of p noise coordinates only the Gram matrix of the rows matters to principal components; it is
// Wishart, and Bartlett's decomposition draws it as L Lᵀ with an n × n triangle L.

import Kernels
import RealModule

/// A law of clustered updates with unit noise in each of p coordinates.
struct SyntheticUpdates: Sendable {
  enum Geometry: Sendable {
    /// All cluster means equally far from one another.
    case simplex
    /// Cluster means on a circle; neighbours of four are as far apart as in the simplex.
    case circle
    /// Two far pairs: clusters of a pair as far apart as in the simplex, the pairs three times that.
    case nested
    /// No clusters.
    case none
  }

  var sizes = [3, 6, 6, 6]
  var geometry = Geometry.simplex
  /// SS = distance / 2 in units of the noise.
  var score = 20.0
  var parameters = 28_938
  /// Every third client has twice the noise.
  var hasUnequalNoise = false

  var truth: [Int] {
    sizes.enumerated().flatMap { [Int](repeating: $0.offset, count: $0.element) }
  }

  /// Rows whose Gram matrix has the law of p-dimensional updates; shape n × (clusters + 2 + n).
  func draw(seed: UInt64) -> Matrix {
    var stream = RandomStream(seed: seed, purpose: .synthetic)
    let truth = truth
    let (n, d) = (truth.count, sizes.count + 2)
    var rows = Matrix(rows: n, columns: d + n)
    for i in 0..<n {
      let noise = hasUnequalNoise && i % 3 == 0 ? 2.0 : 1.0
      for (axis, value) in mean(of: truth[i]).enumerated() { rows[i, axis] = value }
      for j in 0..<d { rows[i, j] += noise * stream.nextGaussian() }
      for j in 0..<i { rows[i, d + j] = noise * stream.nextGaussian() }
      let shape = Double(parameters - d - i) / 2
      rows[i, d + i] = noise * Double.sqrt(2 * stream.nextGamma(shape: shape))
    }
    return rows
  }

  private func mean(of cluster: Int) -> [Double] {
    let side = 2 * score / Double.sqrt(2)
    switch geometry {
    case .simplex:
      return sizes.indices.map { $0 == cluster ? side : 0 }
    case .circle:
      let angle = 2 * Double.pi * Double(cluster) / Double(sizes.count)
      return [side * Double.cos(angle), side * Double.sin(angle)]
    case .nested:
      return [cluster < sizes.count / 2 ? 0 : 6 * score, cluster % 2 == 0 ? 0 : 2 * score]
    case .none:
      return []
    }
  }

  /// The same law drawn coordinate by coordinate: n × p Floats, for the variants that standardise.
  func drawInFull(seed: UInt64) -> [[Float]] {
    var stream = RandomStream(seed: seed, purpose: .synthetic)
    return truth.enumerated().map { i, cluster in
      let noise = hasUnequalNoise && i % 3 == 0 ? 2.0 : 1.0
      var row = (0..<parameters).map { _ in Float(noise * stream.nextGaussian()) }
      // Spread over many coordinates, as gradients are: axis k lives on every 64th coordinate.
      for (axis, value) in mean(of: cluster).enumerated() {
        let places = Array(stride(from: axis, to: parameters, by: 64))
        for place in places { row[place] += Float(value / Double.sqrt(Double(places.count))) }
      }
      return row
    }
  }
}
