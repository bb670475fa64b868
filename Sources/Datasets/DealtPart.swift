// What some clients of a partition are dealt of a pool of examples.

import Dispatch
import Kernels
import Synchronization

/// The training examples of some clients, in random order, and how many test examples of each label they get.
struct DealtPart: Sendable {
  let clients: [Int]
  let train: [[Int32]]
  /// They follow the labels that a client really trains on.
  let testCounts: [[Int]]

  /// - Parameters:
  ///   - weights: of every client a weight for each label.
  ///   - testStock: test examples of each label.
  init(
    _ clients: [Int], weights: [[Double]], of request: PartitionRequest, from pool: LabelPools,
    testStock: [Int]
  ) {
    self.clients = clients
    let needs = clients.map { request.clients[$0].trainExamples }
    let counts = Self.counts(
      needs, weights: weights, stock: pool.counts,
      offsets: Self.offsets(request, clients, step: 0), areShared: !request.overlap)
    // Who shares out a pool is in one part with all the others.
    var tops = pool.tops
    let dealt = pool.deal(counts, to: clients, repeating: request.overlap, from: &tops)
    train = zip(clients, dealt).map { client, list in
      Partition.shuffled(list, request.seed, client: client, part: 0)
    }
    testCounts = Self.counts(
      clients.map { _ in request.testExamplesPerClient },
      weights: counts.map { $0.map(Double.init) }, stock: testStock,
      offsets: Self.offsets(request, clients, step: 1), areShared: false)
  }

  /// - Parameter areShared: whether clients share out the stock; otherwise each has it for itself.
  private static func counts(
    _ needs: [Int], weights: [[Double]], stock: [Int], offsets: [Double], areShared: Bool
  ) -> [[Int]] {
    guard !areShared else {
      return allocate(needs: needs, weights: weights, stock: stock, offsets: offsets)
    }
    return needs.indices.map {
      allocate(need: needs[$0], weights: weights[$0], stock: stock, offset: offsets[$0])
    }
  }

  private static func offsets(
    _ request: PartitionRequest, _ clients: [Int], step: Int
  ) -> [Double] {
    clients.map { client in
      var stream = RandomStream(
        seed: request.seed, purpose: .partition, round: 3, client: client, step: step)
      return stream.nextUnit()
    }
  }
}

/// What `body` makes of every element, on all cores, in the order of the elements.
func concurrentMap<Element: Sendable, Value: Sendable>(
  _ elements: [Element], _ body: @Sendable (Element) -> Value
) -> [Value] {
  let values = Mutex([Value?](repeating: nil, count: elements.count))
  DispatchQueue.concurrentPerform(iterations: elements.count) { index in
    let value = body(elements[index])
    values.withLock { $0[index] = value }
  }
  return values.withLock { $0.compactMap(\.self) }
}
