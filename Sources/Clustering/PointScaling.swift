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
    guard self != .none, points.rows > 0 else { return points }
    let columns = (0..<points.columns)
    let lows = columns.map { column in
      (0..<points.rows).reduce(Double.infinity) { min($0, points[$1, column]) }
    }
    let ranges = columns.map { column in
      (0..<points.rows).reduce(0) { max($0, points[$1, column] - lows[column]) }
    }
    let widest = ranges.max() ?? 0
    var result = points
    for j in columns {
      let range = self == .common ? widest : ranges[j]
      for i in 0..<points.rows {
        result[i, j] = range > 0 ? (points[i, j] - lows[j]) / range : 0
      }
    }
    return result
  }
}
