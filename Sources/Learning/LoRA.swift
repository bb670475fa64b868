// Low-rank adaptation: W + s·B A beside frozen weights.
//
// Hu et al., "LoRA" (2021): s = lora_alpha / r. Sun et al., "FFA-LoRA" (2024): A stays frozen.

import Kernels

/// Which of the two factors of W + s·B A a client trains; the other keeps its value.
public enum TrainedFactors: String, Sendable, Hashable, Codable {
  case both
  case a
  case b
}

/// A LoRA adapter as a scenario describes it.
public struct LoRAConfiguration: Sendable, Hashable {
  /// Rank, r ≥ 1, of every layer that has none of its own.
  public let rank: Int
  public let loraAlpha: Double
  /// Names of the adapted hosts.
  public let targetModules: [String]
  public let trained: TrainedFactors
  /// Scale by lora_alpha/√r instead of lora_alpha/r (Kalajdzievski 2023).
  public let useRSLoRA: Bool
  /// The rank of each target module in turn; nil gives all of them `rank`.
  public let layerRanks: [Int]?
  /// Ranks above this are cut to it, as for a client that can hold no more; scales stay as they are, so that
  /// products of clients with different ranks can be added.
  public let rankLimit: Int?
  public let modulesToSave: [String]

  public init(
    rank: Int, loraAlpha: Double, targetModules: [String], trained: TrainedFactors,
    useRSLoRA: Bool = false, layerRanks: [Int]? = nil, rankLimit: Int? = nil,
    modulesToSave: [String] = []
  ) {
    self.rank = rank
    self.loraAlpha = loraAlpha
    self.targetModules = targetModules
    self.trained = trained
    self.useRSLoRA = useRSLoRA
    self.layerRanks = layerRanks
    self.rankLimit = rankLimit
    self.modulesToSave = modulesToSave
  }

  /// - Parameter freezeA: whether A keeps its random start, the same on all clients.
  public init(
    rank: Int, loraAlpha: Double, targetModules: [String], freezeA: Bool = true,
    useRSLoRA: Bool = false, modulesToSave: [String] = []
  ) {
    self.init(
      rank: rank, loraAlpha: loraAlpha, targetModules: targetModules, trained: freezeA ? .b : .both,
      useRSLoRA: useRSLoRA, modulesToSave: modulesToSave)
  }

  public var freezeA: Bool { trained == .b }

  /// The scale of a layer without a rank of its own.
  public var scale: Double { scale(ofRank: rank) }

  private func scale(ofRank rank: Int) -> Double {
    loraAlpha / (useRSLoRA ? Double(rank).squareRoot() : Double(rank))
  }

  /// Rank and scale s of the target module at `index`.
  func shape(ofTarget index: Int) -> (rank: Int, scale: Double) {
    var own = rank
    if let layerRanks, layerRanks.indices.contains(index) { own = layerRanks[index] }
    return (min(own, rankLimit ?? own), scale(ofRank: own))
  }

  public var trainedFactors: TrainedFactors? { trained }

  public func training(_ trained: TrainedFactors, rankLimit: Int? = nil) -> any Adapter {
    LoRAConfiguration(
      rank: rank, loraAlpha: loraAlpha, targetModules: targetModules, trained: trained,
      useRSLoRA: useRSLoRA, layerRanks: layerRanks, rankLimit: rankLimit,
      modulesToSave: modulesToSave)
  }
}

extension LoRAConfiguration: Adapter {
  public var kind: String { "lora" }

  /// The entries of A are N(0, 1/r), drawn once from the seed and shared by all; B is zero, so that B A = 0.
  public func tensors(
    on host: HostSpec, target: Int
  ) throws(ArchitectureError) -> [AdapterTensor] {
    let (rank, _) = shape(ofTarget: target)
    guard rank >= 1, rank <= min(host.rows, host.columns) else {
      throw ArchitectureError(
        description: "adapter.r: must be from 1 to \(min(host.rows, host.columns)), the smaller "
          + "side of \(host.name), got \(rank)")
    }
    return [
      AdapterTensor(
        "lora_A", rows: rank, columns: host.columns,
        start: .gaussian(deviation: 1 / Double(rank).squareRoot()), isTrained: trained != .b),
      AdapterTensor(
        "lora_B", rows: host.rows, columns: rank, start: .constant(0), isTrained: trained != .a),
    ]
  }

  public func mode(on host: HostSpec, target: Int) -> HostMode {
    let (rank, scale) = shape(ofTarget: target)
    return .lowRank(rank: rank, scale: Float(scale), trained: trained)
  }

  public func merge(
    _ tensors: [String: [Float]], into weights: inout HostWeights, on host: HostSpec, target: Int
  ) {
    guard let a = tensors["lora_A"], let b = tensors["lora_B"] else { return }
    let (rank, exact) = shape(ofTarget: target)
    let scale = Float(exact)
    for row in 0..<host.rows {
      for k in 0..<rank {
        let left = scale * b[row * rank + k]
        for column in 0..<host.columns {
          weights.weight[row * host.columns + column] += left * a[k * host.columns + column]
        }
      }
    }
  }
}

/// One host with low-rank factors.
public struct AdaptedLayer: Sendable, Hashable {
  /// Of the host.
  public let name: String
  /// Index of its layer in the architecture.
  public let index: Int
  /// Rows and columns of the (unfolded) weight matrix.
  public let rows: Int
  public let columns: Int
  public let rank: Int
  /// s of W + s·B A.
  public let scale: Double
  /// The frozen weights among the base parameters.
  public let weight: ParameterSlot
  /// Where A and B lie: in θ, or among the frozen factors.
  public let a: ParameterSlot
  public let b: ParameterSlot
}

extension TrainingPlan {
  /// Which of A and B of W + s·B A is trained; nil for plans without these.
  public var trainedFactors: TrainedFactors? { adapter?.trainedFactors }

  /// The hosts with low-rank factors in order; empty for a plan without them.
  public var adaptedLayers: [AdaptedLayer] {
    architecture.layers.enumerated().flatMap { index, layer in
      layer.hosts.compactMap { host in
        guard trainedFactors != nil, let weight = architecture.slot(host.weight),
          let a = adapterSlot("\(host.name).lora_A")?.slot,
          let b = adapterSlot("\(host.name).lora_B")?.slot
        else { return nil }
        var scale: Float = 1
        if case .lowRank(_, let own, _) = mode(of: host.name) { scale = own }
        return AdaptedLayer(
          name: host.name, index: index, rows: host.rows, columns: host.columns, rank: a.rows,
          scale: Double(scale), weight: weight, a: a, b: b)
      }
    }
  }

  /// What carries the signal of an update, for clustering: the update itself where all of θ multiplies
  /// frozen weights (whole model, B beside a frozen A); the change of the weights where A is trained too,
  /// since after one step from B = 0 the update of A is noise alone. Other kinds leave out the tensors that the
  /// first step does not move.
  public func weightChange(of delta: [Float], from start: [Float], factors: [Float]) -> [Float] {
    guard trainedFactors == .both else {
      guard !silentSlots.isEmpty else { return delta }
      return slots.filter { !silentSlots.contains($0) }.flatMap { delta[$0.range] }
    }
    let zero = [Float](repeating: 0, count: architecture.parameterCount)
    let frozen = FrozenParameters(base: zero, factors: factors)
    let before = merged(frozen: frozen, trainable: start)
    let after = merged(frozen: frozen, trainable: zip(start, delta).map { $0 + $1 })
    return zip(after, before).map { $0 - $1 }
  }
}
