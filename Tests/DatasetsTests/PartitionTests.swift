// Properties that every partition has, over hundreds of random requests.

import Datasets
import Kernels
import Testing

/// A data set of the given label counts whose examples carry one zero each.
func labelled(train: [Int], test: [Int]) throws -> Dataset {
  func examples(_ part: Examples.Part, _ counts: [Int]) -> Examples {
    var stream = RandomStream(seed: 9, purpose: .test)
    let labels = counts.indices
      .flatMap { [Examples.Label](repeating: Examples.Label($0), count: counts[$0]) }
      .shuffled(using: &stream)
    return Examples(
      part: part, labels: labels, values: .floats([Float](repeating: 0, count: labels.count)))
  }
  return try Dataset(
    name: "labelled", shape: .features(count: 1), classCount: train.count,
    normalization: .identity, train: examples(.train, train), test: examples(.test, test))
}

/// Labels of chosen examples, counted.
func labelCounts(_ indices: [Int32], _ examples: Examples, _ classCount: Int) -> [Int] {
  var counts = [Int](repeating: 0, count: classCount)
  for index in indices { counts[Int(examples.labels[Int(index)])] += 1 }
  return counts
}

@Suite struct PartitionTests {
  /// A request that the data set can serve, drawn at random, and the data set.
  private func randomCase(_ number: Int) throws -> (PartitionRequest, Dataset) {
    var stream = RandomStream(seed: 1, purpose: .test, client: number)
    let classes = Int.random(in: 1...12, using: &stream)
    let train = (0..<classes).map { _ in Int.random(in: 0...60, using: &stream) }
    let dataset = try labelled(
      train: train.map { $0 + 2 },
      test: train.map { _ in Int.random(in: 1...30, using: &stream) })
    let overlap = Bool.random(using: &stream)
    let publicExamples = Int.random(in: 0...dataset.train.count / 2, using: &stream)
    var left = dataset.train.count - publicExamples
    var clients: [ClientRequest] = []
    repeat {
      let count = Int.random(in: 1...max(1, min(left, 80)), using: &stream)
      let skew: LabelSkew =
        switch Int.random(in: 0..<4, using: &stream) {
        case 0: .none
        case 1: .shards(perClient: Int.random(in: 1...14, using: &stream))
        default:
          .dirichlet(
            alpha: [1e-6, 1e-3, 0.1, 1, 10, 1e6][Int.random(in: 0..<6, using: &stream)])
        }
      clients.append(
        ClientRequest(cluster: clients.count % 3, trainExamples: count, labelSkew: skew))
      if !overlap { left -= count }
    } while left > 0 && clients.count < 25
    return (
      PartitionRequest(
        clients: clients, publicExamples: publicExamples,
        testExamplesPerClient: Int.random(in: 0...dataset.test.count, using: &stream),
        overlap: overlap, seed: stream.next()),
      dataset
    )
  }

  @Test("exact counts, no repeats, disjoint parts", arguments: 0..<600)
  func laws(number: Int) throws {
    let (request, dataset) = try randomCase(number)
    let partition = try Partition(request, of: dataset)
    #expect(partition.publicIndices.count == request.publicExamples)
    #expect(partition.clients.count == request.clients.count)
    let publicSet = Set(partition.publicIndices)
    #expect(publicSet.count == request.publicExamples)
    var taken = publicSet
    var tested: [Int32: Int] = [:]
    for (client, wanted) in zip(partition.clients, request.clients) {
      #expect(client.cluster == wanted.cluster)
      #expect(client.train.count == wanted.trainExamples)
      #expect(client.test.count == request.testExamplesPerClient)
      #expect(Set(client.train).count == client.train.count)
      #expect(Set(client.test).count == client.test.count)
      let apartFromPublic = publicSet.isDisjoint(with: client.train)
      #expect(apartFromPublic)
      #expect(client.train.allSatisfy { (0..<dataset.train.count).contains(Int($0)) })
      #expect(client.test.allSatisfy { (0..<dataset.test.count).contains(Int($0)) })
      if !request.overlap {
        let apart = taken.isDisjoint(with: client.train)
        #expect(apart)
        taken.formUnion(client.train)
      }
      for index in client.test { tested[index, default: 0] += 1 }
    }
    let report = try PartitionReport(partition, of: dataset)
    #expect(report.sharedTestExamples == tested.values.count { $0 > 1 })
    if !request.overlap { #expect(report.sharedTrainExamples == 0) }
    #expect(try Partition(request, of: dataset).digest == partition.digest)
  }

  @Test func anotherSeedGivesAnotherPartition() throws {
    let dataset = try labelled(train: [500, 500, 500], test: [50, 50, 50])
    let clients = (0..<5).map { _ in ClientRequest(cluster: 0, trainExamples: 100) }
    let digests = try (0..<20).map { seed in
      try Partition(PartitionRequest(clients: clients, seed: seed), of: dataset).digest
    }
    #expect(Set(digests).count == 20)
  }

  @Test func withoutSkewEveryClientHasTheProportionsOfThePool() throws {
    let dataset = try labelled(train: [600, 300, 100], test: [60, 30, 10])
    let clients = (0..<7).map { _ in ClientRequest(cluster: 0, trainExamples: 100) }
    let partition = try Partition(
      PartitionRequest(clients: clients, testExamplesPerClient: 10, seed: 3), of: dataset)
    for client in partition.clients {
      #expect(labelCounts(client.train, dataset.train, 3) == [60, 30, 10])
      #expect(labelCounts(client.test, dataset.test, 3) == [6, 3, 1])
    }
  }

  @Test("tiny clients get every label, not always the same one")
  func tinyClients() throws {
    let dataset = try labelled(train: [500, 500, 500, 500], test: [5, 5, 5, 5])
    let clients = (0..<1_000).map { _ in ClientRequest(cluster: 0, trainExamples: 1) }
    let partition = try Partition(PartitionRequest(clients: clients, seed: 4), of: dataset)
    let counts = labelCounts(partition.clients.flatMap(\.train), dataset.train, 4)
    // Binomial(1000, 1/4): standard deviation 13.7, so 70 is 5 of them.
    #expect(counts.allSatisfy { abs($0 - 250) < 70 })
  }

  @Test func publicShareIsBalancedUntilALabelRunsOut() throws {
    let dataset = try labelled(train: [100, 100, 7], test: [1, 1, 1])
    let one = [ClientRequest(cluster: 0, trainExamples: 1)]
    let balanced = try Partition(
      PartitionRequest(clients: one, publicExamples: 21, seed: 1), of: dataset)
    #expect(labelCounts(balanced.publicIndices, dataset.train, 3) == [7, 7, 7])
    let short = try Partition(
      PartitionRequest(clients: one, publicExamples: 47, seed: 1), of: dataset)
    #expect(labelCounts(short.publicIndices, dataset.train, 3) == [20, 20, 7])
  }

  @Test("small alpha gives one label a client, large alpha the uniform mix")
  func dirichletLimits() throws {
    let dataset = try labelled(train: Array(repeating: 3_000, count: 5), test: [9, 9, 9, 9, 9])
    for alpha in [1e-300, 1e-6, 1e-3] {
      let clients = (0..<20).map { _ in
        ClientRequest(cluster: 0, trainExamples: 100, labelSkew: .dirichlet(alpha: alpha))
      }
      let partition = try Partition(PartitionRequest(clients: clients, seed: 5), of: dataset)
      let single = partition.clients.count {
        labelCounts($0.train, dataset.train, 5).contains(100)
      }
      #expect(single == 20)
      let first = partition.clients.map { dataset.train.labels[Int($0.train[0])] }
      #expect(Set(first).count > 1)
    }
    for alpha in [1e6, 1e300, Double.greatestFiniteMagnitude] {
      let clients = [
        ClientRequest(cluster: 0, trainExamples: 100, labelSkew: .dirichlet(alpha: alpha))
      ]
      let partition = try Partition(PartitionRequest(clients: clients, seed: 5), of: dataset)
      let counts = labelCounts(partition.clients[0].train, dataset.train, 5)
      #expect(counts.allSatisfy { abs($0 - 20) <= 1 })
    }
  }

  @Test("Dirichlet shares have the variance (1/k)(1 − 1/k)/(kα + 1)", arguments: [0.3, 1, 5.0])
  func dirichletVariance(alpha: Double) throws {
    let labels = 4
    let dataset = try labelled(
      train: Array(repeating: 1_000, count: labels), test: Array(repeating: 1, count: labels))
    let clients = (0..<4_000).map { _ in
      ClientRequest(cluster: 0, trainExamples: 1_000, labelSkew: .dirichlet(alpha: alpha))
    }
    let partition = try Partition(
      PartitionRequest(clients: clients, overlap: true, seed: 6), of: dataset)
    let shares = partition.clients.flatMap {
      labelCounts($0.train, dataset.train, labels).map { Double($0) / 1_000 }
    }
    let mean = 1 / Double(labels)
    let variance = shares.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(shares.count)
    let expected = mean * (1 - mean) / (Double(labels) * alpha + 1)
    // 16,000 shares, dependent by fours: the relative error is about 2 %.
    #expect(abs(variance / expected - 1) < 0.1)
  }

  @Test func shardsGiveThatManyLabelsEvenly() throws {
    let dataset = try labelled(train: Array(repeating: 200, count: 10), test: Array(1...10))
    let clients = (0..<20).map { _ in
      ClientRequest(cluster: 0, trainExamples: 100, labelSkew: .shards(perClient: 2))
    }
    let partition = try Partition(PartitionRequest(clients: clients, seed: 7), of: dataset)
    for client in partition.clients {
      #expect(labelCounts(client.train, dataset.train, 10).filter { $0 > 0 } == [50, 50])
    }
  }

  @Test("when a label runs out its holders ration it and turn to their other labels")
  func rationing() throws {
    let dataset = try labelled(train: [10, 100], test: [1, 1])
    let clients = (0..<4).map { _ in
      ClientRequest(cluster: 0, trainExamples: 20, labelSkew: .shards(perClient: 2))
    }
    let partition = try Partition(PartitionRequest(clients: clients, seed: 8), of: dataset)
    let counts = partition.clients.map { labelCounts($0.train, dataset.train, 2) }
    #expect(counts.map { $0[0] }.reduce(0, +) == 10)
    #expect(counts.allSatisfy { (2...3).contains($0[0]) })
  }

  @Test func testExamplesFollowTrainingLabelsAndAreSharedOnlyWhenUsedUp() throws {
    let dataset = try labelled(train: [100, 100], test: [30, 30])
    let clients = (0..<2).map { _ in
      ClientRequest(cluster: 0, trainExamples: 50, labelSkew: .shards(perClient: 1))
    }
    let apart = try Partition(
      PartitionRequest(clients: clients, testExamplesPerClient: 30, seed: 1), of: dataset)
    #expect(try PartitionReport(apart, of: dataset).sharedTestExamples == 0)
    for client in apart.clients {
      let train = labelCounts(client.train, dataset.train, 2)
      let test = labelCounts(client.test, dataset.test, 2)
      #expect(train.map { $0 > 0 } == test.map { $0 > 0 })
    }
    let mixed = (0..<3).map { _ in ClientRequest(cluster: 0, trainExamples: 50) }
    let shared = try Partition(
      PartitionRequest(clients: mixed, testExamplesPerClient: 30, seed: 1), of: dataset)
    #expect(try PartitionReport(shared, of: dataset).sharedTestExamples == 30)
  }

  @Test func reportTellsPublishedFromSeenLabels() throws {
    let dataset = try labelled(train: [40, 20, 20], test: [4, 2, 2])
    let clients = [
      ClientRequest(cluster: 0, trainExamples: 8),
      ClientRequest(cluster: 1, trainExamples: 8, shift: Shift(labelOffset: 1)),
    ]
    let partition = try Partition(PartitionRequest(clients: clients, seed: 2), of: dataset)
    let report = try PartitionReport(partition, of: dataset)
    #expect(report.clients.map(\.rawLabels) == [[4, 2, 2], [4, 2, 2]])
    #expect(report.clients.map(\.seenLabels) == [[4, 2, 2], [2, 4, 2]])
    #expect(report.partitionHash == partition.digest)
    #expect(report.datasetHash == dataset.contentHash)
  }

  @Test func tooMuchIsRefusedWithTheNumbers() throws {
    let dataset = try labelled(train: [10, 10], test: [3, 3])
    let client = ClientRequest(cluster: 0, trainExamples: 8)
    func kind(_ request: PartitionRequest) -> DatasetError.Kind? {
      do throws(DatasetError) {
        _ = try Partition(request, of: dataset)
        return nil
      } catch {
        return error.kind
      }
    }
    #expect(
      kind(PartitionRequest(clients: [client, client, client], seed: 0))
        == .tooFew(requested: 24, available: 20))
    #expect(
      kind(PartitionRequest(clients: [client, client, client], overlap: true, seed: 0)) == nil)
    #expect(
      kind(PartitionRequest(clients: [client], publicExamples: 13, overlap: true, seed: 0))
        == .tooFew(requested: 21, available: 20))
    #expect(
      kind(PartitionRequest(clients: [client], testExamplesPerClient: 7, seed: 0))
        == .tooFew(requested: 7, available: 6))
    let huge = ClientRequest(cluster: 0, trainExamples: .max)
    #expect(
      kind(PartitionRequest(clients: [huge, huge], publicExamples: .max, seed: 0))
        == .tooFew(requested: .max, available: 20))
  }

  @Test(
    "settings out of range are refused",
    arguments: [
      ClientRequest(cluster: 0, trainExamples: 0), ClientRequest(cluster: -1, trainExamples: 1),
      ClientRequest(cluster: 0, trainExamples: .min),
      ClientRequest(cluster: 0, trainExamples: 1, labelSkew: .dirichlet(alpha: 0)),
      ClientRequest(cluster: 0, trainExamples: 1, labelSkew: .dirichlet(alpha: -1)),
      ClientRequest(cluster: 0, trainExamples: 1, labelSkew: .dirichlet(alpha: .nan)),
      ClientRequest(cluster: 0, trainExamples: 1, labelSkew: .dirichlet(alpha: .infinity)),
      ClientRequest(cluster: 0, trainExamples: 1, labelSkew: .shards(perClient: 0)),
    ])
  func outOfRange(client: ClientRequest) throws {
    let dataset = try labelled(train: [10, 10], test: [3, 3])
    let error = try #require(throws: DatasetError.self) {
      try Partition(PartitionRequest(clients: [client], seed: 0), of: dataset)
    }
    #expect(error.kind == .invalidRequest)
    #expect(error.place.hasPrefix("partition.clients[0]"))
  }
}

@Suite("Allocation")
struct AllocationTests {
  @Test("a client that has the stock for itself gets what it would get as the only one of many")
  func alone() {
    var stream = RandomStream(seed: 3, purpose: .test)
    for _ in 0..<300 {
      let labels = 1 + Int(stream.next() % 6)
      let stock = (0..<labels).map { _ in Int(stream.next() % 20) }
      let all = stock.reduce(0, +)
      let need = all == 0 ? 0 : Int(stream.next() % UInt64(all + 1))
      // Some labels are not wanted at all, so that turns run out of what is.
      let weights = (0..<labels).map { _ in stream.next() % 3 == 0 ? 0 : stream.nextUnit() }
      let offset = stream.nextUnit()
      let given = allocate(need: need, weights: weights, stock: stock, offset: offset)
      #expect(given.reduce(0, +) == need)
      #expect(zip(given, stock).allSatisfy { $0 >= 0 && $0 <= $1 })
      #expect(
        given
          == allocate(needs: [need], weights: [weights], stock: stock, offsets: [offset]).first)
    }
  }
}
