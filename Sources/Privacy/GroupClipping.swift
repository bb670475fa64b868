// Clipping groups of parameters apart: what the noise of all groups amounts to, and how to spread it.
//
// He et al., "Exploring the limits of differentially private deep learning with group-wise clipping"
// (ICLR 2023), sections 3 and 4; thresholds by private quantiles after Andrew et al. (NeurIPS 2021).

import Kernels

/// How noise is divided among groups at a given overall noise multiplier.
public enum NoiseAllocation: String, Codable, Hashable, Sendable, CaseIterable {
  /// The same standard deviation everywhere.
  case global
  /// Every group spends the same share of the budget; a group needs to know its own threshold only.
  case equalBudget = "equal-budget"
  /// The expected norm of a group's noise is proportional to its threshold.
  case weighted
  /// The least total noise power, by the Cauchy–Schwarz inequality.
  case powerOptimal = "power-optimal"
}

/// Arithmetic of group-wise clipping: group k has clip norm `thresholds[k]` and `dimensions[k]` parameters.
public enum GroupClipping {
  /// z = (Σ C_k²/s_k²)^(−1/2): rescaled by its standard deviation s_k, each group is a share of one Gaussian
  /// release, and this is that release's noise multiplier.
  public static func effectiveNoiseMultiplier(
    thresholds: [Double], standardDeviations: [Double]
  ) -> Double {
    precondition(
      thresholds.count == standardDeviations.count, "Every group has a threshold and a noise.")
    let precision = zip(thresholds, standardDeviations).reduce(0) {
      $0 + ($1.0 / $1.1) * ($1.0 / $1.1)
    }
    return 1 / precision.squareRoot()
  }

  /// Noise standard deviations s_k = σ·γ_k·√(Σ C_j²/γ_j²) with weights γ_k by `allocation`; their effective
  /// noise multiplier is σ exactly.
  public static func standardDeviations(
    noiseMultiplier: Double, thresholds: [Double], dimensions: [Int], allocation: NoiseAllocation
  ) -> [Double] {
    precondition(thresholds.count == dimensions.count, "Every group has a threshold and a size.")
    let weights = zip(thresholds, dimensions).map { threshold, dimension in
      let size = Double(dimension)
      return switch allocation {
      case .global: 1.0
      case .equalBudget: threshold
      case .weighted: threshold / size.squareRoot()
      case .powerOptimal: (threshold / size.squareRoot()).squareRoot()
      }
    }
    let norm = zip(thresholds, weights).reduce(0) { $0 + ($1.0 / $1.1) * ($1.0 / $1.1) }
      .squareRoot()
    return weights.map { noiseMultiplier * $0 * norm }
  }

  /// Σ d_k s_k², the expected squared norm of all the noise.
  public static func noisePower(dimensions: [Int], standardDeviations: [Double]) -> Double {
    zip(dimensions, standardDeviations).reduce(0) { $0 + Double($1.0) * $1.1 * $1.1 }
  }
}

/// Adaptive thresholds: each step also releases, per group, how many gradients stayed below the threshold.
public enum PrivateQuantile {
  /// The multiplier left for gradients, (σ⁻² − K/(2σ_b)²)^(−1/2), when K centred counts (sensitivity ½ each)
  /// with noise σ_b ride along in a step whose total is σ.
  ///
  /// Throws if the counts alone cost more than the step may.
  public static func gradientNoiseMultiplier(
    total: Double, countNoise: Double, groups: Int
  ) throws(AccountingError) -> Double {
    let left = 1 / (total * total) - Double(groups) / (4 * countNoise * countNoise)
    guard left > 0 else {
      throw .invalid(
        reason:
          "threshold noise \(countNoise): its \(groups) counts cost more than the whole step; "
          + "use more than \(total * Double(groups).squareRoot() / 2)")
    }
    return 1 / left.squareRoot()
  }

  /// The share of the step's budget, in units of μ², that the counts take.
  public static func budgetShare(total: Double, countNoise: Double, groups: Int) -> Double {
    Double(groups) * total * total / (4 * countNoise * countNoise)
  }

  /// The count noise σ√K/(2√r) at which the counts take the share r of the budget.
  public static func countNoise(total: Double, share: Double, groups: Int) -> Double {
    total * (Double(groups) / share).squareRoot() / 2
  }

  /// C·exp(−η(f − τ)): down when more than the target quantile stay unclipped.
  ///
  /// - Parameter fraction: the released fraction of unclipped gradients, over the expected batch size.
  public static func updatedThreshold(
    _ threshold: Double, fraction: Double, target: Double, rate: Double
  ) -> Double {
    threshold * Elementary.exp(-rate * (fraction - target))
  }
}
