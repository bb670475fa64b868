// Group normalisation of one image (Wu, He, 2018): every group of channels gets mean 0 and variance 1 over the
// image's own positions, so that examples stay independent of one another, as DP-SGD needs.

/// The shape of a group normalisation; images are `positions × channels`.
public struct GroupNormalization: Sendable, Hashable {
  public let positions: Int
  public let channels: Int
  public let groups: Int
  /// Added to the variance, inside the root.
  public let epsilon: Float

  /// - Precondition: the groups divide the channels.
  public init(positions: Int, channels: Int, groups: Int, epsilon: Float = 1e-5) {
    precondition(
      positions > 0 && channels > 0 && groups > 0 && channels % groups == 0,
      "groups divide channels")
    self.positions = positions
    self.channels = channels
    self.groups = groups
    self.epsilon = epsilon
  }

  /// Floats of an image.
  public var count: Int { positions * channels }

  /// y = γ · x̂ + β with x̂ = (x − mean)/√(variance + ε) in every group.
  ///
  /// - Parameters:
  ///   - normalized: gets x̂, `count` floats.
  ///   - deviations: gets 1/√(variance + ε), one for each group.
  public func forward(
    _ x: FloatBuffer, at xOffset: Int, gamma: FloatBuffer, beta: FloatBuffer,
    normalized: FloatBuffer, at normalizedOffset: Int, deviations: FloatBuffer,
    at deviationOffset: Int, output: FloatBuffer, at outputOffset: Int
  ) {
    x.check(xOffset, count)
    normalized.check(normalizedOffset, count)
    output.check(outputOffset, count)
    deviations.check(deviationOffset, groups)
    gamma.check(0, channels)
    beta.check(0, channels)
    let size = channels / groups
    for group in 0..<groups {
      let first = group * size
      var sum = 0.0
      for p in 0..<positions {
        let row = x.base + xOffset + p * channels + first
        var part: Float = 0
        for c in 0..<size { part += row[c] }
        sum += Double(part)
      }
      let mean = Float(sum / Double(positions * size))
      var squares = 0.0
      for p in 0..<positions {
        let row = x.base + xOffset + p * channels + first
        var part: Float = 0
        for c in 0..<size { part += (row[c] - mean) * (row[c] - mean) }
        squares += Double(part)
      }
      let inverse = 1 / (Float(squares / Double(positions * size)) + epsilon).squareRoot()
      deviations.base[deviationOffset + group] = inverse
      for p in 0..<positions {
        let place = p * channels + first
        for c in 0..<size {
          let value = (x.base[xOffset + place + c] - mean) * inverse
          normalized.base[normalizedOffset + place + c] = value
          output.base[outputOffset + place + c] =
            gamma.base[first + c] * value + beta.base[first + c]
        }
      }
    }
  }

  /// ∂loss/∂γ and ∂loss/∂β of one image, `channels` floats each.
  public func parameterGradient(
    outputGradient: FloatBuffer, at gradientOffset: Int, normalized: FloatBuffer,
    at normalizedOffset: Int, into target: FloatBuffer, gammaAt: Int, betaAt: Int
  ) {
    outputGradient.check(gradientOffset, count)
    normalized.check(normalizedOffset, count)
    target.check(gammaAt, channels)
    target.check(betaAt, channels)
    target.clear(at: gammaAt, count: channels)
    target.clear(at: betaAt, count: channels)
    for p in 0..<positions {
      let e = outputGradient.base + gradientOffset + p * channels
      let n = normalized.base + normalizedOffset + p * channels
      for c in 0..<channels {
        target.base[gammaAt + c] += e[c] * n[c]
        target.base[betaAt + c] += e[c]
      }
    }
  }

  /// ∂loss/∂x of one image.
  public func inputGradient(
    outputGradient: FloatBuffer, at gradientOffset: Int, gamma: FloatBuffer,
    normalized: FloatBuffer, at normalizedOffset: Int, deviations: FloatBuffer,
    at deviationOffset: Int, into target: FloatBuffer, at targetOffset: Int
  ) {
    outputGradient.check(gradientOffset, count)
    normalized.check(normalizedOffset, count)
    target.check(targetOffset, count)
    deviations.check(deviationOffset, groups)
    gamma.check(0, channels)
    let size = channels / groups
    let inverseCount = 1 / Double(positions * size)
    for group in 0..<groups {
      let first = group * size
      var (sum, product) = (0.0, 0.0)
      for p in 0..<positions {
        let place = p * channels + first
        var (a, b): (Float, Float) = (0, 0)
        for c in 0..<size {
          let e = outputGradient.base[gradientOffset + place + c] * gamma.base[first + c]
          a += e
          b += e * normalized.base[normalizedOffset + place + c]
        }
        sum += Double(a)
        product += Double(b)
      }
      let mean = Float(sum * inverseCount)
      let slope = Float(product * inverseCount)
      let inverse = deviations.base[deviationOffset + group]
      for p in 0..<positions {
        let place = p * channels + first
        for c in 0..<size {
          let e = outputGradient.base[gradientOffset + place + c] * gamma.base[first + c]
          target.base[targetOffset + place + c] =
            inverse * (e - mean - slope * normalized.base[normalizedOffset + place + c])
        }
      }
    }
  }
}
