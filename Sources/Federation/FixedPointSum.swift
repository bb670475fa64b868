// Sums across clients that are exact and free of order, as secure aggregation computes them: values on
// a grid of 2⁻³² in 64-bit integers. Any order of clients, and any number of lanes, gives the same bits.

import Kernels

/// A vector sum in fixed point.
package struct FixedPointSum {
  /// One over the grid's pitch.
  static let scale = 0x1p32
  /// The largest value that is accepted; 2⁹ clients' worth of it still fit 63 bits.
  package static let largest: Float = 0x1p21

  private var total: [Int64]
  package private(set) var count = 0

  package init(length: Int) { total = [Int64](repeating: 0, count: length) }

  /// Adds one client's vector, each value rounded to the grid.
  ///
  /// - Throws: `FederationError.updateOutOfRange` for a value beyond ±2²¹ or not a number, or if the sum
  ///   would overflow.
  package mutating func add(_ vector: [Float], client: Int) throws(FederationError) {
    for i in vector.indices {
      let value = vector[i]
      guard value.magnitude <= FixedPointSum.largest else {
        throw .updateOutOfRange(client: client, value: value)
      }
      let fixed = Int64((Double(value) * FixedPointSum.scale).rounded())
      let (sum, overflow) = total[i].addingReportingOverflow(fixed)
      guard !overflow else { throw .updateOutOfRange(client: client, value: value) }
      total[i] = sum
    }
    count += 1
  }

  /// The sum itself.
  var sum: [Float] { total.map { Float(Double($0) / FixedPointSum.scale) } }

  /// The mean of the vectors; nil if there were none.
  package var mean: [Float]? {
    guard count > 0 else { return nil }
    let divisor = FixedPointSum.scale * Double(count)
    return total.map { Float(Double($0) / divisor) }
  }
}
