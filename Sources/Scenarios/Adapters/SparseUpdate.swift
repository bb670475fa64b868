extension Scenario.Adapter {
  /// Values on a mask of r·(rows + columns) places.
  public struct SparseUpdate: AdapterSettings {
    /// Where the places come from.
    public enum Mask: Sendable, Hashable {
      /// The scenario's seed.
      case random
      /// Where the base model's gradient on the public examples is largest.
      case publicExamples
      /// Where the sum of the clients' noisy gradients is largest, each released with this noise multiplier over that of training.
      case clients(noiseRatio: Double)
    }

    public static let name = "sparse"
    public static let summary = "W + S with S zero but at r (rows + columns) places."
    public static let keys: [Key] = [
      AdapterKeys.rank, AdapterKeys.targetModules, AdapterKeys.modulesToSave,
      .implied(
        "mask", "random", .choice(["random", "public", "private"]),
        "The places: random, or where the base model's gradient is largest, on the public examples or, by one noisy release of "
          + "each client, on the clients'."
      ),
      .absent(
        "mask_noise_ratio", .number(.above(0, to: 1000)),
        "With a private mask: noise multiplier of the release that chooses it, divided by that of training; 4 unless stated."
      ),
    ]

    public let traits: AdapterTraits
    public let mask: Mask
    private let hasRatio: Bool

    public init(_ fields: Fields) throws(ScenarioError) {
      let ratio = try fields.optionalNumber("mask_noise_ratio")
      hasRatio = ratio != nil
      mask =
        switch try fields.optionalString("mask") {
        case "public": .publicExamples
        case "private": .clients(noiseRatio: ratio ?? 4)
        default: .random
        }
      let trains =
        switch mask {
        case .random: "values on a common mask"
        case .publicExamples: "values on a mask from public data"
        case .clients: "values on a mask from the clients' noisy gradients"
        }
      traits = try AdapterTraits(fields, trains: trains, isLinear: true)
    }

    public func problems(in scenario: Scenario) -> [SettingProblem] {
      switch mask {
      case .random: ratioAlone
      case .publicExamples:
        ratioAlone
          + (scenario.data.hasPublicExamples
            ? []
            : [
              SettingProblem(
                "adapter.mask",
                "\"public\" needs public examples; set data.public_examples above 0, or this to \"random\""
              )
            ])
      case .clients: privateProblems(in: scenario)
      }
    }

    private var ratioAlone: [SettingProblem] {
      hasRatio
        ? [
          SettingProblem(
            "adapter.mask_noise_ratio", "belongs to a mask that is \"private\"; leave it out")
        ] : []
    }

    private func privateProblems(in scenario: Scenario) -> [SettingProblem] {
      func problem(_ reason: String) -> SettingProblem {
        SettingProblem("adapter.mask", "\"private\" " + reason + "; use \"random\" or \"public\"")
      }
      var problems: [SettingProblem] = []
      if scenario.privacy.unit == .client {
        problems.append(
          problem("is a release of each client, which privacy.unit \"client\" does not count"))
      }
      if scenario.privacy.randomness == .system {
        problems.append(
          problem(
            "would be another mask, paid for again, whenever a run with privacy.randomness \"system\" goes on"
          ))
      }
      if scenario.method.traits.repeatsPublishedCode {
        problems.append(problem("is not part of the published code's accounting"))
      }
      return problems
    }
  }
}

extension Scenario {
  /// Noise multiplier of the release that chooses a mask over that of training; nil where no mask is chosen by clients.
  public var maskNoiseRatio: Double? {
    if let sparse = adapter?.settings as? Adapter.SparseUpdate,
      case .clients(let ratio) = sparse.mask
    {
      ratio
    } else {
      nil
    }
  }
}
