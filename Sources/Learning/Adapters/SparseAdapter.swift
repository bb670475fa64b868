// Sparse adapters: W + S, S zero but on a fixed mask.
//
// Arnob et al., "Exploring sparse adapters for scalable merging of parameter efficient experts" (COLM 2025);
// Song et al., "SIFT" (ICML 2024); PEFT's `SHIRA` with a random mask of r·(m + n) places.

import Kernels

/// y = (W + S) x + b; S starts at 0.
///
/// Trained: the values on the mask, r·(m + n) a host, as many as LoRA of rank r. The mask is drawn from a public
/// seed, or chosen on public data, and the same for all clients: it costs no privacy. A mask chosen by the clients'
/// gradients is a release of its own, noised and paid for (`computed`). Under DP-SGD all values on the mask enter the
/// per-example clip and are noised, places off the mask are never touched; merging and counting overlaps are
/// post-processing. With one mask the model is linear in what is trained: the mean of clients is a model.
public struct SparseAdapter: WeightAdapter, Hashable {
  /// Where the mask comes from.
  public enum Mask: Sendable, Hashable {
    /// Drawn without replacement, host by host.
    case random(seed: UInt64)
    /// Row-major places of each host, ascending.
    case places([String: [Int]])
    /// r·(rows + columns) places a host, which whoever trains writes into the frozen tensors `shira_places`.
    case computed
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
      let count = rank * (host.rows + host.columns)
      switch mask {
      case .random, .computed:
        guard rank >= 1, count <= size else {
          throw ArchitectureError(
            description:
              "adapter.r: a mask of r (\(host.rows) + \(host.columns)) places does not fit "
              + "\(host.name) with \(size) weights at r = \(rank); lower r")
        }
        if case .random(let seed) = mask {
          places[host.name] = Self.draw(count, of: size, seed: seed, host: host.name)
        } else if size > 1 << 24 {
          throw ArchitectureError(
            description:
              "adapter.mask: \(host.name) has \(size) weights, more than a chosen mask can number; "
              + "use \"random\"")
        }
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
    guard mask == .computed else {
      return [value(places(on: host).count)]
    }
    let count = rank * (host.rows + host.columns)
    return [
      value(count),
      AdapterTensor(
        "shira_places", rows: count, columns: 1, start: .constant(0), isTrained: false),
    ]
  }

  private func value(_ count: Int) -> AdapterTensor {
    AdapterTensor("shira_weight", rows: count, columns: 1, start: .constant(0), isTrained: true)
  }

  /// The mask of a host as row-major places, given its tensors where it was computed. Numbers that are no places of
  /// the host, as in a damaged file, count as the first.
  public func places(on host: HostSpec, _ tensors: [String: [Float]]) -> [Int] {
    guard mask == .computed else { return places(on: host) }
    let all = 0..<host.rows * host.columns
    return (tensors["shira_places"] ?? []).map {
      Int(exactly: $0).flatMap { all.contains($0) ? $0 : nil } ?? 0
    }
  }

  /// The frozen factors with masks where a gradient of the whole model is largest in size; of equal entries the first.
  public func masks(
    of gradient: [Float], in plan: TrainingPlan, replacing factors: [Float]
  ) -> [Float] {
    var factors = factors
    for slot in plan.frozenFactorSlots where slot.name.hasSuffix(".shira_places") {
      let host = slot.name.dropLast(".shira_places".count)
      guard let weight = plan.architecture.slot("\(host).weight") else { continue }
      let order = (0..<weight.count).sorted {
        let (a, b) = (abs(gradient[weight.offset + $0]), abs(gradient[weight.offset + $1]))
        return a != b ? a > b : $0 < $1
      }
      factors.replaceSubrange(
        slot.range, with: order.prefix(slot.count).sorted().map { Float($0) })
    }
    return factors
  }

  public func merge(
    _ tensors: [String: [Float]], into weights: inout HostWeights, on host: HostSpec, target: Int
  ) {
    for (place, value) in zip(places(on: host, tensors), tensors["shira_weight"] ?? []) {
      weights.weight[place] += value
    }
  }

  public func makePullback(on host: HostSpec, target: Int) -> any WeightPullback {
    SparsePullback(self, host)
  }
}

/// Reads the gradient at the mask.
private final class SparsePullback: WeightPullback {
  private let adapter: SparseAdapter
  private let host: HostSpec
  private var places: [Int] = []

  init(_ adapter: SparseAdapter, _ host: HostSpec) {
    self.adapter = adapter
    self.host = host
  }

  func load(_ tensors: [String: [Float]], base: HostWeights) {
    if places.isEmpty || adapter.mask == .computed { places = adapter.places(on: host, tensors) }
  }

  func pullBack(
    _ gradient: MatrixView, bias: FloatBuffer, place: (String) -> GradientPlace?
  ) {
    guard let target = place("shira_weight") else { return }
    target.buffer.addElements(of: gradient, at: places, to: target.offset)
  }
}
