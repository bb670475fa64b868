// Sparse adapters: W + S, S zero but on a fixed mask.
//
// Arnob et al., "Exploring sparse adapters for scalable merging of parameter efficient experts" (COLM 2025);
// Song et al., "SIFT" (ICML 2024); PEFT's `SHIRA` with a random mask of r·(m + n) places.

import Kernels

/// y = (W + S) x + b; S starts at 0.
///
/// Trained: the values on the mask, r·(m + n) a host, as many as LoRA of rank r. The mask is drawn from a public
/// seed and the same for all clients: it costs no privacy. A mask chosen by the clients' gradients would be a
/// release of its own and is not offered. Under DP-SGD all values on the mask enter the per-example clip and are
/// noised, places off the mask are never touched; merging and counting overlaps are post-processing. With one mask
/// the model is linear in what is trained: the mean of clients is a model.
public struct SparseAdapter: WeightAdapter, Hashable {
  /// Where the mask comes from.
  public enum Mask: Sendable, Hashable {
    /// Drawn without replacement, host by host.
    case random(seed: UInt64)
    /// Row-major places of each host, ascending.
    case places([String: [Int]])
  }

  public let kind = "sparse"
  public let rank: Int
  public let targetModules: [String]
  public let modulesToSave: [String]
  public let mask: Mask
  private let placesOfHost: [String: [Int]]

  public init(
    rank: Int, targetModules: [String], mask: Mask, modulesToSave: [String] = []
  ) {
    self.init(
      rank: rank, targetModules: targetModules, mask: mask, modulesToSave: modulesToSave,
      places: [:])
  }

  private init(
    rank: Int, targetModules: [String], mask: Mask, modulesToSave: [String],
    places: [String: [Int]]
  ) {
    self.rank = rank
    self.targetModules = targetModules
    self.mask = mask
    self.modulesToSave = modulesToSave
    placesOfHost = places
  }

  /// The mask of a host as row-major places; empty before the adapter is fitted.
  public func places(on host: HostSpec) -> [Int] { placesOfHost[host.name] ?? [] }

  public func fitted(to hosts: [AdaptedHost]) throws(ArchitectureError) -> any Adapter {
    var places: [String: [Int]] = [:]
    for adapted in hosts {
      let host = adapted.host
      let size = host.rows * host.columns
      switch mask {
      case .random(let seed):
        let count = rank * (host.rows + host.columns)
        guard rank >= 1, count <= size else {
          throw ArchitectureError(
            description:
              "adapter.r: a mask of r (\(host.rows) + \(host.columns)) places does not fit "
              + "\(host.name) with \(size) weights at r = \(rank); lower r")
        }
        places[host.name] = Self.draw(count, of: size, seed: seed, host: host.name)
      case .places(let given):
        let own = given[host.name] ?? []
        guard !own.isEmpty, own.allSatisfy((0..<size).contains), Set(own).count == own.count else {
          throw ArchitectureError(
            description: "adapter: the mask of \(host.name) must have distinct places from 0 to "
              + "\(size - 1)")
        }
        places[host.name] = own
      }
    }
    return SparseAdapter(
      rank: rank, targetModules: targetModules, mask: mask, modulesToSave: modulesToSave,
      places: places)
  }

  /// Ascending places without replacement (Floyd's algorithm).
  private static func draw(_ count: Int, of size: Int, seed: UInt64, host: String) -> [Int] {
    // A number for the name (FNV-1a), so that a host's mask does not depend on what else is adapted.
    let key = host.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) {
      ($0 ^ UInt64($1)) &* 0x100_0000_01B3
    }
    var stream = RandomStream(
      seed: seed ^ key, purpose: .initialization, step: 2)
    var chosen = Set<Int>()
    for last in size - count..<size {
      let place = Int(stream.next() % UInt64(last + 1))
      if !chosen.insert(place).inserted { chosen.insert(last) }
    }
    return chosen.sorted()
  }

  public func tensors(on host: HostSpec, target: Int) -> [AdapterTensor] {
    [
      AdapterTensor(
        "shira_weight", rows: places(on: host).count, columns: 1, start: .constant(0),
        isTrained: true)
    ]
  }

  public func merge(
    _ tensors: [String: [Float]], into weights: inout HostWeights, on host: HostSpec, target: Int
  ) {
    for (place, value) in zip(places(on: host), tensors["shira_weight"] ?? []) {
      weights.weight[place] += value
    }
  }

  public func makePullback(on host: HostSpec, target: Int) -> any WeightPullback {
    SparsePullback(places: places(on: host))
  }
}

/// Reads the gradient at the mask.
private final class SparsePullback: WeightPullback {
  private let places: [Int]

  init(places: [Int]) { self.places = places }

  func load(_ tensors: [String: [Float]], base: HostWeights) {}

  func pullBack(
    _ gradient: MatrixView, bias: FloatBuffer, place: (String) -> GradientPlace?
  ) {
    guard let target = place("shira_weight") else { return }
    target.buffer.addElements(of: gradient, at: places, to: target.offset)
  }
}
