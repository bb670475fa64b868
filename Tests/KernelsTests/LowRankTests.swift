// The low-rank kernels against loops that follow the definition, for ranks with and without a path of
// their own, in single and half precision.

import Kernels
import Testing

private func random(_ count: Int, _ step: Int) -> [Float] {
  var stream = RandomStream(seed: 23, purpose: .test, step: step)
  return (0..<count).map { _ in Float(stream.nextGaussian()) }
}

/// Rows of 16 channels and the projections, for a 4×4 image.
private struct Features {
  let positions = 16
  let channels = 16
  let rank: Int
  let values: [Float]
  let exact: FloatBuffer
  let halves: HalfBuffer

  var rankStride: Int { (rank + 3) / 4 * 4 }
  var stride: Int { channels + rankStride }

  init(rank: Int) {
    self.rank = rank
    let stride = channels + (rank + 3) / 4 * 4
    // Exact in half precision, so that both kernels read the same numbers.
    values = random(positions * stride, rank).enumerated().map { index, value in
      index % stride < 16 + rank ? Float(Float16(value)) : 0
    }
    exact = FloatBuffer(count: values.count)
    exact.write(values)
    halves = HalfBuffer(count: values.count)
    halves.round(exact, at: 0, to: 0, count: values.count)
  }

  func projection(_ position: Int, _ k: Int) -> Double {
    Double(values[position * stride + channels + k])
  }
}

@Suite("Low-rank kernels")
struct LowRankTests {
  @Test("the low-rank term is added to the frozen product", arguments: [1, 3, 4, 5, 8])
  func combine(rank: Int) {
    let features = Features(rank: rank)
    let factors = random(features.rankStride * features.channels, 20 + rank)
    let factor = FloatBuffer(count: factors.count)
    factor.write(factors)
    let fromSingle = FloatBuffer(count: features.positions * features.channels)
    let fromHalf = FloatBuffer(count: fromSingle.count)
    LowRank.combine(
      positions: features.positions, features: features.exact, at: 0, stride: features.stride,
      channels: features.channels, rank: rank, factor: factor, output: fromSingle, at: 0)
    LowRank.combine(
      positions: features.positions, features: features.halves, at: 0, stride: features.stride,
      channels: features.channels, rank: rank, factor: factor, output: fromHalf, at: 0)
    for t in 0..<features.positions {
      for c in 0..<features.channels {
        var expected = Double(features.values[t * features.stride + c])
        for k in 0..<rank {
          expected += features.projection(t, k) * Double(factors[k * features.channels + c])
        }
        let place = t * features.channels + c
        #expect(abs(Double(fromSingle[place]) - expected) < 1e-5 * (1 + abs(expected)))
        #expect(fromHalf[place] == fromSingle[place])
      }
    }
  }

  @Test("the factor's gradient sums live entries alone", arguments: [1, 3, 4, 5, 8])
  func factorGradient(rank: Int) {
    let features = Features(rank: rank)
    let geometry = ConvGeometry(height: 4, width: 4, inputChannels: 1)
    let above = random(features.positions * features.channels, 40 + rank)
    let buffer = FloatBuffer(count: above.count)
    buffer.write(above)
    let entries = SparseGradient(channels: features.channels, capacity: features.positions)
    entries.gatherDense(gradient: buffer, at: 0, geometry: geometry)
    let gradient = FloatBuffer(count: features.channels * features.rankStride)
    LowRank.factorGradient(
      entries: entries, features: features.halves, at: 0, stride: features.stride,
      channels: features.channels, rankStride: features.rankStride, scale: 2, into: gradient, at: 0)
    for c in 0..<features.channels {
      for k in 0..<features.rankStride {
        let expected =
          k < rank
          ? 2
            * (0..<features.positions).reduce(0.0) {
              $0 + Double(above[$1 * features.channels + c]) * features.projection($1, k)
            } : 0
        #expect(
          abs(Double(gradient[c * features.rankStride + k]) - expected)
            < 1e-4 * (1 + abs(expected)))
      }
    }
  }
}
