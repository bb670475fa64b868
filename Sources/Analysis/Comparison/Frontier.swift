// Which budgets and methods are worth taking: those that no other one beats at the same ε or less, and
// among them the one after which more ε buys little.
//
// The knee is the point farthest above the chord between both ends (Satopää et al., "Finding a
// Kneedle in a haystack", 2011), over log ε.

import Clustering
import Foundation

/// A method with a budget, and what the worst-off cluster (or client, see `WorstOff`) gets from it.
public struct FrontierPoint: Sendable, Hashable {
  public let method: String
  public let epsilon: EpsilonTarget
  /// Means over seeds: of the worst off, and of the worst-off true cluster.
  public let worstOffAccuracy: Double
  public let worstClusterAccuracy: Double
  public let seeds: Int
}

extension Comparison {
  /// The Pareto frontier of the accuracy of the worst off against ε, in ascending order of ε: no other point has
  /// as little ε and as much accuracy. The oracle takes no part: nobody knows the true clusters. Nor do cells that
  /// run only because a critical finding was allowed: at an ε that says little they would beat what is protected.
  public func frontier(settings: String) -> [FrontierPoint] {
    let worstOff = worstOff
    let points = cells.compactMap { cell -> FrontierPoint? in
      let estimate = cell.estimate(worstOff.metric)
      guard cell.settings == settings, cell.isRanked, let mean = estimate.mean else { return nil }
      return FrontierPoint(
        method: cell.method, epsilon: cell.epsilon, worstOffAccuracy: mean,
        worstClusterAccuracy: cell.estimate(.worstClusterAccuracy).mean ?? mean,
        seeds: estimate.count)
    }
    var frontier: [FrontierPoint] = []
    let sorted = points.sorted {
      ($0.epsilon.high, -$0.worstOffAccuracy, $0.method)
        < ($1.epsilon.high, -$1.worstOffAccuracy, $1.method)
    }
    for point in sorted {
      let best = frontier.last
      let isTie =
        point.worstOffAccuracy == best?.worstOffAccuracy && point.epsilon == best?.epsilon
      if isTie || point.worstOffAccuracy > best?.worstOffAccuracy ?? -1 {
        frontier.append(point)
      }
    }
    return frontier
  }

  /// The knee of the frontier of these settings; nil unless the worst-off cluster gains more between its ends than
  /// their intervals leave open.
  public func knee(settings: String) -> FrontierPoint? {
    let frontier = frontier(settings: settings)
    let points = frontier.filter { $0.epsilon.high.isFinite }
    func estimate(_ point: FrontierPoint?) -> SeedEstimate? {
      cells.first {
        $0.settings == settings && $0.method == point?.method && $0.epsilon == point?.epsilon
      }?.estimate(worstOff.metric)
    }
    if let first = estimate(points.first)?.upper, let last = estimate(points.last)?.lower,
      first >= last
    {
      return nil
    }
    return Self.knee(of: frontier)
  }

  /// The knee of a frontier; nil with fewer than three points with privacy, if accuracy rises by less than two
  /// points of per cent, or if no point lies a tenth of the rise above the chord.
  public static func knee(of frontier: [FrontierPoint]) -> FrontierPoint? {
    let points = frontier.filter { $0.epsilon.high.isFinite }
    guard points.count >= 3, let first = points.first, let last = points.last else { return nil }
    let width = log(last.epsilon.high / first.epsilon.high)
    let height = last.worstOffAccuracy - first.worstOffAccuracy
    guard width > 0, height >= 0.02 else { return nil }
    let heights = points.map { point in
      (point.worstOffAccuracy - first.worstOffAccuracy) / height
        - log(point.epsilon.high / first.epsilon.high) / width
    }
    guard let index = heights.indices.max(by: { heights[$0] < heights[$1] }), heights[index] >= 0.1
    else { return nil }
    return points[index]
  }
}
