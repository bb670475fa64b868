// Who does what: clients dealt to ranks by their planned work, the same list on every rank, so that nothing has to
// be sent. Costs come from plans and never from clocks, or ranks would disagree.

/// The longest first, each to the rank that has least to do (Graham 1969: at most 4/3 − 1/(3R) of the best).
package enum LongestFirst {
  /// - Parameters:
  ///   - costs: of each piece of work, from 0.
  ///   - ranks: at least 1.
  /// - Returns: the rank of each piece. Among equals the piece and the rank with the smaller number come first.
  package static func deal(_ costs: [Int], ranks: Int) -> [Int] {
    var owners = [Int](repeating: 0, count: costs.count)
    guard ranks > 1 else { return owners }
    var heap = LoadHeap(ranks: ranks)
    for piece in costs.indices.sorted(by: { (costs[$1], $0) < (costs[$0], $1) }) {
      owners[piece] = heap.add(costs[piece])
    }
    return owners
  }

  /// The mean over the largest load, from above 0 to 1; 1 without any work.
  package static func balance(_ costs: [Int], owners: [Int], ranks: Int) -> Double {
    var loads = [Int](repeating: 0, count: ranks)
    for (cost, owner) in zip(costs, owners) { loads[owner] += cost }
    guard let most = loads.max(), most > 0 else { return 1 }
    return Double(loads.reduce(0, +)) / Double(ranks) / Double(most)
  }
}

/// The ranks by what they have to do, the least first.
private struct LoadHeap {
  private var loads: [(load: Int, rank: Int)]

  init(ranks: Int) { loads = (0..<ranks).map { (0, $0) } }

  /// Gives work to the first rank and says which that was.
  mutating func add(_ cost: Int) -> Int {
    let rank = loads[0].rank
    loads[0].load += cost
    var place = 0
    while true {
      var least = place
      for child in [2 * place + 1, 2 * place + 2] where child < loads.count {
        if loads[child] < loads[least] { least = child }
      }
      guard least != place else { return rank }
      loads.swapAt(place, least)
      place = least
    }
  }
}

extension ClientTask {
  /// Example gradients that it takes, a choice among models counting a third of one for each example and model.
  func cost(of plan: ClientPlan) -> Int {
    let training =
      switch self.training {
      case .fullBatch: plan.fullBatchSteps * plan.trainExamples
      case .sampled: plan.stepsPerRound * plan.batchSize
      }
    return max(training + (selection?.candidates.count ?? 0) * plan.trainExamples / 3, 1)
  }
}
