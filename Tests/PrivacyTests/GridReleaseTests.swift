// The integer gate: grids that never weaken noise or lengthen a contribution, and the divergences of the
// discrete Gaussian summed up by brute force.

import Foundation
import Privacy
import TestSupport
import Testing

@Suite("Release gate in integers")
struct GridReleaseTests {
  @Test("pitches are powers of two, and noise on the grid is never weaker than asked for")
  func grids() {
    var generator = TestGenerator(seed: 3)
    for _ in 0..<5_000 {
      let deviation = Float(exp(Double.random(in: -20...20, using: &generator)))
      let part = GridPart(range: 0..<1, standardDeviation: deviation, maxGradNorm: 1)
      #expect(part.pitch.significand == 1)
      #expect(Double(part.standardDeviation) * part.pitch >= Double(deviation))
      #expect(
        Double(part.standardDeviation) * part.pitch <= Double(deviation) * (1 + 0x1p-19))
      #expect((1 << 19...1 << 20).contains(part.standardDeviation))
      let count = GroupMechanism.countGrid(standardDeviation: Double(deviation))
      #expect(Double(count.deviation) * count.pitch >= Double(deviation))
      #expect(0.5 / count.pitch == (0.5 / count.pitch).rounded())
    }
    #expect(GridPart(range: 0..<1, standardDeviation: 0, maxGradNorm: 3).standardDeviation == 0)
  }

  @Test("contributions never get longer, and sums are exact in any order")
  func rounding() {
    var generator = TestGenerator(seed: 4)
    let mechanism = GaussianMechanism(noiseMultiplier: 0)
    let parts = mechanism.grid(count: 20, sensitivity: 1)
    let pitch = parts[0].pitch
    func length(_ values: [Float]) -> Double {
      values.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
    }
    let vectors = (0..<50).map { _ in
      (0..<20).map { _ in Float.random(in: -0.3...0.3, using: &generator) }
    }
    for vector in vectors {
      var sum = ClippedGridSum(parts: parts)
      sum.add(vector)
      let released = sum.release { _ in
        Issue.record("No noise was asked for.")
        return 0
      }.value
      #expect(length(released) <= length(vector))
      for (a, b) in zip(released, vector) { #expect(abs(Double(a) - Double(b)) < pitch) }
    }
    func total(_ vectors: [[Float]]) -> [Float] {
      var sum = ClippedGridSum(parts: parts)
      for vector in vectors { sum.add(vector) }
      return sum.release { _ in 0 }.value
    }
    #expect(total(vectors) == total(vectors.shuffled(using: &generator)))
    let exact = (0..<20).map { i in
      vectors.reduce(0.0) { $0 + (Double($1[i]) / pitch).rounded(.towardZero) } * pitch
    }
    #expect(total(vectors) == exact.map { Float($0) })
  }

  @Test("what no grid holds counts as zero")
  func strange() {
    var sum = ClippedGridSum(
      parts: [GridPart(range: 0..<4, standardDeviation: 1, maxGradNorm: 1)])
    sum.add([.nan, .infinity, 1e30, 0.5])
    #expect(sum.release { _ in 0 }.value == [0, 0, 0, 0.5])
  }

  @Test("each part gets samples of its own standard deviation, in pitches")
  func parts() {
    let mechanism = GroupMechanism(noiseMultiplier: 1, allocation: .equalBudget)
    let groups = [
      SumGroup(ranges: [0..<1, 3..<4], maxGradNorm: 0.25),
      SumGroup(ranges: [1..<3], maxGradNorm: 4),
    ]
    let parts = mechanism.grid(of: groups)
    #expect(parts.map(\.range) == [0..<1, 3..<4, 1..<3])
    let deviations = mechanism.standardDeviations(of: groups)
    let released = ClippedGridSum(parts: parts).release { Int64($0) }.value
    for (i, group) in [0, 1, 1, 0].enumerated() {
      #expect(isClose(Double(released[i]), Double(deviations[group]), relative: 0x1p-18))
      #expect(released[i] >= deviations[group])
    }
  }

  /// exp((α − 1) D_α) of the sampled discrete Gaussian, summed over a wide grid.
  private func moment(_ alpha: Double, sigma: Double, shift: Double, rate: Double) -> Double {
    let reach = Int(40 * sigma + alpha * shift)
    func mass(_ x: Double) -> Double { exp(-x * x / (2 * sigma * sigma)) }
    var (total, sum) = (0.0, 0.0)
    for x in -reach...reach {
      let base = mass(Double(x))
      guard base > 0 else { continue }
      total += base
      let ratio = exp((2 * Double(x) * shift - shift * shift) / (2 * sigma * sigma))
      sum += base * pow(1 - rate + rate * ratio, alpha)
    }
    return sum / total
  }

  @Test(
    "divergences on the grid are those of the continuous law",
    arguments: [(8.0, 4.0), (30, 7), (12, 12)], [1, 0.1])
  func divergences(_ noise: (sigma: Double, shift: Double), _ rate: Double) throws {
    let orders = [1.5, 2, 3, 5.5, 8]
    let accountant = RDPAccountant(orders: orders)
    let curve = try accountant.curve(
      of: .trainingSteps(
        sampleRate: rate, noiseMultiplier: noise.sigma / noise.shift, count: 1))
    for (order, divergence) in zip(orders, curve.divergences) {
      let brute =
        log(moment(order, sigma: noise.sigma, shift: noise.shift, rate: rate)) / (order - 1)
      #expect(isClose(divergence, brute, relative: 1e-8))
    }
  }
}
