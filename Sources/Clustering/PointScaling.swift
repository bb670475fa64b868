// Bringing projected points to unit size, so that one variance floor means the same in every run.

public import Kernels

/// How the axes of projected points are scaled before a mixture is fitted to them.
public enum PointScaling: String, Sendable, Hashable, Codable, CaseIterable {
  /// Points as they are.
  case none
  /// Every axis to [0, 1] on its own, as the published R-DPCFL code does: an axis that carries only
  /// noise becomes as long as the one that separates the clusters.
  case perAxis = "min-max"
  /// All axes by the range of the widest one, each from its own minimum: shapes and distance
  /// ratios stay as they are.
  case common

  /// The scaled points; an axis without extent becomes 0.
  public func apply(to points: Matrix) -> Matrix {
    axes(of: points).apply(to: points)
  }

  /// What scales the points, for others beside them.
  public func axes(of points: Matrix) -> Axes {
    guard self != .none, points.rows > 0 else { return Axes(lows: [], ranges: []) }
    let columns = (0..<points.columns)
    let lows = columns.map { column in
      (0..<points.rows).reduce(Double.infinity) { min($0, points[$1, column]) }
    }
    let ranges = columns.map { column in
      (0..<points.rows).reduce(0) { max($0, points[$1, column] - lows[column]) }
    }
    let widest = ranges.max() ?? 0
    return Axes(lows: lows, ranges: self == .common ? ranges.map { _ in widest } : ranges)
  }

  /// Where each axis begins and how long it is.
  public struct Axes: Sendable, Hashable {
    /// Empty where nothing is scaled.
    let lows: [Double]
    let ranges: [Double]

    /// - Precondition: `points` has the columns of those that the axes were made of.
    public func apply(to points: Matrix) -> Matrix {
      var result = points
      for j in lows.indices {
        for i in 0..<points.rows {
          result[i, j] = ranges[j] > 0 ? (points[i, j] - lows[j]) / ranges[j] : 0
        }
      }
      return result
    }
  }
}
