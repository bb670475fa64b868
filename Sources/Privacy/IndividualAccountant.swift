// What each example's privacy cost given the gradient norms it really had.
//
// Yu et al., "Individual privacy accounting for differentially private stochastic gradient descent" (TMLR
// 2023), Theorem 3.1: an example whose gradient has norm Z sees the noise multiplier σC/Z. Where the paper
// rounds norms to the nearest level we round up, and convert with the improved formula: the result is then a
// bound instead of an estimate.

/// Per-example Rényi accumulators for one client.
///
/// The ε of an example is output-specific: it holds for the trajectory that was observed, not for the worst
/// case, and it depends on private data. Show it to nobody but the example's owner, or release statistics of it
/// privately. It changes nothing in the ordinary guarantee, which covers
/// every example too; rounding may put the bound of an example up to a percent above that.
///
/// The bound needs every gradient clipped to its level's norm, `level/100 · maxGradNorm`, while the level is in
/// force; a norm measured earlier is otherwise only an estimate of the present one.
public struct IndividualAccountant: Sendable {
  /// Norms are rounded up to hundredths of the clip norm, so a step needs a hundred curves at most.
  public static let levelCount = 100

  /// Orders for accumulators: fewer than the accountant's, as every example stores one number for each.
  public static let standardOrders: [Double] = [
    1.1, 1.2, 1.4, 1.6, 1.8, 2, 2.25, 2.5, 2.75, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24,
    28, 32, 40, 48, 64, 96, 128, 256, 512,
  ]

  private struct StepKind: Hashable {
    var sampleRate: Double
    var noiseMultiplier: Double
  }

  public let orders: [Double]
  public let exampleCount: Int
  /// Row i holds example i's divergences, one per order.
  package private(set) var divergences: [Double]
  /// Per kind of step, the divergences of level l from l · orders.count on; NaN until a level is met.
  private var tables: [StepKind: [Double]] = [:]

  public init(exampleCount: Int, orders: [Double] = IndividualAccountant.standardOrders) {
    precondition(exampleCount >= 0, "A client has no fewer than 0 examples.")
    self.orders = orders
    self.exampleCount = exampleCount
    divergences = Array(repeating: 0, count: exampleCount * orders.count)
  }

  /// Goes on from divergences that an accountant of as many examples and the same orders had.
  ///
  /// - Returns: whether they are as many as they should be; nothing changes otherwise.
  package mutating func restore(_ divergences: [Double]) -> Bool {
    guard divergences.count == self.divergences.count else { return false }
    self.divergences = divergences
    return true
  }

  /// The smallest level (0...100) whose norm is at least `norm`; the clip norm's level for anything above
  /// it or not a number.
  public static func level(norm: Float, maxGradNorm: Float) -> Int {
    guard norm < maxGradNorm else { return levelCount }
    guard norm > 0 else { return 0 }
    // Exact in a Double: a product of a Float and a small integer.
    let scaled = Double(norm) * Double(levelCount)
    let level = Int((scaled / Double(maxGradNorm)).rounded(.up))
    return Double(level) * Double(maxGradNorm) < scaled ? level + 1 : level
  }

  /// Adds `steps` noisy steps during which example i's gradient norm was at most `levels[i]` hundredths of the
  /// clip norm.
  public mutating func record(
    levels: [Int], sampleRate: Double, noiseMultiplier: Double, steps: Int
  ) throws(AccountingError) {
    precondition(levels.count == exampleCount, "Every example has a level.")
    precondition(
      levels.allSatisfy { (0...Self.levelCount).contains($0) }, "Levels go from 0 to 100.")
    let table = try table(
      for: StepKind(sampleRate: sampleRate, noiseMultiplier: noiseMultiplier), levels: levels)
    let factor = Double(steps)
    for (example, level) in levels.enumerated() {
      let (row, source) = (example * orders.count, level * orders.count)
      for index in orders.indices { divergences[row + index] += factor * table[source + index] }
    }
  }

  /// Adds a release that concerns every example alike, such as a cluster selection.
  public mutating func record(_ event: PrivacyEvent) throws(AccountingError) {
    let curve = try RDPAccountant(orders: orders).curve(of: event)
    for example in 0..<exampleCount {
      for index in orders.indices {
        divergences[example * orders.count + index] += curve.divergences[index]
      }
    }
  }

  /// Every example's ε at `delta`.
  public func epsilons(delta: Double) -> [Double] {
    (0..<exampleCount).map { example in
      let row = divergences[example * orders.count..<(example + 1) * orders.count]
      return zip(orders, row).map {
        RDPConversion.improved.epsilon(order: $0, divergence: $1, delta: delta)
      }.min() ?? .infinity
    }
  }

  /// The table of a kind of step, with the rows of `levels` filled in.
  private mutating func table(for kind: StepKind, levels: [Int]) throws(AccountingError) -> [Double]
  {
    var table =
      tables[kind] ?? Array(repeating: .nan, count: (Self.levelCount + 1) * orders.count)
    for level in Set(levels) where table[level * orders.count].isNaN {
      let step: PrivacyEvent =
        level == 0
        ? .noRelease
        : .trainingSteps(
          sampleRate: kind.sampleRate,
          noiseMultiplier: kind.noiseMultiplier * Double(Self.levelCount) / Double(level), count: 1)
      let curve = try RDPAccountant(orders: orders).curve(of: step)
      for index in orders.indices {
        table[level * orders.count + index] = curve.divergences[index]
      }
    }
    tables[kind] = table
    return table
  }
}
