// How fast this machine multiplies dense matrices: what every other rate is compared with.

import Kernels

/// A square product in single precision on one thread, by the library that the engine calls.
public struct SgemmRate {
  private static let side = 256
  private let (a, b, c): (FloatBuffer, FloatBuffer, FloatBuffer)

  public init() {
    let count = SgemmRate.side * SgemmRate.side
    a = FloatBuffer(count: count)
    b = FloatBuffer(count: count)
    c = FloatBuffer(count: count)
    for i in 0..<count {
      a[i] = Float(i % 13) - 6
      b[i] = Float(i % 7) - 3
    }
    for _ in 0..<10 { multiply() }
  }

  private func multiply() {
    let side = SgemmRate.side
    Kernels.multiply(
      MatrixView(a, rows: side, columns: side), MatrixView(b, rows: side, columns: side),
      into: MatrixView(c, rows: side, columns: side))
  }

  /// Multiply-adds per second, over a few products made now (about 2 ms).
  public func measure() -> Double {
    let products = 3
    let clock = ContinuousClock()
    let begin = clock.now
    for _ in 0..<products { multiply() }
    let side = Double(SgemmRate.side)
    return Double(products) * side * side * side / begin.duration(to: clock.now).seconds
  }
}

extension Duration {
  public var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}
