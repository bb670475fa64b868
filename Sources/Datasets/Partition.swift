// A data set dealt out: public examples, and training and test examples of each client.

import Foundation
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
    // A table brings its public rows along, which are drawn before its rows are split.
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
      var tops = test.tops
      // Clients that do not share out a stock are dealt to a few at a time, so that what is counted for them takes no
      // room, and on all cores.
      for wave in request.overlap ? Partition.waves(of: members) : [[members]] {
        let weighted = wave.map { part in
          (part, part.map { proportions.next(request.clients[$0], index: $0) })
        }
        let dealt = concurrentMap(weighted) { part, weights in
          DealtPart(part, weights: weights, of: request, from: train, testStock: test.counts)
        }
        // Test examples go round among all clients, so one part is dealt after the other.
        let tests = dealt.map {
          test.deal($0.testCounts, to: $0.clients, repeating: false, from: &tops)
        }
        let shuffled = concurrentMap(Array(zip(dealt, tests))) { part, lists in
          zip(part.clients, lists).map { Partition.shuffled($1, seed, client: $0, part: 1) }
        }
        for (part, lists) in zip(dealt, shuffled) {
          for (place, client) in part.clients.enumerated() {
            trainLists[client] = part.train[place]
            testLists[client] = lists[place]
          }
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
          train: trainLists[index], test: testLists[index]))
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
        fix: "leave population.clusters out: the clients are those of data.client_column")
    }
    guard request.clients.allSatisfy({ $0.groups == nil }) else {
      throw DatasetError(
        .invalidRequest, at: "population.clusters.groups",
        "choose rows for clients that \(dataset.name) names",
        fix: "leave groups out, or data.client_column")
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

  /// Parts of some thousand clients, as many at a time as all cores need.
  private static func waves(of members: [Int]) -> [[[Int]]] {
    let parts = stride(from: 0, to: members.count, by: 4096).map {
      Array(members[$0..<min($0 + 4096, members.count)])
    }
    let size = 2 * ProcessInfo.processInfo.activeProcessorCount
    return stride(from: 0, to: parts.count, by: size).map {
      Array(parts[$0..<min($0 + size, parts.count)])
    }
  }

  static func shuffled(
    _ indices: consuming [Int32], _ seed: UInt64, client: Int, part: Int
  ) -> [Int32] {
    var stream = RandomStream(
      seed: seed, purpose: .partition, round: 4, client: client, step: part)
    indices.shuffle(using: &stream)
    return indices
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
