// How per-example gradients are bounded: all layers together, or groups of layers apart.
//
// Flat: Abadi et al. 2016. AUTO-S and normalisation (AUTO-V): Bu, Wang, Zha, Karypis, NeurIPS 2023.
// Groups: He et al., ICLR 2023.

/// How per-example gradients are bounded.
public enum Clipping: Sendable, Hashable {
  /// Not at all: training without privacy.
  case none
  /// min(1, C/‖g‖) over all trained parameters jointly; C = max_grad_norm.
  case flat(maxGradNorm: Float)
  /// The same with a bound for each position of the source, for individual accounting.
  case each(maxGradNorms: [Float])
  /// C/(‖g‖ + γ), which lengthens short gradients too; with γ = 0 every gradient gets the length C, but
  /// one shorter than 1e-9 counts as 0. No example adds more than C. γ is 0 or at least 1e-6.
  case automatic(maxGradNorm: Float, gamma: Float)
  /// min(1, C_k/‖g_k‖) in every group of layers by itself. No example adds more than √Σ C_k².
  case grouped(GroupBounds)

  /// The factor of an example's gradient. The margin covers the rounding of the norm and of the scaled sum
  /// (both below 1e-5), so that no example adds more than its bound.
  ///
  /// - Parameter norm: finite, of all trained parameters.
  func factor(at position: Int, norm: Double) -> Double {
    switch self {
    case .none, .grouped: 1
    case .flat(let maxGradNorm): Self.shortened(norm, to: maxGradNorm)
    case .each(let maxGradNorms): Self.shortened(norm, to: maxGradNorms[position])
    case .automatic(let maxGradNorm, let gamma):
      // Squares of such short vectors underflow in single precision: measured too short, they would be
      // lengthened beyond C. Where γ stands beside the norm that cannot happen.
      gamma == 0 && norm < 1e-9
        ? 0 : Double(maxGradNorm) * (1 - Self.margin) / (norm + Double(gamma))
    }
  }

  /// Whether each example has one norm, of all its parameters.
  var measuresExamples: Bool {
    switch self {
    case .none, .grouped: false
    case .flat, .each, .automatic: true
    }
  }

  /// Groups of layers that are bounded apart; 0 for none.
  var groupCount: Int {
    if case .grouped(let bounds) = self { bounds.groups.count } else { 0 }
  }

  private static let margin = 2e-5

  /// The largest norm that one example can add; nil where it depends on the example or its layers, or nothing is clipped.
  package var bound: Float? {
    switch self {
    case .none, .each, .grouped: nil
    case .flat(let maxGradNorm), .automatic(let maxGradNorm, _): maxGradNorm
    }
  }

  /// A gradient of this length along one parameter, clipped; 0 where there is no one bound.
  package func clipped(_ length: Float) -> Float {
    bound == nil ? 0 : Float(Double(length) * factor(at: 0, norm: abs(Double(length))))
  }

  /// min(1, C/‖g‖) with the margin.
  static func shortened(_ norm: Double, to maxGradNorm: Float) -> Double {
    let bound = Double(maxGradNorm) * (1 - margin)
    return norm <= bound ? 1 : bound / norm
  }
}

/// The bounds of groups of layers.
public struct GroupBounds: Sendable, Hashable {
  public let groups: LayerGroups
  /// C_k, positive, one for every group.
  public let maxGradNorms: [Float]
  /// The norms within which a group's gradient is counted, one for every group. They may differ from the
  /// bounds: thresholds that follow a quantile are rescaled before they bound anything.
  public let thresholds: [Float]

  public init(groups: LayerGroups, maxGradNorms: [Float], thresholds: [Float]) {
    precondition(
      maxGradNorms.count == groups.count && thresholds.count == groups.count,
      "every group has a bound and a threshold")
    self.groups = groups
    self.maxGradNorms = maxGradNorms
    self.thresholds = thresholds
  }
}

/// The trained layers of a plan, divided into groups.
public struct LayerGroups: Sendable, Hashable {
  /// The group of every layer of the architecture; nil for a layer that is not trained.
  let groupOfLayer: [Int?]
  /// Where each group's parameters lie in θ; ascending, without overlap, together all of θ.
  public let ranges: [[Range<Int>]]

  public var count: Int { ranges.count }
  /// Trained parameters of every group.
  public var sizes: [Int] { ranges.map { $0.reduce(0) { $0 + $1.count } } }
}

extension TrainingPlan {
  /// Groups of trained layers.
  ///
  /// - Parameter names: the layers of each group; nil makes every trained layer a group.
  /// - Throws: `ArchitectureError` unless every trained layer is in exactly one group, and no other.
  public func groups(_ names: [[String]]? = nil) throws(ArchitectureError) -> LayerGroups {
    guard sharedSlots.isEmpty else {
      throw ArchitectureError(
        description:
          "privacy.clipping: groups of layers cannot bound tensors that several layers share "
          + "(\(adapter?.kind ?? "")); use flat clipping")
    }
    let trained = architecture.layers.indices.filter(isTrained(layer:))
      .map { architecture.layers[$0].name }
    let names = names ?? trained.map { [$0] }
    let flat = names.flatMap { $0 }
    guard flat.sorted() == trained.sorted(), !names.contains([]) else {
      throw ArchitectureError(
        description: "privacy.clipping.groups: must name every trained layer exactly once, "
          + trained.joined(separator: ", ") + "; got " + flat.joined(separator: ", "))
    }
    let ranges = names.map { group in
      slots.filter { slot in group.contains { slot.name.hasPrefix("\($0).") } }.map(\.range)
    }
    return LayerGroups(
      groupOfLayer: architecture.layers.map { layer in
        names.firstIndex { $0.contains(layer.name) }
      }, ranges: ranges)
  }
}
