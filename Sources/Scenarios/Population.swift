// The clients of a scenario: how many, in which clusters, and how the data are dealt to them.

extension Scenario {
  /// Everybody who takes part. JSON key `population`; required.
  public struct Population: Sendable, Hashable {
    /// Whether a training example may go to more than one client. JSON key `overlap`; default
    /// false.
    ///
    /// With overlap the guarantee of one client no longer covers a person whose example sits in
    /// several; the published experiments draw this way.
    public let overlap: Bool
    /// Test examples of each client; they may be shared between clients.
    /// JSON key `test_examples_per_client`; 1 to 10^6, default 200.
    public let testExamplesPerClient: Int
    /// How labels differ between the clients of a cluster that says nothing itself; nil deals
    /// evenly. JSON key `label_skew`; default null.
    public let labelSkew: LabelSkew?
    /// How sizes differ between the clients of a cluster that says nothing itself.
    /// JSON key `quantity_skew`; default null.
    public let quantitySkew: QuantitySkew?
    /// The true clusters, in the order of the file; clients are numbered through them.
    /// JSON key `clusters`; 1 to 1000 of them, required. Empty only where `data.client_column` names the
    /// clients and the table has not been asked yet.
    public let clusters: [Cluster]
    /// Clients that come after training and are never trained, from clusters with `arrives`; numbered after all
    /// others. They stand behind the other clusters in the file.
    public let arriving: [Cluster]
  }

  /// Clients whose data follow the same distribution.
  public struct Cluster: Sendable, Hashable {
    /// Name in every table. JSON key `name`; required, different in every cluster.
    public let name: String
    /// Clients. JSON key `clients`; 1 to 1000000, required; all clusters together at most 1000000.
    public let clients: Int
    /// Names of the clients in every table; nil where they have numbers alone. JSON key `client_names`.
    public let clientNames: [String]?
    /// Whether this cluster counts as a minority in the fairness tables. JSON key `minority`;
    /// default false.
    public let minority: Bool
    /// Training examples of each client. JSON key `examples_per_client`; required: an integer, a
    /// list with one integer a client, or {"min", "max"}; every number 1 to 10^7.
    public let examplesPerClient: ExamplesPerClient
    /// How the cluster's data differ from the data set. JSON key `shift`; default no shift.
    public let shift: Shift
    /// The groups of the data set, such as the two sexes of adult, from which the examples of these
    /// clients come. JSON key `groups`; left out, all.
    public let groups: [String]?
    /// Label skew in force here. JSON key `label_skew`; left out, that of the population; null
    /// none.
    public let labelSkew: LabelSkew?
    /// Quantity skew in force here. JSON key `quantity_skew`; as for labels.
    public let quantitySkew: QuantitySkew?
    /// Budget of the clients of this cluster. JSON key `privacy`, an object with any of
    /// `target_epsilon`, `target_delta`, `max_grad_norm`; what is left out is that of the scenario.
    public let budget: Budget
    /// Budgets by client, already complete. JSON key `client_privacy`: null, or one partial budget
    /// a client ({} for none of its own).
    public let clientBudgets: [Budget]?
    /// Whether its clients come after training. JSON key `arrives`, "after-training"; left out, they take part.
    public let arrives: Bool
  }

  /// How many training examples the clients of a cluster have.
  public enum ExamplesPerClient: Sendable, Hashable {
    case same(Int)
    /// One number a client.
    case each([Int])
    /// Drawn for each client, every number of the range equally likely.
    case between(ClosedRange<Int>)
  }
}

extension Scenario.Cluster {
  /// The fewest and the most examples that a client of this cluster can be dealt, before any
  /// quantity skew.
  public func exampleRange(ofClient index: Int) -> ClosedRange<Int> {
    switch examplesPerClient {
    case .same(let count): count...count
    case .each(let counts): counts.indices.contains(index) ? counts[index]...counts[index] : 1...1
    case .between(let range): range
    }
  }

  /// The budget of a client of this cluster, by its place in the cluster.
  public func budget(ofClient index: Int) -> Scenario.Budget {
    guard let clientBudgets, clientBudgets.indices.contains(index) else { return budget }
    return clientBudgets[index]
  }
}

// MARK: - Format

extension Scenario.Population {
  static let shape = Shape([
    .defaults(
      "overlap", false, .boolean,
      "Whether clients may share training examples; the guarantee then no longer covers a person "
        + "whose example sits with several clients."),
    .defaults(
      "test_examples_per_client", 200, .integer(1...1_000_000),
      "Test examples of each client; clients may share them."),
    .defaults(
      "label_skew", .null, .nullable(.tagged(Scenario.LabelSkew.shape)),
      "How labels differ between clients; null deals every client the same mixture."),
    .defaults(
      "quantity_skew", .null, .nullable(.tagged(Scenario.QuantitySkew.shape)),
      "How sizes differ between clients; null keeps examples_per_client."),
    .absent(
      "clusters", .list(of: .object(Scenario.Cluster.shape), count: 1...1000, distinct: false),
      "The true clusters; clients are numbered through them in this order. Required, unless "
        + "data.client_column says who the clients are."),
  ])

  init(_ fields: Fields, budget: Scenario.Budget) throws(ScenarioError) {
    overlap = try fields.boolean("overlap")
    testExamplesPerClient = try fields.integer("test_examples_per_client")
    labelSkew = try fields.optionalFields("label_skew").map(Scenario.LabelSkew.init)
    quantitySkew = try fields.optionalFields("quantity_skew").map(Scenario.QuantitySkew.init)
    var clusters: [Scenario.Cluster] = []
    var arriving: [Scenario.Cluster] = []
    for fields in fields.members["clusters"] == nil ? [] : try fields.fieldsList("clusters") {
      let cluster = try Scenario.Cluster(
        fields, budget: budget, labelSkew: labelSkew, quantitySkew: quantitySkew)
      guard cluster.arrives || arriving.isEmpty else {
        throw ScenarioError(
          fields.path + "name",
          "\"\(cluster.name)\" takes part in training and stands behind a cluster that arrives; "
            + "list clusters with arrives last")
      }
      if cluster.arrives { arriving.append(cluster) } else { clusters.append(cluster) }
    }
    guard !clusters.isEmpty || arriving.isEmpty else {
      throw ScenarioError(
        fields.path + "clusters", "all arrive after training; leave arrives out of at least one")
    }
    self.clusters = clusters
    self.arriving = arriving
  }
}

extension Scenario.Cluster {
  private static let examples = 1...10_000_000

  static let shape = Shape([
    .required("name", .identifier, "Name in every table; different in every cluster."),
    .required("clients", .integer(1...1_000_000), "Clients of this cluster."),
    .implied(
      "client_names", .null,
      .nullable(.list(of: .text(1...256), count: 1...1_000_000, distinct: true)),
      "Names of the clients; null numbers them."),
    .defaults("minority", false, .boolean, "Whether the fairness tables mark it as a minority."),
    .required(
      "examples_per_client",
      .either([
        .integer(examples), .list(of: .integer(examples), count: 1...100_000, distinct: false),
        .object(
          Shape([
            .required("min", .integer(examples), "The fewest examples of a client."),
            .required("max", .integer(examples), "The most examples of a client."),
          ])),
      ]),
      "Training examples of each client: a number, one number a client, or a range to draw from."),
    .defaults(
      "shift", [:], .object(Scenario.Shift.shape), "How this cluster differs from the data set."),
    .absent(
      "arrives", .choice(["after-training"]),
      "\"after-training\": these clients are never trained; at the end they are served by routing among the "
        + "models, by one private choice among them, and by their mean. Left out, they take part. Such clusters "
        + "come last."),
    .absent(
      "groups", .list(of: .text(1...256), count: 1...1000, distinct: true),
      "Groups of the data set (the values of its group column) from which these clients' examples come; "
        + "left out, all. Clusters share all of their groups or none."),
    .absent(
      "label_skew", .nullable(.tagged(Scenario.LabelSkew.shape)),
      "Label skew of this cluster; left out, that of the population; null = none."),
    .absent(
      "quantity_skew", .nullable(.tagged(Scenario.QuantitySkew.shape)),
      "Quantity skew of this cluster; left out, that of the population; null = none."),
    .defaults(
      "privacy", .null, .nullable(.object(Scenario.Budget.overrideShape)),
      "Budget of this cluster's clients; what is left out is that of the scenario."),
    .defaults(
      "client_privacy", .null,
      .nullable(
        .list(of: .object(Scenario.Budget.overrideShape), count: 1...100_000, distinct: false)),
      "One partial budget a client, {} for none of its own; what is left out is the cluster's."),
  ])

  fileprivate init(
    _ fields: Fields, budget inherited: Scenario.Budget, labelSkew: Scenario.LabelSkew?,
    quantitySkew: Scenario.QuantitySkew?
  ) throws(ScenarioError) {
    name = try fields.string("name")
    clients = try fields.integer("clients")
    clientNames =
      fields.optional("client_names") == nil ? nil : try fields.strings("client_names")
    minority = try fields.boolean("minority")
    arrives = fields.members["arrives"] != nil
    examplesPerClient = try Scenario.ExamplesPerClient(fields)
    shift = try Scenario.Shift(fields.fields("shift"))
    groups = fields.members["groups"] == nil ? nil : try fields.strings("groups")
    self.labelSkew =
      fields.members["label_skew"] == nil
      ? labelSkew : try fields.optionalFields("label_skew").map(Scenario.LabelSkew.init)
    self.quantitySkew =
      fields.members["quantity_skew"] == nil
      ? quantitySkew : try fields.optionalFields("quantity_skew").map(Scenario.QuantitySkew.init)
    let own = try inherited.replaced(by: fields.optionalFields("privacy"))
    budget = own
    if fields.optional("client_privacy") == nil {
      clientBudgets = nil
    } else {
      var budgets: [Scenario.Budget] = []
      for entry in try fields.fieldsList("client_privacy") {
        budgets.append(try own.replaced(by: entry))
      }
      clientBudgets = budgets
    }
  }
}

extension Scenario.ExamplesPerClient {
  fileprivate init(_ fields: Fields) throws(ScenarioError) {
    switch try fields.value("examples_per_client") {
    case .array: self = .each(try fields.integers("examples_per_client"))
    case .object:
      let range = try fields.fields("examples_per_client")
      let (least, most) = (try range.integer("min"), try range.integer("max"))
      guard least <= most else {
        throw ScenarioError(
          range.path + "max", "must be at least min, which is \(least), got \(most)")
      }
      self = .between(least...most)
    default: self = .same(try fields.integer("examples_per_client"))
    }
  }
}
