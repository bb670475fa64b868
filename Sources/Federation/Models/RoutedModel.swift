// Low-rank models as the experts of one that routes among them.

package import Learning

/// Experts of one plan on a common base; for evaluation alone.
package struct RoutedModel: Sendable {
  package let plan: TrainingPlan
  package let frozen: FrozenParameters

  /// - Parameter experts: at least one, all on the same hosts.
  /// - Throws: `ArchitectureError` if they do not fit the model; `EigenError`.
  package init(
    _ experts: [RoutedExpert], routing: ExpertRouting, on architecture: Architecture, base: [Float]
  ) throws {
    plan = try TrainingPlan(
      architecture: architecture, adapter: ArrowAdapter(experts, routing: routing))
    frozen = FrozenParameters(
      base: base, factors: try ArrowAdapter.frozenFactors(of: plan, experts: experts))
  }
}

extension TrainingPlan {
  /// The factors of a model of this plan by the names of their hosts, the scale in B.
  package func routedFactors(
    trainable: [Float], frozen: [Float]
  ) -> [String: RoutedExpert.Factors] {
    let factors = AdapterLayout.factors(of: self, trainable: trainable, frozen: frozen)
    return Dictionary(
      uniqueKeysWithValues: zip(adaptedLayers, factors).map { layer, own in
        (layer.name, RoutedExpert.Factors(a: own.a, b: own.b.scaled(by: own.scale)))
      })
  }
}
