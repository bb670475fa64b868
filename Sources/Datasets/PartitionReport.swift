// What a partition looks like, in numbers that can be stored and printed.

/// Counts per client and label, as published and as the client sees them.
public struct PartitionReport: Sendable, Hashable, Codable {
  public struct Client: Sendable, Hashable, Codable {
    public let client: Int
    public let cluster: Int
    public let trainExamples: Int
    public let testExamples: Int
    /// Training examples of each published label.
    public let rawLabels: [Int]
    /// Training examples of each label after the client's shift.
    public let seenLabels: [Int]
    /// Test examples of each published label.
    public let rawTestLabels: [Int]
  }

  /// (byte / 255 − mean) / standard deviation.
  public struct Pixels: Sendable, Hashable, Codable {
    public let height: Int
    public let width: Int
    public let channels: Int
    public let normalization: Normalization

    /// Nil of what holds no images.
    init?(_ dataset: Dataset) {
      guard case .image(let height, let width, let channels) = dataset.shape,
        case .bytes = dataset.train.values
      else { return nil }
      (self.height, self.width, self.channels) = (height, width, channels)
      normalization = dataset.normalization
    }
  }

  public let dataset: String
  /// SHA-256 of the data set's content; a run adds its pretrained model.
  public var datasetHash: String
  /// SHA-256 of the partition's lists.
  public let partitionHash: String
  public let seed: UInt64
  public let classCount: Int
  /// Name of each class; nil where they have none but their numbers.
  public let classNames: [String]?
  /// How columns became inputs, if the data set is a table.
  public let table: TableFacts?
  /// What of the texts was cut, if the data set holds texts.
  public let text: TextFacts?
  /// Which rows count, if the data set comes from a table of rows.
  public let rows: RowTally?
  /// How bytes become inputs, if the data set holds images.
  public let pixels: Pixels?
  /// Public examples of each label.
  public let publicLabels: [Int]
  public var clients: Clients
  /// Training examples that belong to more than one client; 0 unless the request allowed overlap.
  public let sharedTrainExamples: Int
  /// Test examples that belong to more than one client, because clients together asked for more than
  /// there are of a label.
  public let sharedTestExamples: Int

  /// - Parameter count: clients that the report is of, from the first on; nil takes all.
  /// - Throws: `invalidRequest` if a client's shift does not fit the data set.
  /// - Precondition: the partition is of this data set.
  public init(
    _ partition: Partition, of dataset: Dataset, clients count: Int? = nil
  ) throws(DatasetError) {
    self.dataset = dataset.name
    datasetHash = dataset.contentHash
    partitionHash = partition.digest
    seed = partition.seed
    classCount = dataset.classCount
    table = dataset.table
    text = dataset.text
    rows = dataset.rows
    pixels = Pixels(dataset)
    classNames = dataset.classNames.isEmpty ? nil : dataset.classNames
    let dealt = try DealtClients(partition, of: dataset)
    publicLabels = dealt.counts(of: partition.publicIndices, in: dataset.train.labels)
    clients = Clients(dealt, count: count ?? .max)
    sharedTrainExamples = PartitionReport.shared(
      partition.clients.lazy.map(\.train), dataset.train.count)
    sharedTestExamples = PartitionReport.shared(
      partition.clients.lazy.map(\.test), dataset.test.count)
  }

  private static func shared(_ lists: some Sequence<[Int32]>, _ count: Int) -> Int {
    var owners = [Int32](repeating: 0, count: count)
    for list in lists {
      for index in list { owners[Int(index)] += 1 }
    }
    return owners.count { $0 > 1 }
  }
}
