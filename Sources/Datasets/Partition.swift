// A data set dealt out: public examples, and training and test examples of each client.

import Kernels

/// Disjoint lists of examples of a data set, worked out from a request and its seed alone.
public struct Partition: Sendable {
  /// One client's examples, in random order: every beginning of a list is a random sample of it.
  public struct Client: Sendable, Equatable {
    public let cluster: Int
    public let shift: Shift
    public let train: [Int32]
    public let test: [Int32]
  }

  /// Training examples that belong to nobody, in random order.
  public let publicIndices: [Int32]
  public let clients: [Client]
  public let seed: UInt64
  /// SHA-256, in hexadecimal, of all lists in their order.
  public let digest: String

  /// Deals out a data set.
  ///
  /// - Throws: `tooFew` with the numbers if the data set is too small; `invalidRequest` for settings
  ///   out of range.
  public init(_ request: PartitionRequest, of dataset: Dataset) throws(DatasetError) {
    if let holdings = dataset.holdings {
      seed = request.seed
      publicIndices = Partition.shuffled(dataset.publicTrain, seed, client: -1, part: 0)
      clients = try Partition.clients(holding: holdings, request, of: dataset)
      digest = Partition.hash(publicIndices, clients)
      return
    }
    try request.check(against: dataset)
    let seed = request.seed
    let train = LabelPools(
      dataset.train, classCount: dataset.classCount, seed: seed, without: dataset.publicTrain)
    // A table brings its public rows along, since its scales are read from them.
    let wanted = dataset.publicTrain.isEmpty ? request.publicExamples : 0
    let (drawn, pool) = train.split(Partition.publicShares(wanted, stock: train.counts))
    let publicIndices = dataset.publicTrain + drawn
    let test = LabelPools(dataset.test, classCount: dataset.classCount, seed: seed)
    var trainLists = [[Int32]](repeating: [], count: request.clients.count)
    var testLists = trainLists
    for (groups, members) in try request.pools(of: dataset) {
      let train = pool.from(groups, dataset.train)
      let test = test.from(groups, dataset.test)
      try request.check(members, groups, train.counts, test.counts, dataset)
      var proportions = LabelProportions(seed: seed, stock: train.counts)
      var (trainTops, testTops) = (train.tops, test.tops)
      // Clients that do not share out a stock are dealt to a few at a time, so that what is counted for them takes no
      // room.
      for part in request.overlap ? Partition.parts(of: members) : [members] {
        let counts = Partition.trainCounts(
          request, part, stock: train.counts, proportions: &proportions)
        let trainDealt = train.deal(
          counts, to: part, repeating: request.overlap, from: &trainTops)
        let testDealt = test.deal(
          Partition.testCounts(request, part, train: counts, stock: test.counts), to: part,
          repeating: false, from: &testTops)
        for (place, client) in part.enumerated() {
          trainLists[client] = trainDealt[place]
          testLists[client] = testDealt[place]
        }
      }
    }

    self.seed = seed
    self.publicIndices = Partition.shuffled(publicIndices, seed, client: -1, part: 0)
    var clients: [Client] = []
    clients.reserveCapacity(request.clients.count)
    for (index, client) in request.clients.enumerated() {
      clients.append(
        Client(
          cluster: client.cluster, shift: client.shift,
          train: Partition.take(&trainLists[index], seed, client: index, part: 0),
          test: Partition.take(&testLists[index], seed, client: index, part: 1)))
    }
    self.clients = clients
    digest = Partition.hash(self.publicIndices, clients)
  }

  /// What the clients of a data set hold by themselves, with their shifts; nothing is dealt.
  ///
  /// - Throws: `invalidRequest` unless there is a holding for each client, of as many examples.
  private static func clients(
    holding holdings: [Holding], _ request: PartitionRequest, of dataset: Dataset
  ) throws(DatasetError) -> [Client] {
    let sizes = holdings.map(\.train.count)
    guard sizes == request.clients.map(\.trainExamples) else {
      throw DatasetError(
        .invalidRequest, at: "population.clusters",
        "names \(request.clients.count) clients of other sizes than the \(holdings.count) of "
          + "\(dataset.name), which hold \(sizes.prefix(10)) rows",
        mend: "leave population.clusters out: the clients are those of data.client_column")
    }
    guard request.clients.allSatisfy({ $0.groups == nil }) else {
      throw DatasetError(
        .invalidRequest, at: "population.clusters.groups",
        "choose rows for clients that \(dataset.name) names",
        mend: "leave groups out, or data.client_column")
    }
    return zip(holdings, request.clients).enumerated().map { index, pair in
      Client(
        cluster: pair.1.cluster, shift: pair.1.shift,
        train: Partition.shuffled(pair.0.train, request.seed, client: index, part: 0),
        test: Partition.shuffled(pair.0.test, request.seed, client: index, part: 1))
    }
  }

  /// Equal parts of every label, give or take one; what a rare label lacks is made up by the others.
  private static func publicShares(_ total: Int, stock: [Int]) -> [Int] {
    var shares = stock
    var left = total
    let rarestFirst = stock.indices.sorted { (stock[$0], $0) < (stock[$1], $1) }
    for (place, label) in rarestFirst.enumerated() {
      shares[label] = min(stock[label], left / (stock.count - place))
      left -= shares[label]
    }
    return shares
  }

  /// Some thousand clients each.
  private static func parts(of members: [Int]) -> [[Int]] {
    stride(from: 0, to: members.count, by: 4096).map {
      Array(members[$0..<min($0 + 4096, members.count)])
    }
  }

  private static func trainCounts(
    _ request: PartitionRequest, _ members: [Int], stock: [Int],
    proportions: inout LabelProportions
  ) -> [[Int]] {
    let weights = members.map { proportions.next(request.clients[$0], index: $0) }
    let needs = members.map { request.clients[$0].trainExamples }
    let offsets = offsets(request, members, step: 0)
    guard request.overlap else {
      return allocate(needs: needs, weights: weights, stock: stock, offsets: offsets)
    }
    return needs.indices.map { client in
      allocate(
        needs: [needs[client]], weights: [weights[client]], stock: stock,
        offsets: [offsets[client]])[0]
    }
  }

  /// Test examples follow the labels a client really trains on.
  private static func testCounts(
    _ request: PartitionRequest, _ members: [Int], train counts: [[Int]], stock: [Int]
  ) -> [[Int]] {
    let offsets = offsets(request, members, step: 1)
    return counts.indices.map { client in
      allocate(
        needs: [request.testExamplesPerClient], weights: [counts[client].map(Double.init)],
        stock: stock, offsets: [offsets[client]])[0]
    }
  }

  private static func offsets(
    _ request: PartitionRequest, _ members: [Int], step: Int
  ) -> [Double] {
    members.map { client in
      var stream = RandomStream(
        seed: request.seed, purpose: .partition, round: 3, client: client, step: step)
      return stream.nextUnit()
    }
  }

  private static func shuffled(
    _ indices: [Int32], _ seed: UInt64, client: Int, part: Int
  ) -> [Int32] {
    var stream = RandomStream(
      seed: seed, purpose: .partition, round: 4, client: client, step: part)
    return indices.shuffled(using: &stream)
  }

  /// The same, leaving nothing behind.
  private static func take(
    _ list: inout [Int32], _ seed: UInt64, client: Int, part: Int
  ) -> [Int32] {
    var taken: [Int32] = []
    swap(&taken, &list)
    var stream = RandomStream(
      seed: seed, purpose: .partition, round: 4, client: client, step: part)
    taken.shuffle(using: &stream)
    return taken
  }

  private static func hash(_ publicIndices: [Int32], _ clients: [Client]) -> String {
    var hash = ContentHash("dpflsim partition 1")
    hash.add(publicIndices)
    for client in clients {
      hash.add([client.cluster])
      hash.add(client.train)
      hash.add(client.test)
    }
    return hash.finish()
  }
}
