// The noise of one step of one client, by what it is for and how it is made.

import Kernels
import Privacy
package import Scenarios

/// How noise is made, and where its random bits come from.
package struct NoiseMaking: Sendable, Hashable {
  package var mode = Scenario.Privacy.Noise.fast
  /// Whether the operating system's randomness takes the place of the run's seed: for noise, for batches and
  /// for private choices.
  package var usesSystem = false

  package init(mode: Scenario.Privacy.Noise = .fast, usesSystem: Bool = false) {
    self.mode = mode
    self.usesSystem = usesSystem
  }

  /// A stream of its own for the key, or the operating system's.
  func stream(_ seeded: RandomStream) -> NoiseStream {
    NoiseStream(seeded, usesSystem: usesSystem)
  }
}

extension Scenario.Privacy {
  package var noiseMaking: NoiseMaking {
    NoiseMaking(mode: noise, usesSystem: randomness == .system)
  }
}

/// The draws of one step. With the run's seed they depend on the step's key alone.
struct StepNoise: Sendable {
  private let mode: Scenario.Privacy.Noise
  private let seed: UInt64
  private let round: Int
  private let client: Int
  private let step: Int
  /// Of the noise that is asked for; less than all of it in a broken engine alone.
  private let share: Float
  private var gradients: NoiseStream
  private var counts: NoiseStream

  init(
    _ making: NoiseMaking, seed: UInt64, round: Int, client: Int, step: Int,
    fault: EngineFault? = nil
  ) {
    let (round, client) = fault?.noiseKey(round: round, client: client) ?? (round, client)
    share = fault?.noiseShare ?? 1
    mode = making.mode
    self.seed = seed
    self.round = round
    self.client = client
    self.step = step
    gradients = making.stream(
      RandomStream(seed: seed, purpose: .gradientNoise, round: round, client: client, step: step))
    counts = making.stream(
      RandomStream(seed: seed, purpose: .thresholdNoise, round: round, client: client, step: step))
  }

  /// Adds normal numbers to the elements of a range; nil takes all of them.
  mutating func add(
    to values: inout [Float], in range: Range<Int>? = nil, standardDeviation: Float
  ) {
    let standardDeviation = share * standardDeviation
    switch mode {
    case .fast:
      GaussianNoise.add(
        to: &values, in: range, standardDeviation: standardDeviation, seed: seed,
        purpose: .gradientNoise, round: round, client: client, step: step)
    case .hardened, .exact:
      HardenedNoise.add(
        to: &values, in: range ?? 0..<values.count, standardDeviation: Double(standardDeviation),
        using: &gradients)
    }
  }

  /// A sample of the discrete Gaussian.
  mutating func integer(standardDeviation: UInt64) -> Int64 {
    guard share == 1 else {
      let deviation = UInt64(Double(share) * Double(standardDeviation))
      return deviation > 0
        ? DiscreteGaussian.sample(standardDeviation: deviation, using: &gradients) : 0
    }
    return DiscreteGaussian.sample(standardDeviation: standardDeviation, using: &gradients)
  }

  /// The noise of a group's count; ask for the groups in order.
  mutating func count(_ group: Int, standardDeviation: Double) -> Double {
    let standardDeviation = Double(share) * standardDeviation
    switch mode {
    case .fast: return counts.nextGaussian() * standardDeviation
    case .hardened: return HardenedNoise.normal(using: &counts) * standardDeviation
    case .exact:
      guard standardDeviation > 0 else { return 0 }
      let (pitch, deviation) = GroupMechanism.countGrid(standardDeviation: standardDeviation)
      let noise = DiscreteGaussian.sample(standardDeviation: deviation, using: &counts)
      return Double(noise) * pitch
    }
  }
}
