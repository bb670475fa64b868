// From a scenario to clients with data: load, draw sizes, deal, and look through each cluster's transform.

public import Datasets
public import Learning
public import Scenarios

extension ClientView: ExampleSource {}

/// A client before anything happens: its plan and its data. Held once, whoever refers to it.
public final class ClientProfile: Sendable {
  public let plan: ClientPlan
  public let train: ClientView
  public let test: ClientView
  /// Its data before they change; nil where they never do.
  public let earlier: EarlierData?

  /// The same examples as they are in the first rounds: a class, so that clients without them take no room for it.
  public final class EarlierData: Sendable {
    public let train: ClientView
    public let test: ClientView
    /// The first round (from 0) without them.
    public let end: Int

    init(train: ClientView, test: ClientView, end: Int) {
      self.train = train
      self.test = test
      self.end = end
    }
  }

  init(plan: ClientPlan, train: ClientView, test: ClientView, earlier: EarlierData? = nil) {
    self.plan = plan
    self.train = train
    self.test = test
    self.earlier = earlier
  }

  /// What it has in a round (from 0) before its data change; nil afterwards.
  func earlier(in round: Int) -> EarlierData? {
    earlier.flatMap { round < $0.end ? $0 : nil }
  }

  public var index: Int { plan.index }
  public var cluster: Int { plan.cluster }
  public var budget: Scenario.Budget { plan.budget }
}

/// The clients of a run, dealt and ready, with the model they will train.
public struct Population: Sendable {
  public let scenario: Scenario
  public let dataset: Dataset
  /// Of everything that decides a run beside the scenario: the data, and the pretrained model if there is one.
  public let contentHash: String
  public let partition: Partition
  public let clients: [ClientProfile]
  /// Clients that come after training, numbered behind the others.
  public let arriving: [ClientProfile]
  public let publicExamples: ClientView
  public let plan: TrainingPlan
  /// Scales that clients estimated.
  public let scales: ScaleEstimates

  /// What a run has, without being one: where scales that clients estimate could not be the run's own, they are the
  /// public bounds.
  ///
  /// - Throws: `DatasetError` if data are missing, damaged or too few; `ArchitectureError` if the model
  ///   does not fit them.
  public init(scenario: Scenario, catalog: DatasetCatalog) throws {
    try self.init(
      scenario: scenario, catalog: catalog,
      scales: scenario.repeatableScales ? .clients : .publicBounds)
  }

  /// - Parameter source: who says the scales that clients estimate; asking them is a release.
  package init(
    scenario: Scenario, catalog: DatasetCatalog, scales source: ScaleEstimates.Source
  ) throws {
    guard !scenario.isOpen else {
      throw DatasetError(
        .invalidRequest, at: "population.clusters", "is left to the table, which was not asked",
        fix: "read the scenario with Scenario.askingItsTable")
    }
    self.scenario = scenario
    let request = DatasetRequest(scenario)
    var dataset = try catalog.load(request)
    // Before scales are estimated, which differ from seed to seed: the data are the same.
    contentHash = try scenario.contentHash(of: dataset)
    plan = try TrainingPlan(scenario: scenario, dataset: dataset)

    let clusters = scenario.population.clusters + scenario.population.arriving
    let everybody = scenario.clients + scenario.arrivingClients
    let counts = try scenario.drawExampleCounts() + scenario.drawArrivingExampleCounts()
    var requests: [ClientRequest] = []
    for (client, count) in zip(everybody, counts) {
      let cluster = clusters[client.cluster]
      requests.append(
        ClientRequest(
          cluster: client.cluster, trainExamples: count, labelSkew: LabelSkew(cluster.labelSkew),
          groups: try dataset.groups(cluster.groups), shift: try Shift(cluster.shift, of: dataset)))
    }
    let partition = try Partition(
      PartitionRequest(
        clients: requests, publicExamples: scenario.data.publicExamples,
        testExamplesPerClient: scenario.population.testExamplesPerClient,
        overlap: scenario.population.overlap, seed: scenario.seed),
      of: dataset)
    self.partition = partition
    scales = try ScaleEstimates(
      scenario, from: source, dataset: dataset, partition: partition)
    if !scales.columns.isEmpty { dataset = try catalog.load(request.scaled(by: scales)) }
    self.dataset = dataset

    let data = dataset
    // One a cluster: its table of shifted pixels is shared by all its clients.
    func scenes(_ transform: ViewTransform) -> (train: ClientView.Scene, test: ClientView.Scene) {
      (
        ClientView.Scene(of: data, .train, transform: transform, seed: scenario.seed),
        ClientView.Scene(of: data, .test, transform: transform, seed: scenario.seed)
      )
    }
    let shifted = try clusters.map { cluster throws(DatasetError) in
      scenes(try ViewTransform(Shift(cluster.shift, of: data), for: data))
    }
    let plainLens = try ViewTransform(for: dataset)
    let plain = scenes(plainLens)
    let profiles = everybody.map { client in
      let (dealt, index) = (partition.clients[client.index], client.index)
      let scenes = shifted[client.cluster]
      let train = ClientView(scenes.train, indices: dealt.train, client: index)
      return ClientProfile(
        plan: ClientPlan(client, trainExamples: train.count, local: scenario.local), train: train,
        test: ClientView(scenes.test, indices: dealt.test, client: index),
        earlier: clusters[client.cluster].shift.fromRound.map {
          ClientProfile.EarlierData(
            train: ClientView(plain.train, indices: dealt.train, client: index),
            test: ClientView(plain.test, indices: dealt.test, client: index), end: $0 - 1)
        })
    }
    clients = Array(profiles.prefix(scenario.clientCount))
    arriving = Array(profiles.dropFirst(scenario.clientCount))
    publicExamples = ClientView(
      of: dataset, .train, indices: partition.publicIndices, transform: plainLens)
  }
}

extension Population {
  /// Of the data as the models see them: the content, and the scales where those were estimated.
  var scaledHash: String {
    scales.columns.isEmpty ? contentHash : contentHash + " " + dataset.contentHash
  }

  /// The choices of scales that a checkpoint must keep, since nobody could make them again; nil where anybody could.
  var scalesToKeep: [[[Double]]]? {
    scenario.repeatableScales ? nil : scales.choices
  }

  /// How the data were dealt.
  ///
  /// - Throws: `DatasetError` if a client's shift does not fit the data set.
  public func report() throws(DatasetError) -> PartitionReport {
    // Whoever arrives, numbered behind the others, takes no part in what the report is of.
    var report = try PartitionReport(partition, of: dataset, clients: scenario.clientCount)
    report.datasetHash = contentHash
    return report
  }
}

extension Scenario {
  /// Whether scenario and program decide the data: no file can change them.
  public var hasGeneratedData: Bool {
    data.isGenerated && weightsPath == nil
  }
}

extension DatasetCatalog {
  /// SHA-256 of the content of the scenario's data set, and of its pretrained model if it has one.
  ///
  /// - Throws: `DatasetError` if it cannot be read.
  public func contentHash(of scenario: Scenario) throws -> String {
    try scenario.contentHash(of: load(DatasetRequest(scenario)))
  }
}

// MARK: - From the scenario's words to the rooms' types

extension TrainingPlan {
  init(scenario: Scenario, dataset: Dataset) throws {
    try self.init(scenario: scenario, shape: dataset.shape, classes: dataset.classCount)
  }

  init(scenario: Scenario, shape: ExampleShape, classes: Int) throws {
    try self.init(
      architecture: Architecture(scenario: scenario, shape: shape, classes: classes),
      adapter: scenario.adapter?.built(seed: scenario.seed))
    // Refuses what does not fit, before anything is accounted.
    _ = try NoiseProjection(scenario, plan: self)
  }
}

extension Population {
  /// Whether a record, or a person, may be at several clients.
  var sharesRecords: Bool {
    scenario.population.overlap || (dataset.sharedPersons?.shared ?? 0) > 0
  }
}

extension Quantity {
  init(_ cluster: Scenario.Cluster) {
    switch (cluster.examplesPerClient, cluster.quantitySkew) {
    case (.same(let count), .lognormal(let sigma)?): self = .logNormal(mean: count, sigma: sigma)
    case (.same(let count), nil): self = .fixed(count)
    case (.each(let counts), _): self = .list(counts)
    case (.between(let range), _): self = .range(range)
    }
  }
}

extension Datasets.LabelSkew {
  init(_ skew: Scenario.LabelSkew?) {
    switch skew {
    case .dirichlet(let alpha): self = .dirichlet(alpha: alpha)
    case .shards(let perClient): self = .shards(perClient: perClient)
    case .balanced: self = .balanced
    case nil: self = .none
    }
  }
}
