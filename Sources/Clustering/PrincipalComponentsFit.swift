// How the components are computed: two passes over blocks of columns around one small eigenproblem.

public import Kernels
import RealModule

extension PrincipalComponents {
  /// Analyses client updates, one row a client, all of length p.
  ///
  /// Time about n²·p multiplications; memory beside the input n² + n × 2,048 numbers (and
  /// components × p if the loadings are kept). Errors: `empty`, `raggedRows`, `notFinite`,
  /// `invalidOption`, `eigenvaluesFailed`.
  public static func fit(
    _ rows: [[Float]], options: Options = Options()
  ) throws(ClusteringError) -> PrincipalComponents {
    try fit(source: FloatRows(rows), options: options)
  }

  /// The same for a matrix of doubles, one row a client.
  public static func fit(
    _ rows: Matrix, options: Options = Options()
  ) throws(ClusteringError) -> PrincipalComponents {
    try fit(source: MatrixRows(rows), options: options)
  }

  private static func fit(
    source: some RowSource, options: Options
  ) throws(ClusteringError) -> PrincipalComponents {
    guard options.components >= 1 else {
      throw .invalidOption(
        name: "components", requirement: "at least 1", found: "\(options.components)")
    }
    let n = source.rowCount
    let prepared = PreparedColumns(source: source, preparation: options.preparation)
    let sums = prepared.gramMatrices()
    guard sums.gram.elements.allSatisfy(\.isFinite), sums.cross.elements.allSatisfy(\.isFinite)
    else {
      let place = source.firstUnusable() ?? (row: 0, column: 0)
      throw .notFinite(row: place.row, column: place.column)
    }
    let eigen = try decompose(sums.gram, options: options)
    let energy = (0..<n).reduce(0) { max($0, sums.gram[$1, $1]) }
    // Below this an eigenvalue is rounding, and its direction means nothing.
    let floor = Double(n) * Double.ulpOfOne * max(eigen.values.first ?? 0, energy)
    let kept = (0..<min(options.components, n)).filter { eigen.values[$0] > floor }
    var weights = Matrix(rows: options.components, columns: n)
    for k in kept {
      let root = Double.sqrt(eigen.values[k])
      for i in 0..<n { weights[k, i] = eigen.vectors[k, i] / root }
    }
    let found = prepared.loadings(weights: weights, keep: options.keepsLoadings)
    let projected = sums.cross.multiplied(by: weights.transposed)
    var points = Matrix(rows: n, columns: options.components)
    for k in kept {
      let sign = found.signs[k]
      if options.preparation == .standardisedFitRawProjection {
        for i in 0..<n { points[i, k] = sign * projected[i, k] }
      } else {
        let root = Double.sqrt(eigen.values[k])
        for i in 0..<n { points[i, k] = sign * root * eigen.vectors[k, i] }
      }
    }
    return PrincipalComponents(
      options: options, columns: source.columnCount, points: points,
      spectrum: eigen.values.map { n > 1 ? $0 / Double(n - 1) : 0 }, loadings: found.loadings,
      shrinkage: (0..<options.components).map { $0 < n ? eigen.shrinkage[$0] : 1 })
  }

  /// The eigenproblem of the Gram matrix, with or without the rows' own noise; `shrinkage` is what became of each value,
  /// relative to it.
  private static func decompose(
    _ gram: Matrix, options: Options
  ) throws(ClusteringError) -> (values: [Double], vectors: Matrix, shrinkage: [Double]) {
    do {
      guard options.noiseFloor == .removed, gram.rows > 2 else {
        let eigen = try gram.symmetricEigen()
        return (eigen.values, eigen.vectors, eigen.values.map { _ in 1 })
      }
      let eigen = try withoutOwnEnergy(gram).symmetricEigen()
      // Centring leaves the constant direction with eigenvalue 0, which is no floor and no signal.
      let n = gram.rows
      let constant = (0..<n).max {
        abs(eigen.vectors.row($0).reduce(0, +)) < abs(eigen.vectors.row($1).reduce(0, +))
      }
      let order = (0..<n).filter { $0 != constant } + (constant.map { [$0] } ?? [])
      let varying = order.dropLast().map { eigen.values[$0] }
      let values = shrunk(varying, components: options.components) + [0]
      return (
        values, Matrix(rows: order.map { eigen.vectors.row($0) }),
        zip(values, order).map { eigen.values[$1] > 0 ? $0 / eigen.values[$1] : 0 }
      )
    } catch {
      throw .eigenvaluesFailed(info: error.info)
    }
  }

  /// Eigenvalues counted from the noise floor, those of the components shrunk by the noise's edge.
  ///
  /// What noise leaves off the diagonal is a symmetric (Wigner) matrix with eigenvalues in [−e, e]:
  /// an eigenvalue l > e that a signal lifted out of it is best replaced by √(l² − e²), one within
  /// the noise by 0. e is 2 standard deviations of a semicircle; 2.2 of what is left of it once the
  /// components are taken off its top. If not even the first eigenvalue exceeds 1.3 e, nothing is
  /// held to be signal: the largest of pure noise comes close to that (docs/clustering.md).
  private static func shrunk(_ values: [Double], components: Int) -> [Double] {
    let rest = values.dropFirst(components)
    guard !rest.isEmpty, let largest = values.first else { return values }
    let floor = rest.reduce(0, +) / Double(rest.count)
    let variance = rest.reduce(0) { $0 + ($1 - floor) * ($1 - floor) } / Double(rest.count)
    let edge = 2.2 * Double.sqrt(variance)
    let isSignal = largest - floor > 1.3 * edge
    return values.enumerated().map { index, value in
      let lifted = value - floor
      guard index < components else { return lifted }
      return isSignal && lifted > edge ? Double.sqrt((lifted - edge) * (lifted + edge)) : 0
    }
  }

  /// The Gram matrix of centred rows after each row lost the energy it shares with no other.
  ///
  /// Private energies d put diag(J diag(d) J) on the diagonal, J = I − 1/n, that is
  /// g_i = d_i (1 − 2/n) + mean(d)/n; solved for d, and J diag(d) J subtracted.
  private static func withoutOwnEnergy(_ gram: Matrix) -> Matrix {
    let n = gram.rows
    let count = Double(n)
    let mean = (0..<n).reduce(0) { $0 + gram[$1, $1] } / (count - 1)
    let own = (0..<n).map { (gram[$0, $0] - mean / count) / (1 - 2 / count) }
    var result = gram
    for i in 0..<n {
      for j in 0..<n {
        let centred = (i == j ? own[i] : 0) - (own[i] + own[j]) / count + mean / count
        result[i, j] -= centred
      }
    }
    return result
  }
}

/// The columns of a source, centred and scaled a block at a time.
private struct PreparedColumns<Source: RowSource> {
  let source: Source
  let preparation: PrincipalComponents.Preparation
  let blockSize = 2048

  /// One block: row-major n × count, with its column means and scales.
  struct Block {
    var raw: [Double]
    var prepared: [Double]
    var means: [Double]
    var scales: [Double]
  }

  private func block(first: Int, count: Int) -> Block {
    let n = source.rowCount
    var raw = [Double](repeating: 0, count: n * count)
    var means = [Double](repeating: 0, count: count)
    for i in 0..<n {
      source.copy(row: i, first: first, count: count, into: &raw, at: i * count)
      for j in 0..<count { means[j] += raw[i * count + j] }
    }
    for j in 0..<count { means[j] /= Double(n) }
    var prepared = raw
    for i in 0..<n { for j in 0..<count { prepared[i * count + j] -= means[j] } }
    var scales = [Double](repeating: 1, count: count)
    guard preparation != .centred else {
      return Block(raw: raw, prepared: prepared, means: means, scales: scales)
    }
    var variances = [Double](repeating: 0, count: count)
    for i in 0..<n {
      for j in 0..<count { variances[j] += prepared[i * count + j] * prepared[i * count + j] }
    }
    for j in 0..<count {
      let variance = variances[j] / Double(n)
      // A column that is constant up to rounding keeps scale 1, or rounding would become signal.
      let rounding = Double(n) * Double.ulpOfOne * abs(means[j])
      if variance > rounding * rounding { scales[j] = Double.sqrt(variance) }
    }
    for i in 0..<n { for j in 0..<count { prepared[i * count + j] /= scales[j] } }
    return Block(raw: raw, prepared: prepared, means: means, scales: scales)
  }

  /// X Xᵀ of the prepared rows, and Y Xᵀ where Y are the rows that will be projected.
  func gramMatrices() -> (gram: Matrix, cross: Matrix) {
    let n = source.rowCount
    let raw = preparation == .standardisedFitRawProjection
    var gram = [Double](repeating: 0, count: n * n)
    var cross = gram
    for first in stride(from: 0, to: source.columnCount, by: blockSize) {
      let count = min(blockSize, source.columnCount - first)
      let block = block(first: first, count: count)
      let prepared = Matrix(rows: n, columns: count, elements: block.prepared)
      let transposed = prepared.transposed
      let product = prepared.multiplied(by: transposed)
      for i in 0..<(n * n) { gram[i] += product.elements[i] }
      guard raw else { continue }
      let mixed = Matrix(rows: n, columns: count, elements: block.raw)
        .multiplied(by: transposed)
      for i in 0..<(n * n) { cross[i] += mixed.elements[i] }
    }
    let matrix = Matrix(rows: n, columns: n, elements: gram)
    return (matrix, raw ? Matrix(rows: n, columns: n, elements: cross) : matrix)
  }

  /// weights · X by blocks: the sign that makes each row's largest entry positive, and the rows.
  func loadings(
    weights: Matrix, keep: Bool
  ) -> (signs: [Double], loadings: PrincipalComponents.Loadings?) {
    let (n, p, k) = (source.rowCount, source.columnCount, weights.rows)
    var largest = [Double](repeating: 0, count: k)
    var kept = Matrix(rows: keep ? k : 0, columns: p)
    var means: [Double] = []
    var scales: [Double] = []
    for first in stride(from: 0, to: p, by: blockSize) {
      let count = min(blockSize, p - first)
      let block = block(first: first, count: count)
      let part = weights.multiplied(
        by: Matrix(rows: n, columns: count, elements: block.prepared))
      for row in 0..<k {
        for j in 0..<count {
          let value = part[row, j]
          if abs(value) > abs(largest[row]) { largest[row] = value }
          if keep { kept[row, first + j] = value }
        }
      }
      if keep {
        means += block.means
        scales += block.scales
      }
    }
    let signs = largest.map { $0 < 0 ? -1.0 : 1.0 }
    guard keep else { return (signs, nil) }
    for row in 0..<k where signs[row] < 0 { for j in 0..<p { kept[row, j].negate() } }
    return (signs, .init(matrix: kept, means: means, scales: scales))
  }
}
