// Single-precision matrix products on lane buffers, on the calling thread: our own in portable arithmetic, by
// OpenBLAS in native.

internal import COpenBLAS

/// A row-major matrix inside a buffer: `rows × columns`, rows `stride` floats apart.
public struct MatrixView {
  public let buffer: FloatBuffer
  public let offset: Int
  public let rows: Int
  public let columns: Int
  public let stride: Int

  /// - Precondition: the matrix lies inside the buffer and `stride >= columns`.
  public init(
    _ buffer: FloatBuffer, at offset: Int = 0, rows: Int, columns: Int, stride: Int? = nil
  ) {
    self.buffer = buffer
    self.offset = offset
    self.rows = rows
    self.columns = columns
    self.stride = stride ?? columns
    precondition(self.stride >= columns && columns > 0, "a row must fit its stride")
    buffer.check(offset, rows == 0 ? 0 : (rows - 1) * self.stride + columns)
  }
}

/// `c = a · bᵀ`: a row's result has the same bits wherever it stands and whatever stands beside it, which a product
/// of whole matrices by OpenBLAS does not guarantee.
///
/// - Precondition: the shapes agree, and `c` shares no memory with `a` or `b`.
public func multiplyRowwise(_ a: MatrixView, byTransposeOf b: MatrixView, into c: MatrixView) {
  precondition(
    a.columns == b.columns && a.rows == c.rows && b.rows == c.columns,
    "the shapes of a product must agree")
  guard b.rows > 0 else { return }
  guard !Arithmetic.isPortable else {
    multiply(a, b, transposeB: true, into: c)
    return
  }
  Blas.prepare()
  for row in 0..<a.rows {
    cblas_sgemv(
      CblasRowMajor, CblasNoTrans, blasint(b.rows), blasint(b.columns), 1, b.buffer.base + b.offset,
      blasint(b.stride), a.buffer.base + a.offset + row * a.stride, 1, 0,
      c.buffer.base + c.offset + row * c.stride, 1)
  }
}

/// `c = alpha · op(a) · op(b) + beta · c`.
///
/// - Precondition: the shapes agree, and `c` shares no memory with `a` or `b`.
public func multiply(
  _ a: MatrixView, _ b: MatrixView, transposeA: Bool = false, transposeB: Bool = false,
  alpha: Float = 1, beta: Float = 0, into c: MatrixView
) {
  let (m, k) = transposeA ? (a.columns, a.rows) : (a.rows, a.columns)
  let (k2, n) = transposeB ? (b.columns, b.rows) : (b.rows, b.columns)
  precondition(k == k2 && m == c.rows && n == c.columns, "the shapes of a product must agree")
  guard m > 0, n > 0 else { return }
  guard !Arithmetic.isPortable else {
    PortableProduct(
      a: transposeA ? Strided(a).transposed : Strided(a),
      b: transposeB ? Strided(b).transposed : Strided(b), c: Strided(c), m: m, n: n, k: k,
      isFollowed: true
    ).run(alpha: alpha, beta: beta, width: VectorWidth.floats)
    return
  }
  Blas.prepare()
  cblas_sgemm(
    CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans,
    blasint(m), blasint(n), blasint(k), alpha, a.buffer.base + a.offset, blasint(a.stride),
    b.buffer.base + b.offset, blasint(b.stride), beta, c.buffer.base + c.offset, blasint(c.stride))
}
