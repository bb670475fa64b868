// Clipping groups of layers apart inside a client: the bounds of a step, its noise, and thresholds that
// follow private quantiles (He et al., ICLR 2023; Andrew et al., NeurIPS 2021).
//
// Thresholds are released values: every step uses those of the step before, in the same backward pass. A
// client begins with the thresholds of its model and sends its own back with the update.

import Foundation
import Kernels
public import Learning
import Privacy
public import Scenarios

/// How a client bounds gradients: the scenario's word, with the groups of its model filled in.
public enum ClippingRule: Sendable, Hashable {
  case flat
  case automatic(gamma: Float)
  case grouped(LayerGroups, Scenario.Privacy.Clipping.Groups)
  case adaptive(
    LayerGroups, Scenario.Privacy.Clipping.Groups, Scenario.Privacy.Clipping.Adaptation)
}

extension Scenario.Privacy.Clipping {
  /// - Throws: `ArchitectureError` if the groups are not those of the plan.
  public func rule(for plan: TrainingPlan) throws(ArchitectureError) -> ClippingRule {
    switch self {
    case .flat: .flat
    case .automatic(let gamma): .automatic(gamma: Float(gamma))
    case .perLayer(let settings): .grouped(try plan.groups(settings.layers), settings)
    case .adaptive(let settings, let adaptation):
      .adaptive(try plan.groups(settings.layers), settings, adaptation)
    }
  }
}

/// The groups of a client's round.
package struct GroupThresholds: Sendable {
  private let groups: LayerGroups
  private let adaptation: Scenario.Privacy.Clipping.Adaptation?
  private let maxGradNorm: Float
  private let mechanism: GroupMechanism
  /// Estimates of the groups' quantiles; only their proportions bound anything.
  package private(set) var estimates: [Float]

  /// Nil where all parameters are clipped together.
  ///
  /// - Parameter start: estimates to begin with; nil begins with the scenario's.
  package init?(
    _ rule: ClippingRule, maxGradNorm: Float, noiseMultiplier: Double, start: [Float]?
  ) {
    let settings: Scenario.Privacy.Clipping.Groups
    switch rule {
    case .flat, .automatic: return nil
    case .grouped(let groups, let given): (self.groups, settings, adaptation) = (groups, given, nil)
    case .adaptive(let groups, let given, let adaptation):
      (self.groups, settings, self.adaptation) = (groups, given, adaptation)
    }
    self.maxGradNorm = maxGradNorm
    mechanism = GroupMechanism(
      noiseMultiplier: noiseMultiplier, allocation: settings.noiseAllocation.privacyRoom,
      countShare: adaptation?.budgetShare)
    let count = groups.count
    let shares = settings.thresholds?.map { Float($0) } ?? [Float](repeating: 1, count: count)
    estimates = Self.scaled(shares, to: Double(maxGradNorm))
    if let start, start.count == count { estimates = start }
  }

  /// C_k: the estimates scaled so that √Σ C_k² is the clipping bound, rounded down.
  package var maxGradNorms: [Float] {
    Self.scaled(estimates, to: Double(maxGradNorm) * (1 - 1e-6))
  }

  private static func scaled(_ values: [Float], to norm: Double) -> [Float] {
    let length = values.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
    return values.map { Float(Double($0) / length * norm) }
  }

  package var clipping: Clipping {
    .grouped(GroupBounds(groups: groups, maxGradNorms: maxGradNorms, thresholds: estimates))
  }

  /// The noise multiplier of the counts alone; nil where thresholds are fixed.
  package var countNoiseMultiplier: Double? { mechanism.countNoiseMultiplier }

  /// The estimates, where they adapt: released, so that they may go to the server.
  package var released: [Float]? { adaptation == nil ? nil : estimates }

  private var parts: [SumGroup] {
    zip(groups.ranges, maxGradNorms).map { SumGroup(ranges: $0, maxGradNorm: $1) }
  }

  /// The sum of a step with its noise.
  func release(_ sum: [Float], noise: inout StepNoise) -> Released<[Float]> {
    mechanism.release(ClippedGroups(values: sum, groups: parts)) {
      noise.add(to: &$0, in: $1, standardDeviation: $2)
    }
  }

  /// The grid of a step, for exact noise.
  var grid: [GridPart] { mechanism.grid(of: parts) }

  /// Moves the thresholds for the next step by the noisy counts of this one.
  ///
  /// - Parameters:
  ///   - seen: the batch that made the sum, clipped by `clipping`.
  ///   - expectedBatch: qN, the divisor of the counts too: how many examples came is private.
  mutating func learn(
    from seen: BatchStatistics, expectedBatch: Double, noise: inout StepNoise
  ) {
    guard let adaptation else { return }
    // An example whose gradient was not finite is not within.
    let raw = groups.ranges.indices.map { group in
      Double(seen.within.isEmpty ? 0 : seen.within[group]) - 0.5 * Double(seen.examples)
    }
    let counts = mechanism.release(CentredCounts(values: raw)) {
      noise.count($0, standardDeviation: $1)
    }.value
    // Bounds that are known before the data are: nothing can run away to 0 or infinity.
    let range = Double(maxGradNorm) * 1e-4...Double(maxGradNorm) * 1e4
    for k in estimates.indices {
      let moved = PrivateQuantile.updatedThreshold(
        Double(estimates[k]), fraction: counts[k] / expectedBatch + 0.5,
        target: adaptation.targetQuantile, rate: adaptation.learningRate)
      estimates[k] = Float(min(max(moved, range.lowerBound), range.upperBound))
    }
  }
}

extension Scenario.Privacy.Clipping.NoiseAllocation {
  /// The privacy room's word for it.
  var privacyRoom: NoiseAllocation {
    switch self {
    case .global: .global
    case .equalBudget: .equalBudget
    case .weighted: .weighted
    case .powerOptimal: .powerOptimal
    }
  }
}

// MARK: - At the server

extension FederatedState {
  /// The thresholds of a model that a client begins with; nil before anybody sent some.
  func thresholds(of model: Int) -> [Float]? {
    guard let thresholds, thresholds.indices.contains(model) else { return nil }
    return thresholds[model].isEmpty ? nil : thresholds[model]
  }

  /// Every model gets the geometric mean of the thresholds that its clients sent; exact and free of order.
  ///
  /// - Parameter byTrained: whether its clients are those that trained it in this round, and not those that use it now.
  mutating func takeThresholds(
    of updates: [ClientUpdate], byTrained: Bool
  ) throws(FederationError) {
    guard let length = updates.lazy.compactMap({ $0.thresholds?.count }).first else { return }
    var means = models.indices.map { thresholds(of: $0) ?? [] }
    for model in models.indices {
      var sum = FixedPointSum(length: length)
      for update in updates
      where (byTrained ? update.model : assignment[update.client]) == model {
        guard let sent = update.thresholds else { continue }
        try sum.add(sent.map { Elementary.log(single: $0) }, client: update.client)
      }
      if let mean = sum.mean { means[model] = mean.map { Elementary.exp(single: $0) } }
    }
    thresholds = means
  }
}
