// The gate in integers: contributions rounded towards zero onto a grid, exact sums, discrete Gaussian
// noise, and floating point only afterwards.
//
// Rounding towards zero cannot lengthen a contribution, so the sensitivity stays. The Rényi divergences of
// the discrete Gaussian are those of the continuous one: at integer shifts exactly for full batches and for
// integer orders under sampling, and for the other orders up to less than exp(−10⁵), since sums over a grid
// this fine equal integrals (Canonne, Kamath, Steinke 2020; docs/clipping.md).

/// A part of a vector with its own grid and its own noise.
public struct GridPart: Sendable, Hashable {
  public let range: Range<Int>
  /// The grid's pitch, a power of two.
  public let pitch: Double
  /// The standard deviation of the noise in pitches: 0, or 2¹⁹ to 2²⁰, rounded up.
  public let standardDeviation: UInt64

  /// - Parameters:
  ///   - standardDeviation: of the noise, at least 0 and finite.
  ///   - maxGradNorm: the clip norm, which decides the pitch where there is no noise.
  public init(range: Range<Int>, standardDeviation: Float, maxGradNorm: Float) {
    precondition(
      standardDeviation >= 0 && standardDeviation.isFinite && maxGradNorm > 0,
      "noise is finite and a clip norm positive")
    let reference = Double(standardDeviation > 0 ? standardDeviation : maxGradNorm)
    self.range = range
    pitch = Self.pitch(for: reference)
    self.standardDeviation = UInt64((Double(standardDeviation) / pitch).rounded(.up))
  }

  /// 2^⌈log₂ reference⌉ / 2²⁰.
  static func pitch(for reference: Double) -> Double {
    let power = Double(sign: .plus, exponent: reference.exponent, significand: 1)
    return (power < reference ? 2 * power : power) * 0x1p-20
  }
}

extension GaussianMechanism {
  /// The grid of a sum of so many elements.
  public func grid(count: Int, sensitivity: Float) -> [GridPart] {
    [
      GridPart(
        range: 0..<count, standardDeviation: standardDeviation(sensitivity: sensitivity),
        maxGradNorm: sensitivity)
    ]
  }
}

extension GroupMechanism {
  /// The grid of a sum whose groups are clipped apart.
  public func grid(of groups: [SumGroup]) -> [GridPart] {
    zip(groups, standardDeviations(of: groups)).flatMap { group, deviation in
      group.ranges.map {
        GridPart(range: $0, standardDeviation: deviation, maxGradNorm: group.maxGradNorm)
      }
    }
  }
}

/// A sum of clipped contributions in integers that has not been noised yet.
public struct ClippedGridSum: ~Copyable {
  private var values: [Int64]
  private let parts: [GridPart]

  /// - Parameter parts: of one mechanism; together all elements, without overlap.
  public init(parts: [GridPart]) {
    values = [Int64](repeating: 0, count: parts.reduce(0) { max($0, $1.range.upperBound) })
    self.parts = parts
  }

  /// Adds one record's contribution, every element rounded towards zero.
  ///
  /// An element that no grid holds (not finite, or beyond 2⁶²) counts as 0, which shortens too.
  public mutating func add(_ contribution: [Float]) {
    precondition(contribution.count == values.count, "a contribution is as long as the sum")
    for part in parts {
      let scale = 1 / part.pitch
      for i in part.range {
        // A power of two scales without rounding.
        let steps = Int64(exactly: (Double(contribution[i]) * scale).rounded(.towardZero)) ?? 0
        let (sum, overflow) = values[i].addingReportingOverflow(steps)
        if !overflow { values[i] = sum }
      }
    }
  }

  /// Noises the sum and lets it leave.
  ///
  /// - Parameter sample: an independent sample of the discrete Gaussian of the given standard deviation.
  public consuming func release(
    sample: (_ standardDeviation: UInt64) -> Int64
  ) -> Released<[Float]> {
    var output = [Float](repeating: 0, count: values.count)
    for part in parts {
      for i in part.range {
        let noise = part.standardDeviation > 0 ? sample(part.standardDeviation) : 0
        // Beyond 2⁵³ the conversion rounds: post-processing of a value that is released already.
        output[i] = Float(Double(values[i] &+ noise) * part.pitch)
      }
    }
    return Released(output)
  }
}

extension GroupMechanism {
  /// The noise of one count as pitch and standard deviation in pitches: halves are on the grid too.
  public static func countGrid(standardDeviation: Double) -> (pitch: Double, deviation: UInt64) {
    let pitch = min(GridPart.pitch(for: standardDeviation), 0.5)
    return (pitch, UInt64((standardDeviation / pitch).rounded(.up)))
  }
}
