// How clients differ: shifts of whole clusters, and skews of labels and sizes between clients.

extension Scenario {
  /// What sets the data of a cluster apart. The parts compose: the image is rotated, noise is
  /// added, labels are permuted and then offset.
  public struct Shift: Sendable, Hashable {
    /// Degrees by which images are turned counter-clockwise: multiples of 90 exactly, others
    /// interpolated. JSON key `rotation`; -360 to 360, default 0; images only.
    public let rotation: Double
    /// The new label of every class, a permutation of the classes. JSON key `label_permutation`;
    /// default null, none.
    public let labelPermutation: LabelPermutation?
    /// Added to every label modulo the number of classes. JSON key `label_offset`; 0 up to classes
    /// - 1, default 0.
    public let labelOffset: Int
    /// Standard deviation of Gaussian noise added to the normalised features, drawn once an
    /// example. JSON key `feature_noise`; 0 to 100, default 0.
    public let featureNoise: Double
    /// The first round (from 1) with this shift; before it the cluster's examples are as published. JSON key
    /// `from_round`; left out, the shift is there from the beginning.
    public let fromRound: Int?
  }

  /// For each class in order, the class that it becomes.
  public enum LabelPermutation: Sendable, Hashable {
    case numbers([Int])
    case names([String])
  }

  /// How the labels of clients differ within a cluster.
  public enum LabelSkew: Sendable, Hashable {
    /// Each client's label mixture is drawn from a symmetric Dirichlet distribution; the smaller
    /// `alpha`, the fewer labels a client sees. JSON: {"type": "dirichlet", "alpha": 0.001 to
    /// 1000}.
    case dirichlet(alpha: Double)
    /// Each client holds so many classes only. JSON: {"type": "shards", "per_client": 1 to
    /// classes}.
    case shards(perClient: Int)
    /// Every client holds every class alike, as far as the examples last. JSON: {"type": "balanced"}.
    case balanced
  }

  /// How the sizes of clients differ within a cluster.
  public enum QuantitySkew: Sendable, Hashable {
    /// Sizes are proportional to exp(sigma · z), z standard normal, with the same total.
    /// JSON: {"type": "lognormal", "sigma": 0 to 3}.
    case lognormal(sigma: Double)
  }
}

// MARK: - Format

extension Scenario.Shift {
  static let shape = Shape([
    .defaults(
      "rotation", 0, .number(.from(-360, to: 360)),
      "Degrees by which images are turned counter-clockwise; multiples of 90 are exact."),
    .defaults(
      "label_permutation", .null,
      .nullable(
        .either([
          .list(of: .integer(0...999), count: 2...1000, distinct: true),
          .list(of: .text(1...256), count: 2...1000, distinct: true),
        ])),
      "For each class in order the class that it becomes, all by number or all by name; null = none."
    ),
    .defaults(
      "label_offset", 0, .integer(0...999),
      "Added to every label modulo the number of classes, after the permutation."),
    .defaults(
      "feature_noise", 0, .number(.from(0, to: 100)),
      "Standard deviation of Gaussian noise on the normalised features."),
    .absent(
      "from_round", .integer(2...100_000),
      "First round with this shift; before it the examples are as published. Left out: from the beginning."
    ),
  ])

  init(_ fields: Fields) throws(ScenarioError) {
    rotation = try fields.number("rotation")
    if fields.optional("label_permutation") == nil {
      labelPermutation = nil
    } else if case .integer? = try fields.list("label_permutation").first {
      labelPermutation = .numbers(try fields.integers("label_permutation"))
    } else {
      labelPermutation = .names(try fields.strings("label_permutation"))
    }
    labelOffset = try fields.integer("label_offset")
    featureNoise = try fields.number("feature_noise")
    fromRound = fields.members["from_round"] == nil ? nil : try fields.integer("from_round")
  }
}

extension Scenario.LabelSkew {
  static let shape = TaggedShape(
    tag: "type", description: "Which kind of label skew.",
    branches: [
      .init(
        "dirichlet", "Label mixtures drawn from a symmetric Dirichlet distribution.",
        [
          .required(
            "alpha", .number(.from(0.001, to: 1000)),
            "Concentration; small values leave a client few labels.")
        ]),
      .init(
        "shards", "Every client holds only some classes.",
        [.required("per_client", .integer(1...1000), "Classes of each client.")]),
      .init("balanced", "Every client holds every class alike, as far as the examples last.", []),
    ])

  init(_ fields: Fields) throws(ScenarioError) {
    switch try fields.string("type") {
    case "dirichlet": self = .dirichlet(alpha: try fields.number("alpha"))
    case "balanced": self = .balanced
    default: self = .shards(perClient: try fields.integer("per_client"))
    }
  }
}

extension Scenario.QuantitySkew {
  static let shape = TaggedShape(
    tag: "type", description: "Which kind of quantity skew.",
    branches: [
      .init(
        "lognormal", "Sizes proportional to exp(sigma z), z standard normal, with the same total.",
        [.required("sigma", .number(.from(0, to: 3)), "Spread of the logarithm of the size.")])
    ])

  init(_ fields: Fields) throws(ScenarioError) {
    self = .lognormal(sigma: try fields.number("sigma"))
  }
}
