// How many examples each client of a cluster has.

import Foundation
import Kernels

/// The numbers of examples of the clients of a cluster; always whole numbers of at least 1.
public enum Quantity: Sendable, Hashable, Codable {
  /// The same for every client.
  case fixed(Int)
  /// One number for each client.
  case list([Int])
  /// A uniform draw from the closed range for each client.
  case range(ClosedRange<Int>)
  /// Quantity skew: every client gets 1, and the rest of `mean` · clients is split in proportion to
  /// exp(`sigma` · g) with standard normal g; the total is exact.
  case logNormal(mean: Int, sigma: Double)

  /// The numbers for the given clients.
  ///
  /// - Parameters:
  ///   - cluster: keys the draws, so that a cluster's numbers do not depend on the other clusters.
  /// - Throws: `invalidRequest` if a number is out of range or the list has the wrong length.
  public func counts(clients: Int, cluster: Int, seed: UInt64) throws(DatasetError) -> [Int] {
    guard (1...10_000_000).contains(clients) else {
      throw Quantity.outOfRange("clients", clients)
    }
    switch self {
    case .fixed(let count):
      try Quantity.check(count)
      return Array(repeating: count, count: clients)
    case .list(let counts):
      guard counts.count == clients else {
        throw DatasetError(
          .invalidRequest, at: "samples", "lists \(counts.count) numbers for \(clients) clients",
          fix: "list one number for each client")
      }
      for count in counts { try Quantity.check(count) }
      return counts
    case .range(let range):
      try Quantity.check(range.lowerBound)
      try Quantity.check(range.upperBound)
      return (0..<clients).map { client in
        var stream = Quantity.stream(seed, cluster, client)
        return Int.random(in: range, using: &stream)
      }
    case .logNormal(let mean, let sigma):
      try Quantity.check(mean)
      return try Quantity.logNormal(clients, cluster, seed, mean, sigma)
    }
  }

  private static func logNormal(
    _ clients: Int, _ cluster: Int, _ seed: UInt64, _ mean: Int, _ sigma: Double
  ) throws(DatasetError) -> [Int] {
    guard sigma >= 0, sigma <= 100 else {
      throw DatasetError(
        .invalidRequest, at: "samples.sigma", "\(sigma) is out of range",
        fix: "use a number from 0 to 100")
    }
    let rest = (mean - 1).multipliedReportingOverflow(by: clients)
    guard !rest.overflow, rest.partialValue <= Int(Int32.max) else {
      throw Quantity.outOfRange("mean", mean)
    }
    let exponents = (0..<clients).map { client in
      var stream = Quantity.stream(seed, cluster, client)
      return sigma * stream.nextGaussian()
    }
    let largest = exponents.max() ?? 0
    // On a grid of 2⁻³⁰ of the largest weight, so that the split is exact.
    let weights = exponents.map { Int((Elementary.exp($0 - largest) * 0x1p30).rounded()) }
    return largestRemainder(rest.partialValue, weights: weights).map { 1 + $0 }
  }

  private static func check(_ count: Int) throws(DatasetError) {
    guard (1...Int(Int32.max)).contains(count) else { throw outOfRange("count", count) }
  }

  private static func outOfRange(_ name: String, _ value: Int) -> DatasetError {
    DatasetError(
      .invalidRequest, at: "samples.\(name)", "\(value) is out of range",
      fix: "use a whole number from 1 to what the data set has")
  }

  private static func stream(_ seed: UInt64, _ cluster: Int, _ client: Int) -> RandomStream {
    RandomStream(seed: seed, purpose: .partition, round: 1, client: cluster, step: client)
  }
}
