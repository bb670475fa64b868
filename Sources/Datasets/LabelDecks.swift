// The examples of each label in random order, like decks of cards that are dealt from the top.

import Kernels

/// One shuffled list of example indices for each label.
struct LabelDecks {
  private let seed: UInt64
  private let decks: [[Int32]]

  /// - Parameter excluded: examples that are dealt to nobody.
  init(_ examples: Examples, classCount: Int, seed: UInt64, without excluded: [Int32] = []) {
    let excluded = Set(excluded)
    var decks = [[Int32]](repeating: [], count: classCount)
    for (index, label) in examples.labels.enumerated() where !excluded.contains(Int32(index)) {
      decks[Int(label)].append(Int32(index))
    }
    for label in decks.indices {
      var stream = RandomStream(
        seed: seed, purpose: .partition, round: 5, client: label,
        step: examples.part == .train ? 0 : 1)
      decks[label].shuffle(using: &stream)
    }
    self.init(seed: seed, decks: decks)
  }

  private init(seed: UInt64, decks: [[Int32]]) {
    self.seed = seed
    self.decks = decks
  }

  /// How many examples each label has.
  var counts: [Int] { decks.map(\.count) }

  /// Where dealing begins in each deck.
  var tops: [Int] { decks.map { _ in 0 } }

  /// Takes the given number of examples of each label off the top.
  func split(_ counts: [Int]) -> (taken: [Int32], rest: LabelDecks) {
    let taken = zip(decks, counts).flatMap { $0.prefix($1) }
    let rest = zip(decks, counts).map { Array($0.dropFirst($1)) }
    return (taken, LabelDecks(seed: seed, decks: rest))
  }

  /// The decks of the examples that `isKept` chooses, in the same order.
  func keeping(_ isKept: (Int) -> Bool) -> LabelDecks {
    LabelDecks(seed: seed, decks: decks.map { deck in deck.filter { isKept(Int($0)) } })
  }

  /// Deals `counts[place][label]` examples to the client `clients[place]`.
  ///
  /// - Parameter repeating: true draws for each client from whole decks of its own; false goes on
  ///   where the last client stopped and begins a deck again only when it is used up.
  /// - Parameter tops: where the last client stopped in each deck, which changes with it.
  /// - Precondition: no count exceeds its deck.
  func deal(
    _ counts: [[Int]], to clients: [Int], repeating: Bool, from tops: inout [Int]
  ) -> [[Int32]] {
    zip(clients, counts).map { client, counts in
      var hand: [Int32] = []
      hand.reserveCapacity(counts.reduce(0, +))
      var stream = RandomStream(seed: seed, purpose: .partition, round: 6, client: client)
      for (label, count) in counts.enumerated() where count > 0 {
        let deck = decks[label]
        precondition(count <= deck.count, "a client cannot be given more of a label than there is")
        if repeating {
          hand += LabelDecks.sample(count, of: deck, using: &stream)
        } else {
          let top = tops[label]
          hand += (top..<top + count).map { deck[$0 % deck.count] }
          tops[label] = (top + count) % deck.count
        }
      }
      return hand
    }
  }

  /// A uniform sample without replacement (Floyd's algorithm), at a cost of the sample's size.
  private static func sample(
    _ count: Int, of deck: [Int32], using stream: inout RandomStream
  ) -> [Int32] {
    // Few places are looked through faster than they are hashed.
    var chosen: [Int] = []
    var hashed: Set<Int> = []
    let isFew = count <= 32
    var sample: [Int32] = []
    sample.reserveCapacity(count)
    for last in deck.count - count..<deck.count {
      let candidate = Int.random(in: 0...last, using: &stream)
      let isTaken = isFew ? chosen.contains(candidate) : hashed.contains(candidate)
      let place = isTaken ? last : candidate
      if isFew { chosen.append(place) } else { hashed.insert(place) }
      sample.append(deck[place])
    }
    return sample
  }
}
