// Sums across clients that are exact and free of order, as secure aggregation computes them: values on
// a grid of 2⁻³² in 64-bit integers. Any order of clients, and any number of lanes, gives the same bits.

import Kernels

/// A vector sum in fixed point.
package struct FixedPointSum: Sendable {
  /// One over the grid's pitch.
  static let scale = 0x1p32
  /// The largest value that is accepted; 2⁹ clients' worth of it still fit 63 bits.
  package static let largest: Float = 0x1p21

  private var total: [Int64]
  package private(set) var count = 0
  /// The largest magnitude on the grid so far, and the first client that had it.
  private var largest: (magnitude: UInt64, client: Int, value: Float) = (0, 0, 0)

  package init(length: Int) { total = [Int64](repeating: 0, count: length) }

  /// Adds one client's vector, each value rounded to the grid.
  ///
  /// - Throws: `FederationError.updateOutOfRange` for a value beyond ±2²¹ or not a number, or if so many vectors
  ///   with the largest value so far could overflow the sum.
  package mutating func add(_ vector: [Float], client: Int) throws(FederationError) {
    var most: Float = 0
    for value in vector {
      guard value.magnitude <= FixedPointSum.largest else {
        throw .updateOutOfRange(client: client, value: value)
      }
      most = max(most, value.magnitude)
    }
    try makeRoom(
      for: 1, largest: (UInt64((Double(most) * FixedPointSum.scale).rounded()), client, most))
    for i in vector.indices {
      // No sum on the way there can leave the room that was made.
      total[i] &+= Int64((Double(vector[i]) * FixedPointSum.scale).rounded())
    }
  }

  /// Adds everything that another sum holds; in which order sums are added changes no bit.
  ///
  /// - Precondition: both have one length.
  package mutating func merge(_ other: FixedPointSum) throws(FederationError) {
    precondition(other.total.count == total.count, "sums of different vectors have no sum")
    try makeRoom(for: other.count, largest: other.largest)
    for i in total.indices { total[i] &+= other.total[i] }
  }

  /// Whatever stands beside the numbers of a sum.
  struct Head: Sendable, Hashable {
    let count: Int
    /// The largest magnitude on the grid, the smallest client that had it, and its value.
    let magnitude: UInt64
    let client: Int
    let value: Float

    /// Of the sums of several ranks together.
    static func joined(_ heads: [Head]) -> Head {
      let most = heads.max { ($0.magnitude, $1.client) < ($1.magnitude, $0.client) }
      return Head(
        count: heads.reduce(0) { $0 + $1.count }, magnitude: most?.magnitude ?? 0,
        client: most?.client ?? 0, value: most?.value ?? 0)
    }
  }

  var head: Head {
    Head(
      count: count, magnitude: largest.magnitude, client: largest.client, value: largest.value)
  }

  /// The integers of the sum.
  var totals: [Int64] { total }

  /// What several ranks have summed up together.
  ///
  /// - Throws: `FederationError.updateOutOfRange` if so many values of the largest magnitude could have overflowed.
  init(_ head: Head, totals: [Int64]) throws(FederationError) {
    total = totals
    try makeRoom(for: head.count, largest: (head.magnitude, head.client, head.value))
  }

  /// Whatever the signs, `count` values of the largest magnitude must fit: this does not depend on the order of
  /// clients, as an overflow on the way would.
  private mutating func makeRoom(
    for more: Int, largest other: (magnitude: UInt64, client: Int, value: Float)
  ) throws(FederationError) {
    if other.magnitude > largest.magnitude
      || (other.magnitude == largest.magnitude && other.client < largest.client)
    {
      largest = other
    }
    count += more
    let (bound, overflow) = largest.magnitude.multipliedReportingOverflow(by: UInt64(count))
    guard !overflow, bound < 1 << 63 else {
      throw .updateOutOfRange(client: largest.client, value: largest.value)
    }
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
