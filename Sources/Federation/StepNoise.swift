// The noise of one step of one client, by what it is for.

import Kernels

/// Draws that depend on the step's key alone.
struct StepNoise: Sendable {
  let seed: UInt64
  let round: Int
  let client: Int
  let step: Int

  /// Adds normal numbers to the elements of a range; nil takes all of them.
  func add(
    to values: inout [Float], in range: Range<Int>? = nil, standardDeviation: Float
  ) {
    GaussianNoise.add(
      to: &values, in: range, standardDeviation: standardDeviation, seed: seed,
      purpose: .gradientNoise, round: round, client: client, step: step)
  }

  /// The noise of a group's count.
  func count(_ group: Int, standardDeviation: Double) -> Double {
    var stream = RandomStream(
      seed: seed, purpose: .thresholdNoise, round: round, client: client, step: step)
    var normal = 0.0
    for _ in 0...group { normal = stream.nextGaussian() }
    return normal * standardDeviation
  }
}
