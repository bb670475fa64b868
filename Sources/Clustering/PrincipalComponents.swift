// Principal components of client updates, through the small Gram matrix of the clients.
//
// For X of shape n × p with p ≫ n the n × n matrix G = X Xᵀ = U Λ Uᵀ gives the same components as the
// p × p covariance: points = U Λ^½, loadings = Λ^-½ Uᵀ X. Only blocks of columns are held in double
// precision. Removing the diagonal ("hollowing") is analysed by Abbe, Fan, Wang, "An l_p theory of PCA
// and spectral clustering", Annals of Statistics 50 (2022); the shrinkage of eigenvalues follows
// Gavish and Donoho, "Optimal shrinkage of singular values", IEEE Trans. Inf. Theory 63 (2017).

public import Kernels

/// A principal component analysis of n rows (clients) with p columns (parameters).
public struct PrincipalComponents: Sendable {
  /// What happens to the columns before the analysis.
  public enum Preparation: String, Sendable, Hashable, Codable, CaseIterable {
    /// Column means are subtracted.
    case centred
    /// Column means are subtracted and columns divided by their standard deviation (divisor n);
    /// columns that do not vary are only centred.
    case standardised
    /// The published R-DPCFL code: components are fitted on standardised rows, then the raw,
    /// uncentred rows are projected on them.
    case standardisedFitRawProjection = "as-released"
  }

  /// What happens to the rows' own noise, which sits on the diagonal of the Gram matrix.
  public enum NoiseFloor: String, Sendable, Hashable, Codable, CaseIterable {
    /// Kept: ordinary principal components, as published.
    case kept
    /// Each row's own energy is taken off the diagonal before the eigenproblem, and the spread of
    /// the noise eigenvalues off those of the components. Independent noise adds p·s² to a row's
    /// diagonal and little elsewhere; with unequal budgets those differences drown the clusters,
    /// and with more components than cluster directions the surplus ones are pure noise. Components
    /// that do not stand out of the noise become zero.
    case removed
  }

  public struct Options: Sendable, Hashable, Codable {
    /// Number of components, at least 1; those beyond the rank are zero.
    public var components: Int
    public var preparation: Preparation
    public var noiseFloor: NoiseFloor
    /// Keep the components × p loadings, needed to project other rows.
    public var keepsLoadings: Bool

    public init(
      components: Int = 3, preparation: Preparation = .centred, noiseFloor: NoiseFloor = .kept,
      keepsLoadings: Bool = false
    ) {
      self.components = components
      self.preparation = preparation
      self.noiseFloor = noiseFloor
      self.keepsLoadings = keepsLoadings
    }
  }

  /// The loadings with what is needed to apply them to other rows.
  public struct Loadings: Sendable {
    /// components × p; in each row the entry of largest magnitude is positive.
    public let matrix: Matrix
    /// Subtracted from each column.
    public let means: [Double]
    /// Divides each column afterwards.
    public let scales: [Double]
  }

  public let options: Options
  /// p, the number of columns.
  public let columns: Int
  /// n × components: the rows in the coordinates of the components.
  public let points: Matrix
  /// Variance (divisor n − 1) along every one of the n directions of the Gram matrix, descending;
  /// for a scree plot. With n = 1 it is zero. With the floor removed it is counted from that floor,
  /// shrunk for the components, and partly below zero for the others.
  public let spectrum: [Double]
  /// Nil unless `Options.keepsLoadings` was set.
  public let loadings: Loadings?
  /// By what the projection of a row on each component becomes comparable with `points`: the shrunk eigenvalue over
  /// the eigenvalue where the floor is removed, otherwise 1.
  let shrinkage: [Double]

  /// Variance (divisor n − 1) along each component; zero beyond the rank.
  public var explainedVariance: [Double] {
    (0..<options.components).map { $0 < spectrum.count ? max(spectrum[$0], 0) : 0 }
  }

  /// Share of the total variance along each component, in [0, 1]; zeros if nothing varies.
  public var explainedVarianceRatio: [Double] {
    let total = spectrum.reduce(0) { $0 + max($1, 0) }
    return explainedVariance.map { total > 0 ? $0 / total : 0 }
  }

  /// The rows' coordinates on the components of this analysis; shape rows × components.
  public func project(_ rows: [[Float]]) throws(ClusteringError) -> Matrix {
    try project(source: FloatRows(rows))
  }

  /// The rows' coordinates on the components of this analysis; shape rows × components.
  public func project(_ rows: Matrix) throws(ClusteringError) -> Matrix {
    try project(source: MatrixRows(rows))
  }

  /// Where further rows lie among `points`; shape rows × components.
  ///
  /// With the noise floor removed, `points` are what the rows are in the components of all the others (their own noise is
  /// no part of it), shrunk. A further row, which is no part of them either, is its projection, shrunk as much: both are
  /// distributed alike. With the floor kept, further rows lie nearer to the middle than those of the analysis.
  ///
  /// - Throws: `loadingsNotKept`, `raggedRows`, `notFinite`.
  public func place(_ rows: [[Float]]) throws(ClusteringError) -> Matrix {
    var result = try project(rows)
    for i in 0..<result.rows { for k in shrinkage.indices { result[i, k] *= shrinkage[k] } }
    return result
  }

  private func project(source: some RowSource) throws(ClusteringError) -> Matrix {
    guard let loadings else { throw .loadingsNotKept }
    guard source.columnCount == columns else {
      throw .raggedRows(row: 0, expected: columns, found: source.columnCount)
    }
    let raw = options.preparation == .standardisedFitRawProjection
    var result = Matrix(rows: source.rowCount, columns: options.components)
    var row = [Double](repeating: 0, count: columns)
    for i in 0..<source.rowCount {
      source.copy(row: i, first: 0, count: columns, into: &row, at: 0)
      if !raw {
        for j in 0..<columns { row[j] = (row[j] - loadings.means[j]) / loadings.scales[j] }
      }
      for k in 0..<options.components {
        var sum = 0.0
        for j in 0..<columns { sum += row[j] * loadings.matrix.elements[k * columns + j] }
        guard sum.isFinite else { throw .notFinite(row: i, column: 0) }
        result[i, k] = sum
      }
    }
    return result
  }
}
