// Which parameters of a model are trained: all of them, or low-rank factors beside frozen weights.
//
// Hu et al., "LoRA" (2021): W + (lora_alpha / r) · B A. Sun et al., "FFA-LoRA" (2024): A stays frozen.

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
  /// Names of the adapted layers.
  public let targetModules: [String]
  public let trained: TrainedFactors
  /// Scale by lora_alpha/√r instead of lora_alpha/r (Kalajdzievski 2023).
  public let useRSLoRA: Bool
  /// The rank of each target module in turn; nil gives all of them `rank`.
  public let layerRanks: [Int]?
  /// Ranks above this are cut to it, as for a client that can hold no more; scales stay as they are, so that
  /// products of clients with different ranks can be added.
  public let rankLimit: Int?

  public init(
    rank: Int, loraAlpha: Double, targetModules: [String], trained: TrainedFactors,
    useRSLoRA: Bool = false, layerRanks: [Int]? = nil, rankLimit: Int? = nil
  ) {
    self.rank = rank
    self.loraAlpha = loraAlpha
    self.targetModules = targetModules
    self.trained = trained
    self.useRSLoRA = useRSLoRA
    self.layerRanks = layerRanks
    self.rankLimit = rankLimit
  }

  /// - Parameter freezeA: whether A keeps its random start, the same on all clients.
  public init(
    rank: Int, loraAlpha: Double, targetModules: [String], freezeA: Bool = true,
    useRSLoRA: Bool = false
  ) {
    self.init(
      rank: rank, loraAlpha: loraAlpha, targetModules: targetModules, trained: freezeA ? .b : .both,
      useRSLoRA: useRSLoRA)
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

  /// The same adapter with other trained factors, or cut to a smaller rank.
  public func training(_ trained: TrainedFactors, rankLimit: Int? = nil) -> LoRAConfiguration {
    LoRAConfiguration(
      rank: rank, loraAlpha: loraAlpha, targetModules: targetModules, trained: trained,
      useRSLoRA: useRSLoRA, layerRanks: layerRanks, rankLimit: rankLimit)
  }
}

/// How one layer takes part in training.
enum LayerMode: Sendable, Hashable {
  case frozen
  case full
  case lowRank(rank: Int, scale: Float, trained: TrainedFactors)

  /// Rank rounded up to whole vectors of four: the pitch of everything indexed by rank.
  static func rankStride(_ rank: Int) -> Int { (rank + 3) / 4 * 4 }
}

/// A model with the choice of what is trained: the shape of every vector that clients and server pass.
///
/// The trainable vector θ holds, layer by layer, either weight and bias, or those of A and B that are
/// trained.
public struct TrainingPlan: Sendable, Hashable {
  public let architecture: Architecture
  public let adapter: LoRAConfiguration?
  /// Where the trained parameters lie in θ.
  public let slots: [ParameterSlot]
  /// Where the factors that are not trained lie in their own vector.
  public let frozenFactorSlots: [ParameterSlot]
  let modes: [LayerMode]

  /// - Throws: `ArchitectureError` if a target module is not a layer or the rank does not fit it.
  public init(
    architecture: Architecture, adapter: LoRAConfiguration? = nil
  ) throws(ArchitectureError) {
    self.architecture = architecture
    self.adapter = adapter
    guard let adapter else {
      slots = architecture.slots
      frozenFactorSlots = []
      modes = architecture.layers.map { _ in .full }
      return
    }
    let names = architecture.layers.map(\.name)
    if let stranger = adapter.targetModules.first(where: { !names.contains($0) }) {
      throw ArchitectureError(
        description: "adapter.target_modules: \"\(stranger)\" is not a layer of "
          + "\(architecture.name); its layers are \(names.joined(separator: ", "))")
    }
    var slots: [ParameterSlot] = []
    var frozen: [ParameterSlot] = []
    var offset = 0
    var frozenOffset = 0
    var modes: [LayerMode] = []
    for layer in architecture.layers {
      guard adapter.targetModules.contains(layer.name) else {
        modes.append(.frozen)
        continue
      }
      let (rows, columns) = layer.weightShape
      let index = adapter.targetModules.firstIndex(of: layer.name) ?? 0
      let (rank, scale) = adapter.shape(ofTarget: index)
      guard rank >= 1, rank <= min(rows, columns) else {
        throw ArchitectureError(
          description: "adapter.r: must be from 1 to \(min(rows, columns)), the smaller side of "
            + "\(layer.name), got \(rank)")
      }
      for (name, trains, shape) in [
        ("lora_A", adapter.trained != .b, (rank, columns)),
        ("lora_B", adapter.trained != .a, (rows, rank)),
      ] {
        let slot = ParameterSlot(
          name: "\(layer.name).\(name)", offset: trains ? offset : frozenOffset, rows: shape.0,
          columns: shape.1)
        if trains {
          slots.append(slot)
          offset += slot.count
        } else {
          frozen.append(slot)
          frozenOffset += slot.count
        }
      }
      modes.append(.lowRank(rank: rank, scale: Float(scale), trained: adapter.trained))
    }
    guard !slots.isEmpty else {
      throw ArchitectureError(
        description: "adapter.target_modules: name at least one layer, or set adapter to null to "
          + "train the whole model")
    }
    self.slots = slots
    self.frozenFactorSlots = frozen
    self.modes = modes
  }

  /// Length of θ.
  public var trainableCount: Int { slots.reduce(0) { $0 + $1.count } }

  /// Index of the first layer with a trained parameter.
  var firstTrained: Int { modes.firstIndex { $0 != .frozen } ?? 0 }

  /// Factors at their start: the entries of A are N(0, 1/r), drawn once from the seed and shared by all;
  /// B is zero, so that B A = 0.
  private func draw(_ slots: [ParameterSlot], seed: UInt64) -> [Float] {
    var stream = RandomStream(seed: seed, purpose: .initialization, step: 1)
    return slots.flatMap { slot -> [Float] in
      guard slot.name.hasSuffix("lora_A") else { return [Float](repeating: 0, count: slot.count) }
      let deviation = 1 / Double(slot.rows).squareRoot()
      return (0..<slot.count).map { _ in Float(stream.nextGaussian() * deviation) }
    }
  }

  /// The factors that are not trained, in one vector; empty where there are none.
  public func frozenFactors(seed: UInt64) -> [Float] { draw(frozenFactorSlots, seed: seed) }

  /// θ at the start: the base parameters themselves, or the trained factors.
  public func initialTrainable(base: [Float], seed: UInt64) -> [Float] {
    adapter == nil ? base : draw(slots, seed: seed)
  }
}

/// One adapted layer of a plan.
public struct AdaptedLayer: Sendable, Hashable {
  public let name: String
  /// Index among the layers of the architecture.
  public let index: Int
  /// Rows and columns of the (unfolded) weight matrix.
  public let rows: Int
  public let columns: Int
  public let rank: Int
  /// s of W + s·B A.
  public let scale: Double
  /// Where A and B lie: in θ, or among the frozen factors.
  public let a: ParameterSlot
  public let b: ParameterSlot
}

extension TrainingPlan {
  /// The adapted layers in order; empty for a plan without an adapter.
  public var adaptedLayers: [AdaptedLayer] {
    let all = slots + frozenFactorSlots
    return architecture.layers.enumerated().compactMap { index, layer in
      guard case .lowRank(let rank, let scale, _) = modes[index],
        let a = all.first(where: { $0.name == "\(layer.name).lora_A" }),
        let b = all.first(where: { $0.name == "\(layer.name).lora_B" })
      else { return nil }
      let (rows, columns) = layer.weightShape
      return AdaptedLayer(
        name: layer.name, index: index, rows: rows, columns: columns, rank: rank,
        scale: Double(scale), a: a, b: b)
    }
  }
}

extension TrainingPlan {
  /// The whole model that base and θ amount to: every adapted weight becomes W + s·B A.
  ///
  /// - Returns: parameters in the order of `architecture.slots`.
  public func merged(frozen: FrozenParameters, trainable: [Float]) -> [Float] {
    guard let adapter else { return trainable }
    let a = adapter.trained == .b ? frozen.factors : trainable
    let b = adapter.trained == .a ? frozen.factors : trainable
    var parameters = frozen.base
    for layer in adaptedLayers {
      let weight = architecture.slots[2 * layer.index]
      let scale = Float(layer.scale)
      for row in 0..<weight.rows {
        for k in 0..<layer.rank {
          let left = scale * b[layer.b.offset + row * layer.rank + k]
          for column in 0..<weight.columns {
            parameters[weight.offset + row * weight.columns + column] +=
              left * a[layer.a.offset + k * weight.columns + column]
          }
        }
      }
    }
    return parameters
  }
}

extension TrainingPlan {
  /// What carries the signal of an update, for clustering: the update itself where all of θ multiplies
  /// frozen weights (whole model, B beside a frozen A); the change of s·B A where A is trained too,
  /// since after one step from B = 0 the update of A is noise alone.
  public func weightChange(of delta: [Float], from start: [Float], factors: [Float]) -> [Float] {
    guard let adapter, adapter.trained == .both else { return delta }
    let zero = [Float](repeating: 0, count: architecture.parameterCount)
    let frozen = FrozenParameters(base: zero, factors: factors)
    let before = merged(frozen: frozen, trainable: start)
    let after = merged(frozen: frozen, trainable: zip(start, delta).map { $0 + $1 })
    return zip(after, before).map { $0 - $1 }
  }
}
