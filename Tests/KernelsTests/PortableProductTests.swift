// Products in portable arithmetic: one chain of fused multiply-adds an element, whatever the shape, the order in
// memory and the width of the vectors.

import Kernels
import TestSupport
import Testing

@Suite("Portable products")
struct PortableProductTests {
  /// A matrix in a buffer, with other numbers around it.
  private struct Sample {
    let view: MatrixView
    let stride: Int

    init(rows: Int, columns: Int, margin: Int, seed: Int) {
      var stream = RandomStream(seed: 11, purpose: .test, step: seed)
      stride = columns + margin
      let buffer = FloatBuffer(count: rows * stride + margin)
      buffer.write((0..<buffer.count).map { _ in Float(stream.nextGaussian()) })
      view = MatrixView(buffer, at: margin, rows: rows, columns: columns, stride: stride)
    }

    func element(_ row: Int, _ column: Int) -> Float {
      view.buffer[view.offset + row * stride + column]
    }
  }

  /// Rows, columns, depth.
  static let shapes: [(Int, Int, Int)] = {
    var stream = RandomStream(seed: 12, purpose: .test)
    func size(_ largest: Int) -> Int { 1 + Int(stream.nextUnit() * Double(largest)) }
    return [(1, 1, 1), (16, 32, 784), (16, 10, 64), (40, 9, 400), (3, 70, 5), (300, 20, 30)]
      + (0..<10).map { _ in (size(50), size(70), size(150)) }
  }()

  @Test("the chain of every element, bit for bit, in all orders and widths", arguments: shapes)
  func chains(rows: Int, columns: Int, depth: Int) {
    for (place, turned) in [(false, false), (true, false), (false, true), (true, true)].enumerated()
    {
      let (turnA, turnB) = turned
      let a = Sample(
        rows: turnA ? depth : rows, columns: turnA ? rows : depth, margin: place, seed: 1)
      let b = Sample(
        rows: turnB ? columns : depth, columns: turnB ? depth : columns, margin: 2 * place, seed: 2)
      for (alpha, beta) in [(1, 0), (1, 1), (0.5, 0), (-0.3, 1)] as [(Float, Float)] {
        var expected: [Float] = []
        let before = Sample(rows: rows, columns: columns, margin: 3, seed: 3)
        for i in 0..<rows {
          for j in 0..<columns {
            let start = before.element(i, j)
            var chain: Float = alpha == 1 && beta == 1 ? start : 0
            for k in 0..<depth {
              chain.addProduct(
                turnA ? a.element(k, i) : a.element(i, k), turnB ? b.element(j, k) : b.element(k, j)
              )
            }
            if alpha != 1 {
              chain = beta == 0 ? chain * alpha : (beta * start).addingProduct(alpha, chain)
            }
            expected.append(chain)
          }
        }
        for width in [4, 8, 16] {
          let c = Sample(rows: rows, columns: columns, margin: 3, seed: 3)
          portableMultiply(
            a.view, b.view, transposeA: turnA, transposeB: turnB, alpha: alpha, beta: beta,
            into: c.view, width: width)
          var found: [Float] = []
          for i in 0..<rows { for j in 0..<columns { found.append(c.element(i, j)) } }
          #expect(found == expected, "turned \(turned), \(alpha), \(beta), width \(width)")
          #expect(
            c.view.buffer[0] == before.view.buffer[0]
              && c.element(0, columns) == before.element(0, columns),
            "numbers around the target stay")
        }
      }
    }
  }

  @Test("close to sums in double precision")
  func accuracy() {
    let (a, b) = (
      Sample(rows: 20, columns: 900, margin: 0, seed: 4),
      Sample(rows: 30, columns: 900, margin: 0, seed: 5)
    )
    let c = FloatBuffer(count: 600)
    multiply(a.view, b.view, transposeB: true, into: MatrixView(c, rows: 20, columns: 30))
    for i in 0..<20 {
      for j in 0..<30 {
        var (sum, size) = (0.0, 0.0)
        for k in 0..<900 {
          let product = Double(a.element(i, k)) * Double(b.element(j, k))
          sum += product
          size += abs(product)
        }
        #expect(abs(Double(c[i * 30 + j]) - sum) <= size * 900 * 0x1p-24)
      }
    }
  }

  @Test("a row has the same bits alone and among others")
  func rowsAlone() {
    let (a, b) = (
      Sample(rows: 37, columns: 300, margin: 0, seed: 6),
      Sample(rows: 50, columns: 300, margin: 0, seed: 7)
    )
    let (all, one) = (FloatBuffer(count: 37 * 50), FloatBuffer(count: 50))
    multiplyRowwise(a.view, byTransposeOf: b.view, into: MatrixView(all, rows: 37, columns: 50))
    for i in 0..<37 {
      let row = MatrixView(a.view.buffer, at: i * 300, rows: 1, columns: 300)
      multiply(row, b.view, transposeB: true, into: MatrixView(one, rows: 1, columns: 50))
      #expect(one.array() == all.array(at: i * 50, count: 50))
    }
  }

  @Test("in double precision too")
  func doubles() {
    var stream = RandomStream(seed: 13, purpose: .test)
    let a = Matrix(rows: 13, columns: 290, elements: (0..<3770).map { _ in stream.nextGaussian() })
    let b = Matrix(rows: 290, columns: 11, elements: (0..<3190).map { _ in stream.nextGaussian() })
    let c = a.multiplied(by: b)
    for i in 0..<13 {
      for j in 0..<11 {
        #expect(c[i, j] == (0..<290).reduce(0.0) { $0.addingProduct(a[i, $1], b[$1, j]) })
      }
    }
  }
}
