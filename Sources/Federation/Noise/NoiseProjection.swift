// Random projections of noisy gradients (M2): each trained matrix, its bias as a last column, keeps what lies in the rows of a
// random matrix that is drawn anew in every step.

import Kernels
import Learning
import Privacy
import Scenarios

/// The matrices of θ and the rank that they are projected to.
struct NoiseProjection: Sendable {
  private struct Target: Sendable {
    let weight: ParameterSlot
    let bias: ParameterSlot?
    var columns: Int { weight.columns + (bias == nil ? 0 : 1) }
  }

  private let targets: [Target]
  /// Whether all clients have the same rows in a step, so that their updates compare. Where a record may sit with
  /// several clients each has its own: ε of releases through the same rows does not add up.
  private let isCommon: Bool
  /// What it takes from the cost of a release.
  let privacy: RandomProjection

  /// Nil where all of a gradient leaves.
  ///
  /// - Parameter sharesRecords: whether a record, or a person, may be at several clients.
  /// - Throws: `ArchitectureError` for a rank above a layer's inputs, and for trained numbers that belong to no matrix.
  init?(
    _ scenario: Scenario, plan: TrainingPlan, sharesRecords: Bool = true
  ) throws(ArchitectureError) {
    guard let rank = scenario.projectionRank else { return nil }
    isCommon = !sharesRecords
    targets = plan.architecture.hosts.compactMap { host in
      plan.trainedSlot(host.weight).map {
        Target(weight: $0, bias: plan.trainedSlot("\(host.name).bias"))
      }
    }
    let covered = targets.reduce(0) { $0 + $1.weight.count + ($1.bias?.count ?? 0) }
    guard covered == plan.trainableCount, let least = targets.map(\.columns).min() else {
      throw ArchitectureError(
        description:
          "adapter.modules_to_save: a random projection is one of linear layers and convolutions alone; leave the others out"
      )
    }
    guard rank < least else {
      throw ArchitectureError(
        description:
          "adapter.r: must be below \(least), the inputs and the bias of a layer, got \(rank)")
    }
    privacy = RandomProjection(rank: rank, dimension: least)
  }

  /// What the rows of a step (from 0, within its round) come from.
  func rows(of work: LocalWork, step: Int) -> NoiseStream {
    work.noise.stream(
      RandomStream(
        seed: work.seed, purpose: .projection, round: work.round,
        client: isCommon ? 0 : 1 + work.client, step: step))
  }

  /// Replaces every matrix of a noised gradient by its projection on random rows from the stream.
  func project<Stream: RandomNumberGenerator>(
    _ values: inout [Float], using stream: inout Stream
  ) {
    for target in targets {
      let (rows, inputs) = (target.weight.rows, target.weight.columns)
      var whole = Matrix(rows: rows, columns: target.columns)
      for row in 0..<rows {
        for column in 0..<inputs {
          whole[row, column] = Double(values[target.weight.offset + row * inputs + column])
        }
        if let bias = target.bias { whole[row, inputs] = Double(values[bias.offset + row]) }
      }
      let random = Matrix(
        rows: privacy.rank, columns: target.columns,
        elements: (0..<privacy.rank * target.columns).map { _ in stream.nextGaussian() })
      // G Aᵀ (A Aᵀ)⁻¹ A.
      let across = random.transposed
      let parts = random.multiplied(by: across).solving(whole.multiplied(by: across).transposed)
      let kept = parts.transposed.multiplied(by: random)
      for row in 0..<rows {
        for column in 0..<inputs {
          values[target.weight.offset + row * inputs + column] = Float(kept[row, column])
        }
        if let bias = target.bias { values[bias.offset + row] = Float(kept[row, inputs]) }
      }
    }
  }
}
