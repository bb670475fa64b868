// The built-in rules and their facts.

extension Scenario {
  /// A and B are averaged apart (Zhang et al. 2023).
  public struct FedIT: AggregationSettings {
    public static let name = "fedit"
    public static let traits = AggregationTraits(
      trains: "A and B", sends: "A and B", averages: "means of A and of B; products do not average"
    ).with {
      $0.hasOwnExchange = false
      $0.multipliesNoise = true
    }
    public init() {}
  }

  /// A stays at its common start (Sun et al. 2024).
  public struct FFALoRA: AggregationSettings {
    public static let name = "ffa-lora"
    public static let traits = AggregationTraits(
      trains: "B beside a common, frozen A", sends: "B", averages: "mean of B; exact"
    ).with {
      $0.hasOwnExchange = false
      $0.freezesA = true
    }
    public init() {}
  }

  /// B in one round, A in the next (Chen et al. 2024).
  public struct RoLoRA: AggregationSettings {
    public static let name = "rolora"
    public static let traits = AggregationTraits(
      trains: "B in odd rounds, A in even ones", sends: "the trained factor",
      averages: "its mean; exact in every round"
    ).with { $0.trainsOneSet = false }
    public init() {}
  }

  /// The averaged product, cut to the rank (Bai et al. 2024).
  public struct FlexLoRA: AggregationSettings {
    public static let name = "flexlora"
    public static let traits = AggregationTraits(
      trains: "A and B at the client's rank", sends: "A and B",
      averages: "mean of the products, cut to the rank by singular values"
    ).with {
      $0.meansAreModels = false
      $0.needsOneSumOnly = false
      $0.takesUnequalRanks = true
    }
    public init() {}
  }

  /// Stacked factors, folded into the frozen weights (Wang et al. 2024).
  public struct FLoRA: AggregationSettings {
    public static let name = "flora"
    public static let traits = AggregationTraits(
      trains: "fresh A and B each round", sends: "A and B",
      averages: "stacked factors, folded into the frozen weights; exact"
    ).with {
      $0.meansAreModels = false
      $0.needsOneSumOnly = false
      $0.takesUnequalRanks = true
    }
    public init() {}
  }

  /// A is shared, B stays with its client (Guo et al. 2025).
  public struct FedSALoRA: AggregationSettings {
    public static let name = "fedsa-lora"
    public static let traits = AggregationTraits(
      trains: "A and B", sends: "A", averages: "mean of A; every client keeps its own B"
    ).with {
      $0.needsOneSumOnly = false
      $0.keepsBLocal = true
      $0.privacy =
        "B is trained with the same noise although it stays with the client: later releases of A "
        + "depend on it"
    }
    public init() {}
  }

  /// Means of the factors, what they miss into the frozen weights (Singhal et al. 2025).
  public struct FedExLoRA: AggregationSettings {
    public static let name = "fedex-lora"
    public static let traits = AggregationTraits(
      trains: "A and B", sends: "A and B",
      averages: "means of A and of B, the rest into the frozen weights; exact"
    ).with {
      $0.meansAreModels = false
      $0.needsOneSumOnly = false
    }
    public init() {}
  }

  /// Means of the factors, B corrected towards the exact average (Bian et al. 2025).
  public struct LoRAFAIR: AggregationSettings {
    public static let name = "lora-fair"
    public static let traits = AggregationTraits(
      trains: "A and B", sends: "A and B",
      averages: "means of A and of B, then B corrected; nearly exact"
    ).with { $0.needsOneSumOnly = false }
    public init() {}
  }

  /// In every round first B, then A (Zhu et al. 2024).
  public struct DEeR: AggregationSettings {
    public static let name = "deer"
    public static let traits = AggregationTraits(
      trains: "first B, then A, within a round", sends: "B, then A",
      averages: "mean of each, with the other factor orthonormal; exact"
    ).with {
      $0.trainsOneSet = false
      $0.meansAreModels = false
      $0.needsOneSumOnly = false
    }
    public init() {}
  }

  /// B beside an A that the server turns before every round (Lee et al. 2025).
  public struct FedSVD: AggregationSettings {
    public static let name = "fedsvd"
    public static let traits = AggregationTraits(
      trains: "B beside a common A", sends: "B",
      averages: "mean of B; exact; the product is rewritten so that A is orthonormal"
    ).with {
      $0.trainsOneSet = false
      $0.meansAreModels = false
    }
    public init() {}
  }

  /// B beside an A that the server turns and stretches after every round (2025).
  public struct FedASK: AggregationSettings {
    public static let name = "fedask"
    public static let traits = AggregationTraits(
      trains: "B beside a common A", sends: "B",
      averages:
        "mean of B; exact; the product is rewritten so that A and B share its singular values"
    ).with {
      $0.trainsOneSet = false
      $0.meansAreModels = false
      // What rewrites the product stands behind the sum of the updates.
      $0.needsOneSumOnly = false
    }
    public init() {}
  }

  /// The weights that carriers move are averaged: of the kind "rgp", which names no rule.
  public struct CarrierMean: AggregationSettings {
    public static let name = "rgp"
    public static let traits = AggregationTraits(
      trains: "the adapted weights, by gradients with respect to thin carriers",
      sends: "the change of the weights", averages: "its mean; exact")
    public init() {}
  }

  /// The weights that tangents move are averaged: of the kind "prism", which names no rule.
  public struct TangentMean: AggregationSettings {
    public static let name = "prism"
    public static let traits = AggregationTraits(
      trains: "the adapted weights, by tangents at a change of rank r",
      sends: "the change of the weights",
      averages: "its mean; exact; clients begin with its best of rank r")
    public init() {}
  }

  /// The plain mean of all trained numbers: of kinds without A and B, which name no rule.
  public struct PlainMean: AggregationSettings {
    public static let name = "mean"
    public static let traits = AggregationTraits(
      trains: "the adapter", sends: "the same", averages: "mean of every number"
    ).with { $0.hasOwnExchange = false }
    public init() {}
  }
}

extension Scenario.Adapter.Aggregation {
  public static let fedIT = Self(Scenario.FedIT.self)
  public static let ffaLoRA = Self(Scenario.FFALoRA.self)
  public static let roLoRA = Self(Scenario.RoLoRA.self)
  public static let flexLoRA = Self(Scenario.FlexLoRA.self)
  public static let fedASK = Self(Scenario.FedASK.self)
  public static let floRA = Self(Scenario.FLoRA.self)
  public static let fedSALoRA = Self(Scenario.FedSALoRA.self)
  public static let fedExLoRA = Self(Scenario.FedExLoRA.self)
  public static let loRAFAIR = Self(Scenario.LoRAFAIR.self)
  public static let deer = Self(Scenario.DEeR.self)
  public static let fedSVD = Self(Scenario.FedSVD.self)
  public static let rgp = Self(Scenario.CarrierMean.self)
  public static let prism = Self(Scenario.TangentMean.self)
  public static let mean = Self(Scenario.PlainMean.self)
}
