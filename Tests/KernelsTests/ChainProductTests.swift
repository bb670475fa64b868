// Products as chains of fused multiply-adds: right, and the same bits for a row wherever it stands.

import Kernels
import TestSupport
import Testing

@Suite("Chain products")
struct ChainProductTests {
  private func random(_ count: Int, _ seed: Int) -> [Float] {
    var stream = RandomStream(seed: 3, purpose: .test, step: seed)
    return (0..<count).map { _ in Float(stream.nextGaussian()) }
  }

  private func buffer(_ values: [Float]) -> FloatBuffer {
    let buffer = FloatBuffer(count: values.count)
    buffer.write(values)
    return buffer
  }

  static let shapes = [
    (1, 1, 1), (2, 3, 4), (5, 7, 15), (6, 16, 16), (7, 300, 17), (8, 384, 8), (13, 8, 384),
    (33, 700, 40), (97, 520, 33),
  ]

  @Test("every element is one chain over k, whatever the shape", arguments: shapes)
  func chains(rows: Int, depth: Int, columns: Int) {
    let (a, w, bias) = (random(rows * depth, 1), random(columns * depth, 2), random(columns, 3))
    let panels = Panels(depth: depth, columns: columns)
    panels.pack(transposeOf: MatrixView(buffer(w), rows: columns, columns: depth))
    let c = FloatBuffer(count: rows * columns)
    let view = MatrixView(c, rows: rows, columns: columns)
    chainMultiply(
      MatrixView(buffer(a), rows: rows, columns: depth), by: panels,
      start: .row(buffer(bias), at: 0), into: view)
    for i in 0..<rows {
      for j in 0..<columns {
        var chain = bias[j]
        for k in 0..<depth { chain = chain.addingProduct(a[i * depth + k], w[j * depth + k]) }
        #expect(c[i * columns + j] == chain, "\(i), \(j)")
      }
    }
  }

  @Test("transposed, packed from an array, read in place, added to the target", arguments: shapes)
  func forms(rows: Int, depth: Int, columns: Int) {
    let (a, b) = (random(rows * depth, 1), random(depth * columns, 2))
    let at = (0..<depth).flatMap { k in (0..<rows).map { a[$0 * depth + k] } }
    let panels = Panels(depth: depth, columns: columns)
    panels.pack([7] + b, at: 1, rows: depth, columns: columns, transposed: false)
    let before = random(rows * columns, 4)
    let expected = (0..<rows * columns).map { place in
      let (i, j) = (place / columns, place % columns)
      return (0..<depth).reduce(before[place]) {
        $0.addingProduct(a[i * depth + $1], b[$1 * columns + j])
      }
    }
    let bView = MatrixView(buffer(b), rows: depth, columns: columns)
    let straight = MatrixView(buffer(a), rows: rows, columns: depth)
    let turned = MatrixView(buffer(at), rows: depth, columns: rows)
    for form in 0..<4 {
      let c = buffer(before)
      let view = MatrixView(c, rows: rows, columns: columns)
      switch form {
      case 0: chainMultiply(straight, by: panels, start: .target, into: view)
      case 1: chainMultiply(transposeOf: turned, by: panels, start: .target, into: view)
      case 2: chainMultiply(straight, by: bView, start: .target, into: view)
      default: chainMultiply(turned, transposeA: true, by: bView, start: .target, into: view)
      }
      #expect(c.array() == expected, "form \(form)")
    }
  }

  @Test("nothing is written outside the target's columns")
  func strides() {
    let c = buffer(random(5 * 40, 9))
    let before = c.array()
    chainMultiply(
      MatrixView(buffer(random(5 * 20, 1)), rows: 5, columns: 20),
      by: MatrixView(buffer(random(20 * 30, 2)), at: 3, rows: 20, columns: 7, stride: 30),
      into: MatrixView(c, at: 11, rows: 5, columns: 7, stride: 40))
    for i in 0..<200 where !(11..<18).contains(i % 40) { #expect(c[i] == before[i]) }
    for i in 0..<200 where (11..<18).contains(i % 40) { #expect(c[i] != before[i]) }
  }
}
