// Eigenvalues and eigenvectors of a symmetric matrix in portable arithmetic: Householder's reflections to a
// tridiagonal matrix, then the QL method with implicit shifts (Golub and Van Loan, Matrix Computations, 8.3).

/// One decomposition at work. Rows of `basis` are what become the eigenvectors, so that every loop goes along memory.
struct PortableEigen {
  private let count: Int
  /// A power of two by which the matrix was divided.
  private let unit: Double
  private var matrix: [Double]
  private var basis: [Double]
  private var diagonal: [Double]
  /// Element i stands beside elements i and i + 1 of the diagonal.
  private var beside: [Double]

  /// - Precondition: square, not empty, and finite. Only the lower triangle is read.
  init(of source: Matrix) {
    let n = source.rows
    count = n
    matrix = source.elements
    let largest = matrix.reduce(0) { max($0, abs($1)) }
    unit = largest > 0 ? Double(sign: .plus, exponent: largest.exponent, significand: 1) : 1
    for i in 0..<n {
      for j in 0...i {
        let value = source[i, j] / unit
        matrix[i * n + j] = value
        matrix[j * n + i] = value
      }
    }
    basis = [Double](repeating: 0, count: n * n)
    for i in 0..<n { basis[i * n + i] = 1 }
    diagonal = [Double](repeating: 0, count: n)
    beside = diagonal
  }

  func solved() throws(EigenError) -> SymmetricEigen {
    var work = self
    work.tridiagonalize()
    // What is small beside the whole is nothing: the matrix itself is known no better.
    let size = (0..<count).reduce(0) { max($0, abs(work.diagonal[$1]) + abs(work.beside[$1])) }
    for place in 0..<count { try work.isolate(place, negligible: size * 0x1p-53) }
    let (n, values) = (count, work.diagonal)
    // Equal values keep their order.
    let order = (0..<n).sorted { values[$0] > values[$1] || (values[$0] == values[$1] && $0 < $1) }
    return SymmetricEigen(
      values: order.map { values[$0] * unit },
      vectors: Matrix(
        rows: n, columns: n, elements: order.flatMap { work.basis[$0 * n..<($0 + 1) * n] }))
  }

  /// A = Q T Qᵀ with T tridiagonal; `basis` becomes Qᵀ.
  private mutating func tridiagonalize() {
    let n = count
    var reflections: [(vector: [Double], factor: Double)] = []
    for k in 0..<max(0, n - 2) {
      var v = (k + 1..<n).map { matrix[$0 * n + k] }
      let length = VectorSums.dot(v, v).squareRoot()
      let image = v[0] > 0 ? -length : length
      beside[k] = image
      v[0] -= image
      let square = VectorSums.dot(v, v)
      guard square > 0 else {
        reflections.append((v, 0))
        continue
      }
      let factor = 2 / square
      // A ← A − v wᵀ − w vᵀ on the rest of the matrix.
      var w = v.indices.map { i in
        factor * VectorSums.dot(matrix, from: (k + 1 + i) * n + k + 1, v)
      }
      let half = 0.5 * factor * VectorSums.dot(v, w)
      VectorSums.add(-half, v, to: &w, at: 0)
      for i in v.indices {
        let start = (k + 1 + i) * n + k + 1
        VectorSums.add(-v[i], w, to: &matrix, at: start)
        VectorSums.add(-w[i], v, to: &matrix, at: start)
      }
      reflections.append((v, factor))
    }
    if n > 1 { beside[n - 2] = matrix[(n - 1) * n + n - 2] }
    for i in 0..<n { diagonal[i] = matrix[i * n + i] }
    // Qᵀ = H_{n−3} … H₀, built from its first factor.
    for (k, reflection) in reflections.enumerated().reversed() where reflection.factor != 0 {
      for i in k + 1..<n {
        let part = VectorSums.dot(basis, from: i * n + k + 1, reflection.vector)
        VectorSums.add(-reflection.factor * part, reflection.vector, to: &basis, at: i * n + k + 1)
      }
    }
  }

  /// Makes element `place` of the diagonal an eigenvalue of what is left, by QL steps from below.
  private mutating func isolate(_ place: Int, negligible: Double) throws(EigenError) {
    for _ in 0..<60 {
      var end = place
      while end < count - 1, abs(beside[end]) > negligible { end += 1 }
      if end == place { return }
      step(from: place, to: end)
    }
    throw EigenError(info: count - place)
  }

  /// One implicit QL step with Wilkinson's shift on the block from `first` to `last`.
  private mutating func step(from first: Int, to last: Int) {
    let n = count
    var g = (diagonal[first + 1] - diagonal[first]) / (2 * beside[first])
    var r = (g * g + 1).squareRoot()
    g = diagonal[last] - diagonal[first] + beside[first] / (g + (g < 0 ? -r : r))
    var (sine, cosine, shift) = (1.0, 1.0, 0.0)
    for i in (first..<last).reversed() {
      let f = sine * beside[i]
      let b = cosine * beside[i]
      r = (f * f + g * g).squareRoot()
      beside[i + 1] = r
      if r == 0 {
        // The block has fallen apart.
        diagonal[i + 1] -= shift
        beside[last] = 0
        return
      }
      sine = f / r
      cosine = g / r
      g = diagonal[i + 1] - shift
      r = (diagonal[i] - g) * sine + 2 * cosine * b
      shift = sine * r
      diagonal[i + 1] = g + shift
      g = cosine * r - b
      VectorSums.rotate(&basis, i * n, (i + 1) * n, count: n, cosine: cosine, sine: sine)
    }
    diagonal[first] -= shift
    beside[first] = g
    beside[last] = 0
  }
}

/// Loops along arrays of doubles with eight lanes and one order of summing them.
enum VectorSums {
  static func dot(_ x: [Double], _ y: [Double]) -> Double { dot(x, from: 0, y) }

  /// Σ x[start + i] · y[i] over all of y.
  static func dot(_ x: [Double], from start: Int, _ y: [Double]) -> Double {
    checkRange(start, y.count, in: x.count)
    return x.withUnsafeBufferPointer { x in
      y.withUnsafeBufferPointer { y in
        guard let first = x.baseAddress, let second = y.baseAddress else { return 0 }
        var lanes = SIMD8<Double>()
        var i = 0
        while i &+ 8 <= y.count {
          let a = UnsafeRawPointer(first + start + i).loadUnaligned(as: SIMD8<Double>.self)
          let b = UnsafeRawPointer(second + i).loadUnaligned(as: SIMD8<Double>.self)
          lanes = lanes.addingProduct(a, b)
          i &+= 8
        }
        var rest = 0.0
        while i < y.count {
          rest = rest.addingProduct(x[start &+ i], y[i])
          i &+= 1
        }
        return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3]))
          + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7])) + rest
      }
    }
  }

  /// y[start + i] += factor · x[i] over all of x.
  static func add(_ factor: Double, _ x: [Double], to y: inout [Double], at start: Int) {
    checkRange(start, x.count, in: y.count)
    y.withUnsafeMutableBufferPointer { y in
      for i in 0..<x.count { y[start &+ i] = y[start &+ i].addingProduct(factor, x[i]) }
    }
  }

  /// Turns two rows of `count` numbers at `a` and `b`: b ← s·a + c·b, a ← c·a − s·b.
  static func rotate(
    _ rows: inout [Double], _ a: Int, _ b: Int, count: Int, cosine: Double, sine: Double
  ) {
    checkRange(a, count, in: rows.count)
    checkRange(b, count, in: rows.count)
    rows.withUnsafeMutableBufferPointer { rows in
      for i in 0..<count {
        let (x, y) = (rows[a &+ i], rows[b &+ i])
        rows[b &+ i] = sine * x + cosine * y
        rows[a &+ i] = cosine * x - sine * y
      }
    }
  }
}
