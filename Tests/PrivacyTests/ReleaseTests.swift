import Privacy
import Testing

@Suite("Release gate")
struct ReleaseTests {
  @Test("noise has the accounted standard deviation and is never weaker")
  func standardDeviation() {
    var generator = TestGenerator(seed: 5)
    for _ in 0..<10_000 {
      let multiplier = Double.random(in: 0.01...30, using: &generator)
      let sensitivity = Float.random(in: 1e-3...50, using: &generator)
      let deviation = GaussianMechanism(noiseMultiplier: multiplier)
        .standardDeviation(sensitivity: sensitivity)
      // Exact comparison: the product's rounding error is what fused multiply-add leaves.
      let product = multiplier * Double(sensitivity)
      let rest = (-product).addingProduct(multiplier, Double(sensitivity))
      #expect(Double(deviation) - product >= rest)
      #expect(Double(deviation.nextDown) < product + 1e-15 * product)
    }
  }

  @Test("the sum goes through the noise once and comes out released")
  func release() {
    let mechanism = GaussianMechanism(noiseMultiplier: 2)
    var calls: [Float] = []
    let released = mechanism.release(ClippedSum(values: [1, 2, 3], sensitivity: 1.5)) {
      values, deviation in
      calls.append(deviation)
      for index in values.indices { values[index] += deviation }
    }
    #expect(calls == [3])
    #expect(released.value == [4, 5, 6])
    #expect(mechanism.event == .gaussian(noiseMultiplier: 2))
  }

  @Test("without noise nothing is added, and the event costs everything")
  func noNoise() throws {
    let mechanism = GaussianMechanism(noiseMultiplier: 0)
    let released = mechanism.release(ClippedSum(values: [1], sensitivity: 1)) { _, _ in
      Issue.record("No noise was asked for.")
    }
    #expect(released.value == [1])
    #expect(try RDPAccountant().epsilon(of: mechanism.event, delta: 1e-5) == .infinity)
  }

  @Test("Doubles become Floats upwards")
  func rounding() {
    #expect(Float(roundedUp: 0.5) == 0.5)
    #expect(Double(Float(roundedUp: 0.1)) >= 0.1)
    #expect(Double(Float(roundedUp: 0.1).nextDown) < 0.1)
    #expect(Float(roundedUp: 1e300) == .infinity)
  }

  @Test("a sum without a usable clip norm is a programmer's error")
  func precondition() async {
    await #expect(processExitsWith: .failure) {
      _ = ClippedSum(values: [1], sensitivity: 0).sensitivity
    }
  }
}
