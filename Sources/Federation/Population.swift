// From a scenario to clients with data: load, draw sizes, deal, and look through each cluster's lens.

public import Datasets
public import Learning
public import Scenarios

extension ClientView: ExampleSource {}

/// A client before anything happens: its plan and its data.
public struct ClientProfile: Sendable {
  public let plan: ClientPlan
  public let train: ClientView
  public let test: ClientView

  public var index: Int { plan.index }
  public var cluster: Int { plan.cluster }
  public var budget: Scenario.Budget { plan.budget }
}

/// The clients of a run, dealt and ready, with the model they will train.
public struct Population: Sendable {
  public let scenario: Scenario
  public let dataset: Dataset
  public let partition: Partition
  public let report: PartitionReport
  public let clients: [ClientProfile]
  public let publicExamples: ClientView
  public let plan: TrainingPlan

  /// - Throws: `DatasetError` if data are missing, damaged or too few; `ArchitectureError` if the model
  ///   does not fit them.
  public init(scenario: Scenario, catalog: DatasetCatalog) throws {
    guard !scenario.isOpen else {
      throw DatasetError(
        .invalidRequest, at: "population.clusters", "is left to the table, which was not asked",
        mend: "read the scenario with Scenario.askingItsTable")
    }
    self.scenario = scenario
    let dataset = try catalog.load(DatasetRequest(scenario))
    self.dataset = dataset
    plan = try TrainingPlan(scenario: scenario, dataset: dataset)

    var requests: [ClientRequest] = []
    for (client, count) in zip(scenario.clients, try scenario.drawExampleCounts()) {
      let cluster = scenario.population.clusters[client.cluster]
      requests.append(
        ClientRequest(
          cluster: client.cluster, trainExamples: count, labelSkew: LabelSkew(cluster.labelSkew),
          shift: try Shift(cluster.shift, of: dataset)))
    }
    let partition = try Partition(
      PartitionRequest(
        clients: requests, publicExamples: scenario.data.publicExamples,
        testExamplesPerClient: scenario.population.testExamplesPerClient,
        overlap: scenario.population.overlap, seed: scenario.seed),
      of: dataset)
    self.partition = partition
    report = try PartitionReport(partition, of: dataset)

    // One lens a cluster: its table of shifted pixels is shared by all clients of the cluster.
    let lenses = try scenario.population.clusters.map { cluster throws(DatasetError) in
      try Lens(Shift(cluster.shift, of: dataset), for: dataset)
    }
    clients = scenario.clients.map { client in
      let dealt = partition.clients[client.index]
      let train = ClientView(
        of: dataset, .train, indices: dealt.train, lens: lenses[client.cluster],
        seed: scenario.seed, client: client.index)
      return ClientProfile(
        plan: ClientPlan(client, trainExamples: train.count, local: scenario.local), train: train,
        test: ClientView(
          of: dataset, .test, indices: dealt.test, lens: lenses[client.cluster],
          seed: scenario.seed, client: client.index))
    }
    publicExamples = ClientView(
      of: dataset, .train, indices: partition.publicIndices, lens: try Lens(for: dataset))
  }
}

// MARK: - From the scenario's words to the rooms' types

extension TrainingPlan {
  init(scenario: Scenario, dataset: Dataset) throws(ArchitectureError) {
    try self.init(scenario: scenario, shape: dataset.shape, classes: dataset.classCount)
  }

  init(scenario: Scenario, shape: ExampleShape, classes: Int) throws(ArchitectureError) {
    let architecture: Architecture
    switch (scenario.model.architecture, shape) {
    case (.cnn, .image(let height, let width, let channels)):
      architecture = try .cnn(
        height: height, width: width, channels: channels, classes: classes)
    case (.cnn, .features):
      throw ArchitectureError(
        description: "model.name: \"cnn\" needs images and \(scenario.data.name) is a table; "
          + "choose \"mlp\" or \"logistic\"")
    case (.mlp(let hidden), _):
      architecture = .mlp(inputs: shape.valueCount, hidden: hidden, classes: classes)
    case (.logistic, _):
      architecture = .logistic(inputs: shape.valueCount, classes: classes)
    }
    let adapter = scenario.adapter.map {
      LoRAConfiguration(
        rank: $0.r, loraAlpha: $0.loraAlpha, targetModules: $0.targetModules,
        trained: $0.aggregation == .ffaLoRA ? .b : .both, useRSLoRA: $0.useRSLoRA,
        layerRanks: $0.layerRanks)
    }
    try self.init(architecture: architecture, adapter: adapter)
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
    case nil: self = .none
    }
  }
}
