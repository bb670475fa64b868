// The clients of a partition in numbers, worked out when they are looked at: for a million clients they would take half a
// gigabyte.

extension PartitionReport {
  /// The clients in order.
  public struct Clients: RandomAccessCollection, Sendable {
    private enum Source: Sendable {
      case listed([Client])
      case dealt(DealtClients)
    }

    private let source: Source
    public let endIndex: Int

    /// Clients that are known one by one, as those that were read from a document.
    public init(_ clients: [Client] = []) {
      source = .listed(clients)
      endIndex = clients.count
    }

    /// - Parameter count: how many of the partition's, from the first on.
    init(_ dealt: DealtClients, count: Int) {
      source = .dealt(dealt)
      endIndex = Swift.min(count, dealt.clients.count)
    }

    public var startIndex: Int { 0 }

    public subscript(index: Int) -> Client {
      switch source {
      case .listed(let clients): clients[index]
      case .dealt(let dealt): dealt.client(index)
      }
    }
  }
}

extension PartitionReport.Clients: Hashable {
  public static func == (one: Self, other: Self) -> Bool { one.elementsEqual(other) }

  public func hash(into hasher: inout Hasher) {
    for client in self { hasher.combine(client) }
  }
}

extension PartitionReport.Clients: Codable {
  public init(from decoder: any Decoder) throws {
    self.init(try [PartitionReport.Client](from: decoder))
  }

  public func encode(to encoder: any Encoder) throws { try Array(self).encode(to: encoder) }
}

/// The lists of a partition with the labels of their examples.
final class DealtClients: Sendable {
  let clients: [Partition.Client]
  private let train: [Examples.Label]
  private let test: [Examples.Label]
  private let classCount: Int
  /// What the clients of each shift see in place of each published label.
  private let labelMaps: [Shift: [Examples.Label]]

  /// - Throws: `invalidRequest` if a client's shift does not fit the data set.
  init(_ partition: Partition, of dataset: Dataset) throws(DatasetError) {
    clients = partition.clients
    train = dataset.train.labels
    test = dataset.test.labels
    classCount = dataset.classCount
    var maps: [Shift: [Examples.Label]] = [:]
    for client in partition.clients where maps[client.shift] == nil {
      maps[client.shift] = try client.shift.labelMap(classCount: classCount)
    }
    labelMaps = maps
  }

  func client(_ index: Int) -> PartitionReport.Client {
    let client = clients[index]
    let raw = counts(of: client.train, in: train)
    var seen = raw
    for (label, new) in (labelMaps[client.shift] ?? []).enumerated() { seen[Int(new)] = raw[label] }
    return PartitionReport.Client(
      client: index, cluster: client.cluster, trainExamples: client.train.count,
      testExamples: client.test.count, rawLabels: raw, seenLabels: seen,
      rawTestLabels: counts(of: client.test, in: test))
  }

  func counts(of indices: [Int32], in labels: [Examples.Label]) -> [Int] {
    var counts = [Int](repeating: 0, count: classCount)
    for index in indices { counts[Int(labels[Int(index)])] += 1 }
    return counts
  }
}
