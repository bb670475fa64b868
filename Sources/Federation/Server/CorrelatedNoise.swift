// The server's noise over rounds, where it is correlated (DP-FTRL).

import Kernels
package import Privacy

/// C⁻¹ Z, row by row: every round is the same sum of the seed's draws for it and the rounds before, so nothing has to be
/// remembered, and a run that goes on anywhere has the same noise.
package struct CorrelatedNoise: Sendable {
  private let factorization: BandedFactorization
  private let making: NoiseMaking
  private let seed: UInt64

  package init(_ factorization: BandedFactorization, making: NoiseMaking, seed: UInt64) {
    self.factorization = factorization
    self.making = making
    self.seed = seed
  }

  /// Adds the noise of a round (from 0). Takes time in proportion to it: about 1 ns a number and earlier round.
  ///
  /// - Parameter standardDeviation: of the draws, σ · max_grad_norm.
  package func add(to values: inout [Float], round: Int, standardDeviation: Float) {
    let weights = factorization.inverse(count: round + 1)
    var noise = [Float](repeating: 0, count: values.count)
    for past in 0...round {
      var draw = [Float](repeating: 0, count: values.count)
      // No client draws gradient noise here, so the server's draws take that purpose.
      var draws = StepNoise(making, seed: seed, round: past, client: 0, step: 0)
      draws.add(to: &draw, standardDeviation: standardDeviation)
      let weight = Float(weights[round - past])
      for i in noise.indices { noise[i] += weight * draw[i] }
    }
    for i in values.indices { values[i] += noise[i] }
  }
}
