// OP-LoRA: low-rank factors emitted by a small network that is trained in their place.
//
// "OP-LoRA: the blessing of dimensionality" (arXiv:2412.10362): vec(A, B) = W₂ relu(W₁ z + b₁) + b₂ with z, W₁, b₁,
// W₂ and b₂ trained; afterwards the network is thrown away and an ordinary LoRA is left.

import Kernels

/// One network that emits `outputs` numbers.
public struct EmissionNetwork: Sendable, Hashable {
  /// Length of z, of the hidden layer, and of what is emitted.
  public let inputs: Int
  public let hidden: Int
  public let outputs: Int

  public init(inputs: Int, hidden: Int, outputs: Int) {
    self.inputs = inputs
    self.hidden = hidden
    self.outputs = outputs
  }

  /// z, W₁, b₁, W₂ and b₂ in this order.
  public var parameterCount: Int {
    inputs + hidden * inputs + hidden + outputs * hidden + outputs
  }

  private var firstWeights: Int { inputs }
  private var firstBias: Int { firstWeights + hidden * inputs }
  private var secondWeights: Int { firstBias + hidden }
  private var secondBias: Int { secondWeights + outputs * hidden }

  /// z ~ N(0, 1) and W₁ ~ N(0, 2/(inputs·hidden)), so that the hidden vector has a length near 1 and a step on the
  /// network moves what it emits about twice as far as a step on that itself; all else is 0.
  func start(_ stream: inout RandomStream) -> [Float] {
    var parameters = [Float](repeating: 0, count: parameterCount)
    for i in 0..<inputs { parameters[i] = Float(stream.nextGaussian()) }
    let deviation = (2 / Double(inputs * hidden)).squareRoot()
    for i in firstWeights..<firstBias { parameters[i] = Float(stream.nextGaussian() * deviation) }
    return parameters
  }

  /// W₁ z + b₁.
  private func preactivations(_ p: ArraySlice<Float>) -> [Float] {
    let base = p.startIndex
    return (0..<hidden).map { row in
      (0..<inputs).reduce(p[base + firstBias + row]) {
        $0 + p[base + firstWeights + row * inputs + $1] * p[base + $1]
      }
    }
  }

  /// What the network emits.
  public func emit(_ p: ArraySlice<Float>) -> [Float] {
    let base = p.startIndex
    let h = preactivations(p).map { max($0, 0) }
    return (0..<outputs).map { row in
      (0..<hidden).reduce(p[base + secondBias + row]) {
        $0 + p[base + secondWeights + row * hidden + $1] * h[$1]
      }
    }
  }

  /// The gradient of the parameters for a gradient of what is emitted.
  public func pullBack(_ gradient: ArraySlice<Float>, at p: ArraySlice<Float>) -> [Float] {
    let base = p.startIndex
    let z = preactivations(p)
    var result = [Float](repeating: 0, count: parameterCount)
    var inner = [Float](repeating: 0, count: hidden)
    for (row, g) in gradient.enumerated() {
      result[secondBias + row] = g
      for k in 0..<hidden {
        result[secondWeights + row * hidden + k] = g * max(z[k], 0)
        inner[k] += g * p[base + secondWeights + row * hidden + k]
      }
    }
    for k in 0..<hidden where z[k] > 0 {
      result[firstBias + k] = inner[k]
      for i in 0..<inputs {
        result[firstWeights + k * inputs + i] = inner[k] * p[base + i]
        result[i] += inner[k] * p[base + firstWeights + k * inputs + i]
      }
    }
    return result
  }
}

/// Steps on the networks of all hosts in place of steps on their factors.
///
/// Clip and noise concern the gradient of (A, B), as with LoRA; what is here sees the noisy gradient alone: pulling
/// it back through the networks is post-processing and costs nothing. Networks start anew from the public seed in
/// every round and stay with the client, which sends the change of A and B.
public struct FactorGenerator: Sendable {
  private let networks: [(network: EmissionNetwork, parameters: Range<Int>, factors: Range<Int>)]
  /// Trained numbers that no network emits, and where they stand among the parameters.
  private let plain: [(parameters: Range<Int>, own: Range<Int>)]
  private let start: [Float]
  private let emittedAtStart: [[Float]]

  /// - Parameter plan: with low-rank factors, both trained.
  public init(_ plan: TrainingPlan, hidden: Int, seed: UInt64) {
    var networks: [(network: EmissionNetwork, parameters: Range<Int>, factors: Range<Int>)] = []
    var plain: [(parameters: Range<Int>, own: Range<Int>)] = []
    var start: [Float] = []
    var stream = RandomStream(seed: seed, purpose: .initialization, step: 3)
    var factors = plan.adaptedLayers.map { $0.a.range.lowerBound..<$0.b.range.upperBound }
    var next = 0
    func addPlain(to end: Int) {
      guard end > next else { return }
      plain.append((start.count..<start.count + end - next, next..<end))
      start += [Float](repeating: 0, count: end - next)
      next = end
    }
    factors.sort { $0.lowerBound < $1.lowerBound }
    for range in factors {
      addPlain(to: range.lowerBound)
      let network = EmissionNetwork(inputs: hidden, hidden: hidden, outputs: range.count)
      networks.append((network, start.count..<start.count + network.parameterCount, range))
      start += network.start(&stream)
      next = range.upperBound
    }
    addPlain(to: plan.trainableCount)
    self.networks = networks
    self.plain = plain
    self.start = start
    emittedAtStart = networks.map { $0.network.emit(start[$0.parameters]) }
  }

  /// The networks' parameters, and changes of whatever no network emits, when a round begins.
  public var initial: [Float] { start }

  /// The gradient of the parameters for a gradient of θ.
  public func pullBack(_ gradient: [Float], at parameters: [Float]) -> [Float] {
    var result = [Float](repeating: 0, count: start.count)
    for part in plain { result.replaceSubrange(part.parameters, with: gradient[part.own]) }
    for part in networks {
      result.replaceSubrange(
        part.parameters,
        with: part.network.pullBack(gradient[part.factors], at: parameters[part.parameters]))
    }
    return result
  }

  /// θ after the networks moved from their start to these parameters.
  public func theta(_ parameters: [Float], from theta: [Float]) -> [Float] {
    var result = theta
    for part in plain {
      for (place, value) in zip(part.own, parameters[part.parameters]) { result[place] += value }
    }
    for (part, before) in zip(networks, emittedAtStart) {
      let after = part.network.emit(parameters[part.parameters])
      for (k, place) in part.factors.enumerated() { result[place] += after[k] - before[k] }
    }
    return result
  }
}
