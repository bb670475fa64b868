// What a partition of a data set among clients is asked to be.

/// How the labels of a client differ from those of the whole data set.
public enum LabelSkew: Sendable, Hashable, Codable {
  /// The proportions of the data set.
  case none
  /// Proportions drawn from a Dirichlet distribution with all concentrations `alpha`: few labels a
  /// client for small values, the uniform mix for large ones.
  case dirichlet(alpha: Double)
  /// That many different labels, in equal parts; clients in turn take the labels used least so far.
  case shards(perClient: Int)
  /// Every label alike, as far as the labels last.
  case balanced
}

/// One client's part of the request.
public struct ClientRequest: Sendable, Hashable, Codable {
  public var cluster: Int
  public var trainExamples: Int
  public var labelSkew: LabelSkew
  /// The groups, as positions in `Dataset.groupNames`, from which the client's examples come; nil takes all.
  public var groups: [Int]?
  /// Only for the report's seen labels; the partition itself does not depend on it.
  public var shift: Shift

  public init(
    cluster: Int, trainExamples: Int, labelSkew: LabelSkew = .none, groups: [Int]? = nil,
    shift: Shift = .none
  ) {
    self.cluster = cluster
    self.trainExamples = trainExamples
    self.labelSkew = labelSkew
    self.groups = groups
    self.shift = shift
  }
}

/// Who gets how much of a data set.
public struct PartitionRequest: Sendable, Hashable, Codable {
  public var clients: [ClientRequest]
  /// Training examples set aside as public data, in equal parts of each label.
  public var publicExamples: Int
  public var testExamplesPerClient: Int
  /// Whether clients may have training examples in common.
  public var overlap: Bool
  public var seed: UInt64

  public init(
    clients: [ClientRequest], publicExamples: Int = 0, testExamplesPerClient: Int = 0,
    overlap: Bool = false, seed: UInt64
  ) {
    self.clients = clients
    self.publicExamples = publicExamples
    self.testExamplesPerClient = testExamplesPerClient
    self.overlap = overlap
    self.seed = seed
  }

  /// Makes sure that the data set can serve the request.
  ///
  /// - Throws: `tooFew` with the numbers if more is asked than there is; `invalidRequest` for settings
  ///   out of range.
  func check(against dataset: Dataset) throws(DatasetError) {
    guard !clients.isEmpty else {
      throw DatasetError(
        .invalidRequest, at: "partition", "has no clients", fix: "ask for at least one client")
    }
    guard publicExamples >= 0, testExamplesPerClient >= 0 else {
      throw DatasetError(
        .invalidRequest, at: "partition", "asks for a negative number of examples",
        fix: "use numbers of at least 0")
    }
    let publicExamples =
      dataset.publicTrain.isEmpty ? publicExamples : dataset.publicTrain.count
    var wanted = publicExamples
    for (index, client) in clients.enumerated() {
      try check(client, index)
      let needed = overlap ? publicExamples : wanted
      let sum = needed.addingReportingOverflow(client.trainExamples)
      wanted = sum.overflow ? Int.max : overlap ? max(wanted, sum.partialValue) : sum.partialValue
    }
    try PartitionRequest.check(
      wanted, dataset.train.count, "training examples of \(dataset.name)",
      overlap
        ? "use smaller clients or a smaller public share"
        : "use fewer or smaller clients, a smaller public share, or allow overlap")
    try PartitionRequest.check(
      testExamplesPerClient, dataset.test.count, "test examples of \(dataset.name) for each client",
      "use fewer of them")
  }

  private func check(_ client: ClientRequest, _ index: Int) throws(DatasetError) {
    let place = "partition.clients[\(index)]"
    guard client.trainExamples >= 1, client.cluster >= 0 else {
      throw DatasetError(
        .invalidRequest, at: place,
        "has \(client.trainExamples) training examples in cluster \(client.cluster)",
        fix: "use at least 1 example and a cluster of at least 0")
    }
    switch client.labelSkew {
    case .none, .balanced: break
    case .dirichlet(let alpha):
      guard alpha > 0, alpha.isFinite else {
        throw DatasetError(
          .invalidRequest, at: "\(place).label_skew.alpha", "\(alpha) is out of range",
          fix: "use a finite number above 0")
      }
    case .shards(let labels):
      guard labels >= 1 else {
        throw DatasetError(
          .invalidRequest, at: "\(place).label_skew.shards", "\(labels) is out of range",
          fix: "use at least 1 label a client")
      }
    }
  }

  static func check(
    _ wanted: Int, _ available: Int, _ what: String, _ fix: String
  ) throws(DatasetError) {
    guard wanted <= available else {
      throw DatasetError(
        .tooFew(requested: wanted, available: available), at: "partition",
        "asks for \(wanted) \(what), which has \(available)", fix: fix)
    }
  }
}
