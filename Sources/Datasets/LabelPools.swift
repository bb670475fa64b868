// The examples of each label in random order, like decks of cards that are dealt from the top.

import Kernels

/// One shuffled list of example indices for each label.
struct LabelPools {
  private let seed: UInt64
  private let pools: [[Int32]]

  /// - Parameter excluded: examples that are dealt to nobody.
  init(_ examples: Examples, classCount: Int, seed: UInt64, without excluded: [Int32] = []) {
    let excluded = Set(excluded)
    var pools = [[Int32]](repeating: [], count: classCount)
    for (index, label) in examples.labels.enumerated() where !excluded.contains(Int32(index)) {
      pools[Int(label)].append(Int32(index))
    }
    for label in pools.indices {
      var stream = RandomStream(
        seed: seed, purpose: .partition, round: 5, client: label,
        step: examples.part == .train ? 0 : 1)
      pools[label].shuffle(using: &stream)
    }
    self.init(seed: seed, pools: pools)
  }

  private init(seed: UInt64, pools: [[Int32]]) {
    self.seed = seed
    self.pools = pools
  }

  /// How many examples each label has.
  var counts: [Int] { pools.map(\.count) }

  /// Where dealing begins in each pool.
  var tops: [Int] { pools.map { _ in 0 } }

  /// Takes the given number of examples of each label off the top.
  func split(_ counts: [Int]) -> (taken: [Int32], rest: LabelPools) {
    let taken = zip(pools, counts).flatMap { $0.prefix($1) }
    let rest = zip(pools, counts).map { Array($0.dropFirst($1)) }
    return (taken, LabelPools(seed: seed, pools: rest))
  }

  /// The pools of the examples that `isKept` chooses, in the same order.
  func keeping(_ isKept: (Int) -> Bool) -> LabelPools {
    LabelPools(seed: seed, pools: pools.map { pool in pool.filter { isKept(Int($0)) } })
  }

  /// Deals `counts[place][label]` examples to the client `clients[place]`.
  ///
  /// - Parameter repeating: true draws for each client from whole pools of its own; false goes on
  ///   where the last client stopped and begins a pool again only when it is used up.
  /// - Parameter tops: where the last client stopped in each pool, which changes with it.
  /// - Precondition: no count exceeds its pool.
  func deal(
    _ counts: [[Int]], to clients: [Int], repeating: Bool, from tops: inout [Int]
  ) -> [[Int32]] {
    zip(clients, counts).map { client, counts in
      var hand: [Int32] = []
      hand.reserveCapacity(counts.reduce(0, +))
      var stream = RandomStream(seed: seed, purpose: .partition, round: 6, client: client)
      for (label, count) in counts.enumerated() where count > 0 {
        let pool = pools[label]
        precondition(count <= pool.count, "a client cannot be given more of a label than there is")
        if repeating {
          LabelPools.draw(count, of: pool, into: &hand, using: &stream)
        } else {
          let top = tops[label]
          hand += (top..<top + count).map { pool[$0 % pool.count] }
          tops[label] = (top + count) % pool.count
        }
      }
      return hand
    }
  }

  /// A uniform sample without replacement (Floyd's algorithm), at a cost of the sample's size.
  private static func draw(
    _ count: Int, of pool: [Int32], into hand: inout [Int32], using stream: inout RandomStream
  ) {
    let start = hand.count
    // Few are looked through faster than they are hashed.
    let isFew = count <= 32
    var hashed: Set<Int32> = []
    for last in pool.count - count..<pool.count {
      let candidate = pool[Int.random(in: 0...last, using: &stream)]
      let isTaken = isFew ? hand[start...].contains(candidate) : hashed.contains(candidate)
      let drawn = isTaken ? pool[last] : candidate
      if !isFew { hashed.insert(drawn) }
      hand.append(drawn)
    }
  }
}
