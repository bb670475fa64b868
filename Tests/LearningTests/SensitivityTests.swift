// What one record can do to a sum, for every layer and kind of adapter: the fact on which every ε rests. Over all cases
// more than ten thousand random pairs of batches that differ in one example.

import Kernels
import Learning
import Testing

/// Sums over pairs of batches of which one has one example more.
private func check<Source: ExampleSource>(
  _ network: Network, count: Int, _ source: Source, pairs: Int, seed: UInt64
) {
  var stream = RandomStream(seed: seed, purpose: .test, step: 21)
  let rules: [(Float) -> Clipping] = [
    { .flat(maxGradNorm: $0) }, { .automatic(maxGradNorm: $0, gamma: 0.01) },
    { .automatic(maxGradNorm: $0, gamma: 0) },
  ]
  var reached: Float = 0
  for pair in 0..<pairs {
    let bound: Float = [0.01, 0.3, 2][pair % 3]
    let clipping = rules[Int(stream.next(upperBound: 3 as UInt64))](bound)
    let others = (0..<Int(stream.next(upperBound: 5 as UInt64))).map { _ in
      Int(stream.next(upperBound: UInt64(source.count)))
    }
    // The record may be there already: then it is the added one's twin.
    let record = Int(stream.next(upperBound: UInt64(source.count)))
    let place = Int(stream.next(upperBound: UInt64(others.count + 1)))
    var without = [Float](repeating: 0, count: count)
    var with = without
    _ = network.addClippedSum(of: source, at: others, clipping: clipping, to: &without)
    _ = network.addClippedSum(
      of: source, at: Array(others[..<place]) + [record] + Array(others[place...]),
      clipping: clipping, to: &with)
    let moved = norm(zip(with, without).map { $0 - $1 })
    // Sums of at most five clipped gradients, each number rounded a few times.
    let rounding = 1e-6 * Double(bound) * Double(others.count + 1)
    #expect(
      moved <= Double(bound) + rounding,
      "\(moved) of \(bound), record \(record) beside \(others)")
    reached = max(reached, Float(moved) / bound)
  }
  // Gradients are long enough for the bound to be what holds them.
  #expect(reached > 0.99)
}

@Suite("Sensitivity")
struct SensitivityTests {
  @Test("a record moves a sum by at most max_grad_norm", arguments: try Case.all())
  func numbers(_ test: Case) {
    let (network, theta) = test.prepared(seed: 2, tile: 4)
    check(network, count: theta.count, test.examples(24, seed: 7), pairs: 150, seed: 1)
  }

  @Test(
    "a text moves a sum by at most max_grad_norm, however long it is and whatever it repeats",
    arguments: try TokenCase.all())
  func texts(_ test: TokenCase) {
    let (network, theta) = test.prepared()
    var texts = test.texts()
    texts.tokens[3] = Array(repeating: 7, count: 12)
    check(network, count: theta.count, texts, pairs: 150, seed: 2)
  }
}
