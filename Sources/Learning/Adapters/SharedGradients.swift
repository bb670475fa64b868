// Gradients of adapter tensors that several hosts share: an example's are added up over all uses before their
// norm is taken. Norms of single uses, added, would be another number.

/// The shared tensors' gradients of a tile's examples, and their clipped sum.
final class SharedGradients {
  private let rows: GradientRows
  private let examples: Int

  /// Nil where the plan shares nothing that is trained.
  init?(_ plan: TrainingPlan, examples: Int, workspace: Workspace) {
    guard !plan.sharedSlots.isEmpty else { return nil }
    rows = GradientRows(
      plan.sharedSlots.map { ($0.name, $0) }, examples: examples, workspace: workspace)
    self.examples = examples
  }

  /// Where hosts add an example's gradient of a tensor.
  func place(of slot: ParameterSlot, example: Int) -> GradientPlace? {
    rows.place(slot.name, example: example)
  }

  /// Before the backward pass of a tile.
  func clear() { rows.clear(examples: examples) }

  func squaredNorm(of example: Int) -> Double { rows.squaredNorm(of: example) }

  func accumulate(_ tile: Tile, coefficients: [Float]) {
    rows.accumulate(tile, coefficients: coefficients)
  }

  func drainSum(into total: inout [Float]) { rows.drainSum(into: &total) }
}
