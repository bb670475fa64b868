// Records made for an audit: each is put into a client's data by a fair coin of its own, and the auditor later guesses
// from what the run released which of them were in.
//
// Steinke, Nasr, Jagielski, "Privacy auditing with one (1) training run" (NeurIPS 2023); gradients made to be seen:
// Nasr et al., "Tight auditing of differentially private machine learning" (USENIX Security 2023).

import Kernels
import Learning

/// What a run is audited with.
public struct AuditPlan: Sendable, Hashable, Codable {
  public enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
    /// A gradient far beyond the clipping bound, along a parameter that no other canary of its client has: the worst
    /// record that there can be.
    case gradient
    /// A test example of the client with a wrong label.
    case mislabelled
    /// A test example ten times as large, with a label drawn at random.
    case farOut = "far-out"
  }
  public let kind: Kind
  /// Canaries of all clients together, dealt evenly.
  public let canaries: Int
  /// The client that has all of them; nil deals them.
  public let client: Int?

  public init(kind: Kind, canaries: Int, client: Int? = nil) {
    self.kind = kind
    self.canaries = canaries
    self.client = client
  }

  /// Canaries of a client.
  func count(client: Int, of clients: Int) -> Int {
    if let owner = self.client { return client == owner ? canaries : 0 }
    return canaries / clients + (client < canaries % clients ? 1 : 0)
  }
}

/// The canaries of one client.
struct Canaries: Sendable {
  let kind: AuditPlan.Kind
  /// The coins.
  let isIncluded: [Bool]
  /// As the client would see them; empty for made gradients.
  let examples: CanaryExamples

  var count: Int { isIncluded.count }

  /// - Parameter source: examples that the client does not train on.
  init<Source: ExampleSource>(
    _ plan: AuditPlan, client: Int, of clients: Int, seed: UInt64, classes: Int, inputCount: Int,
    source: Source
  ) {
    kind = plan.kind
    var coins = RandomStream(seed: seed, purpose: .audit, client: client)
    let count = plan.count(client: client, of: clients)
    isIncluded = (0..<count).map { _ in coins.next() & 1 == 1 }
    var examples = CanaryExamples(values: [], labels: [])
    if kind != .gradient, source.count > 0 {
      for canary in 0..<count {
        let position = canary % source.count
        var values = [Float](repeating: 0, count: inputCount)
        var span = values.mutableSpan
        source.write(position, into: &span)
        let other = Int(UInt64.random(in: 0..<UInt64(max(classes - 1, 1)), using: &coins))
        if kind == .farOut { values = values.map { 10 * $0 } }
        examples.values.append(values)
        examples.labels.append((source.label(at: position) + 1 + other) % classes)
      }
    }
    self.examples = examples
  }

  /// The parameter, of so many, along which a made gradient lies; nil if there are not enough for all canaries.
  func place(of canary: Int, among count: Int) -> Int? {
    guard self.count <= count else { return canary < count ? canary : nil }
    return canary * (count / self.count)
  }

  /// The places of all made gradients.
  func places(among count: Int) -> [Int?] {
    isIncluded.indices.map { place(of: $0, among: count) }
  }

  /// Those that are in a Poisson batch at `rate`.
  func drawn(rate: Double, work: LocalWork, step: Int) -> [Int] {
    var stream = RandomStream(
      seed: work.seed, purpose: .audit, round: work.round + 1, client: work.client, step: step)
    return isIncluded.indices.filter { isIncluded[$0] && (rate >= 1 || stream.nextUnit() < rate) }
  }

  /// The length of a made gradient once it is clipped.
  static func madeGradient(_ clipping: Clipping) -> Float {
    clipping.clipped(100 * (clipping.bound ?? 0))
  }

  /// Adds the clipped gradients of some canaries at the network's parameters to `sum`.
  func addClippedSum(
    of canaries: [Int], clipping: Clipping, network: Network, to sum: inout [Float]
  ) {
    guard kind == .gradient else {
      _ = network.addClippedSum(of: examples, at: canaries, clipping: clipping, to: &sum)
      return
    }
    for canary in canaries {
      guard let place = place(of: canary, among: sum.count) else { continue }
      sum[place] += Self.madeGradient(clipping)
    }
  }
}

extension Canaries {
  /// The examples that are in; nil for made gradients, which no model gets right or wrong.
  var includedExamples: CanaryExamples? {
    guard kind != .gradient else { return nil }
    let chosen = isIncluded.indices.filter { isIncluded[$0] }
    return CanaryExamples(
      values: chosen.map { examples.values[$0] }, labels: chosen.map { examples.labels[$0] })
  }

  /// ⟨x, g⟩ and ‖g‖² of a canary's clipped gradient g at the network's parameters.
  func projection(
    of vector: [Float], on canary: Int, clipping: Clipping, network: Network
  ) -> (inner: Double, power: Double) {
    if kind == .gradient {
      guard let place = place(of: canary, among: vector.count) else { return (0, 0) }
      let length = Double(Self.madeGradient(clipping))
      return (Double(vector[place]) * length, length * length)
    }
    var own = [Float](repeating: 0, count: vector.count)
    addClippedSum(of: [canary], clipping: clipping, network: network, to: &own)
    var (inner, power) = (0.0, 0.0)
    for i in own.indices {
      inner += Double(vector[i]) * Double(own[i])
      power += Double(own[i]) * Double(own[i])
    }
    return (inner, power)
  }

  /// The components of a vector along the canaries' gradients at `start`.
  func components(
    of vector: [Float], at start: [Float], clipping: Clipping, network: Network
  ) -> [Double] {
    network.load(trainable: start)
    return isIncluded.indices.map { canary in
      let (inner, power) = projection(
        of: vector, on: canary, clipping: clipping, network: network)
      return power > 0 ? inner / power.squareRoot() : 0
    }
  }

  /// Scores from a first and a last model: how far the last one moved against the made gradient, or by how much it
  /// lowered the loss of the example, in nats.
  func scores(first: [Float], last: [Float], network: Network) -> [Double] {
    guard kind != .gradient else {
      return isIncluded.indices.map { canary in
        place(of: canary, among: last.count).map { Double(first[$0] - last[$0]) } ?? 0
      }
    }
    func losses(_ parameters: [Float]) -> [Double] {
      network.load(trainable: parameters)
      var losses = [Double](repeating: 0, count: count)
      _ = network.evaluate(examples, lossObserver: { losses[$0] = $1 })
      return losses
    }
    return zip(losses(first), losses(last)).map { $0 - $1 }
  }
}

/// Examples that are in no data set.
struct CanaryExamples: ExampleSource {
  var values: [[Float]]
  var labels: [Int]
  var count: Int { labels.count }

  func label(at position: Int) -> Int { labels[position] }
  func write(_ position: Int, into destination: inout MutableSpan<Float>) {
    for i in values[position].indices { destination[i] = values[position][i] }
  }
}
