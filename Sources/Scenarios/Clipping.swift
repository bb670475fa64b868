// How gradients are bounded before noise: all parameters together, or groups of layers apart, with fixed
// or with adaptive thresholds.

extension Scenario.Privacy {
  /// How the gradient of each example is bounded; C is `max_grad_norm` throughout, and no example ever adds
  /// more than C. JSON key `clipping`, an object with `name`.
  public enum Clipping: Sendable, Hashable {
    /// "flat": min(1, C/‖g‖) over all trained parameters (Abadi et al. 2016).
    case flat
    /// "auto-s": C/(‖g‖ + gamma); JSON key `gamma`, 1e-6 to 1000, default 0.01. "normalize": C/‖g‖, here
    /// with gamma 0 (Bu et al., NeurIPS 2023).
    case automatic(gamma: Double)
    /// "per-layer": min(1, C_k/‖g_k‖) in every group of layers, with fixed C_k, √Σ C_k² = C.
    case perLayer(Groups)
    /// "per-layer-adaptive": the same with C_k in proportion to privately estimated quantiles of the
    /// groups' gradient norms (He et al., ICLR 2023; Andrew et al., NeurIPS 2021).
    case adaptive(Groups, Adaptation)

    /// What is clipped together, and how noise is divided.
    public struct Groups: Sendable, Hashable {
      /// The layers of each group; nil makes every trained layer a group. JSON key `groups`; default null.
      public let layers: [[String]]?
      /// C_k up to a common factor, at the start if they adapt; nil makes them equal. JSON key
      /// `thresholds`; from 10^-6 to 10^6; default null.
      public let thresholds: [Double]?
      /// JSON key `noise_allocation`; default "global".
      public let noiseAllocation: NoiseAllocation
    }

    /// How noise is divided among groups at the same privacy.
    public enum NoiseAllocation: String, Sendable, Hashable, CaseIterable {
      /// The same noise everywhere.
      case global
      /// Every group spends the same share of the budget and needs to know its own threshold alone: what
      /// devices that hold a part of the model each can do.
      case equalBudget = "equal-budget"
      /// The length of a group's noise is proportional to its threshold.
      case weighted
      /// The least total noise power.
      case powerOptimal = "power-optimal"
    }

    /// How thresholds follow their quantiles.
    public struct Adaptation: Sendable, Hashable {
      /// The share of gradients that should stay unclipped. JSON key `target_quantile`; between 0 and 1,
      /// default 0.5.
      public let targetQuantile: Double
      /// η of C ← C·exp(−η(share − target)). JSON key `threshold_learning_rate`; above 0, at most 10;
      /// default 0.3.
      public let learningRate: Double
      /// The share of each step's budget that the counts take. JSON key `budget_share`; 10^-6 to 0.5,
      /// default 0.01.
      public let budgetShare: Double
    }

    /// The groups, where there are any.
    public var groups: Groups? {
      switch self {
      case .flat, .automatic: nil
      case .perLayer(let groups), .adaptive(let groups, _): groups
      }
    }
  }
}

// MARK: - Format

extension Scenario.Privacy.Clipping {
  private static let groupKeys: [Key] = [
    .defaults(
      "groups", .null,
      .nullable(
        .list(
          of: .list(of: .identifier, count: 1...16, distinct: true), count: 1...16,
          distinct: false)),
      "The trained layers that are clipped together, such as those of one device; null = every layer "
        + "by itself."),
    .defaults(
      "thresholds", .null,
      .nullable(.list(of: .number(.from(1e-6, to: 1_000_000)), count: 1...16, distinct: false)),
      "Sizes of the groups' bounds relative to one another, scaled so that together they make "
        + "max_grad_norm; null = equal."),
    .defaults(
      "noise_allocation", "global", .choice(NoiseAllocation.allCases.map(\.rawValue)),
      "global: the same noise everywhere; equal-budget: every group spends the same; weighted: noise "
        + "as long as the threshold; power-optimal: the least noise in total."),
  ]

  static let key = Key.implied(
    "clipping", ["name": "flat"],
    .tagged(
      TaggedShape(
        tag: "name", description: "How gradients are bounded.",
        branches: [
          .init("flat", "Shortened to max_grad_norm over all trained parameters."),
          .init(
            "auto-s", "Divided by their length plus gamma, times max_grad_norm.",
            [
              .defaults(
                "gamma", 0.01, .number(.from(1e-6, to: 1000)),
                "Keeps short gradients shorter than long ones.")
            ]),
          .init("normalize", "Brought to the length max_grad_norm exactly."),
          .init("per-layer", "Groups of layers apart, with fixed thresholds.", groupKeys),
          .init(
            "per-layer-adaptive",
            "Groups of layers apart, with thresholds that follow private quantiles.",
            groupKeys + [
              .defaults(
                "target_quantile", 0.5, .number(.above(0, below: 1)),
                "Share of gradients that stay unclipped."),
              .defaults(
                "threshold_learning_rate", 0.3, .number(.above(0, to: 10)),
                "Step of the thresholds' logarithms per unit of share."),
              .defaults(
                "budget_share", 0.01, .number(.from(1e-6, to: 0.5)),
                "Share of each step's budget (in units of mu squared) that the counts take."),
            ]),
        ])),
    "How the gradient of each example is bounded.")

  init(_ fields: Fields?) throws(ScenarioError) {
    guard let fields else {
      self = .flat
      return
    }
    switch try fields.string("name") {
    case "auto-s": self = .automatic(gamma: try fields.number("gamma"))
    case "normalize": self = .automatic(gamma: 0)
    case "per-layer": self = .perLayer(try Groups(fields))
    case "per-layer-adaptive":
      self = .adaptive(
        try Groups(fields),
        Adaptation(
          targetQuantile: try fields.number("target_quantile"),
          learningRate: try fields.number("threshold_learning_rate"),
          budgetShare: try fields.number("budget_share")))
    default: self = .flat
    }
  }
}

extension Scenario.Privacy.Clipping.Groups {
  fileprivate init(_ fields: Fields) throws(ScenarioError) {
    var names: [[String]] = []
    if fields.optional("groups") != nil {
      for group in try fields.list("groups") {
        guard case .array(let entries) = group else { continue }
        names.append(
          entries.compactMap { if case .string(let name) = $0 { name } else { nil } })
      }
    }
    layers = fields.optional("groups") == nil ? nil : names
    thresholds = fields.optional("thresholds") == nil ? nil : try fields.numbers("thresholds")
    noiseAllocation = try fields.choice("noise_allocation")
  }
}
