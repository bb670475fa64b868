// How well an attack tells members from others: area under the curve, and hits at few false alarms, each with a
// confidence interval.

import Privacy

package struct AttackCurve: Sendable {
  private let members: [Double]
  private let others: [Double]

  /// Higher scores speak for membership.
  package init(members: [Double], others: [Double]) {
    self.members = members.sorted(by: >)
    self.others = others.sorted(by: >)
  }

  /// P[score of a member > score of another] + ½ P[equal], by ranks.
  package var area: Double {
    guard !members.isEmpty, !others.isEmpty else { return 0.5 }
    let ascending = Array(others.reversed())
    var total = 0.0
    for score in members {
      let below = Self.lowerBound(ascending, score)
      let upTo = Self.upperBound(ascending, score)
      total += Double(below) + 0.5 * Double(upTo - below)
    }
    return total / (Double(members.count) * Double(others.count))
  }

  /// Half the width of the 95 % interval of the area (Hanley and McNeil 1982).
  package var areaMargin: Double {
    let a = area
    let (p, q) = (a / (2 - a), 2 * a * a / (1 + a))
    let (m, n) = (Double(members.count), Double(others.count))
    let variance = (a * (1 - a) + (m - 1) * (p - a * a) + (n - 1) * (q - a * a)) / (m * n)
    return 1.96 * max(variance, 0).squareRoot()
  }

  package struct Hits: Sendable {
    package let rate: Double
    /// Clopper and Pearson, 95 %.
    package let low: Double
    package let high: Double
  }

  /// Members found at a threshold that at most `rate` of the others pass.
  package func hits(atFalseAlarms rate: Double) -> Hits {
    let allowed = Int(rate * Double(others.count))
    let threshold = allowed < others.count ? others[allowed] : -.infinity
    let found = members.count { $0 > threshold }
    let count = members.count
    return Hits(
      rate: Double(found) / Double(max(count, 1)),
      low: 1
        - Audit.upperLimit(successes: count - found, trials: count, significance: 0.025),
      high: Audit.upperLimit(successes: found, trials: count, significance: 0.025))
  }

  private static func lowerBound(_ sorted: [Double], _ value: Double) -> Int {
    partition(sorted.count) { sorted[$0] < value }
  }

  private static func upperBound(_ sorted: [Double], _ value: Double) -> Int {
    partition(sorted.count) { sorted[$0] <= value }
  }

  private static func partition(_ count: Int, _ isBefore: (Int) -> Bool) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if isBefore(middle) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
