// Which parameters of a model are trained: all of them, or low-rank factors beside frozen weights.
//
// Hu et al., "LoRA" (2021): W + (lora_alpha / r) · B A. Sun et al., "FFA-LoRA" (2024): A stays frozen.

import Kernels

/// A LoRA adapter as a scenario describes it.
public struct LoRAConfiguration: Sendable, Hashable {
  /// Rank, r ≥ 1.
  public let rank: Int
  public let loraAlpha: Double
  /// Names of the adapted layers.
  public let targetModules: [String]
  /// Whether A keeps its random start, the same on all clients.
  public let freezeA: Bool
  /// Scale by lora_alpha/√r instead of lora_alpha/r (Kalajdzievski 2023).
  public let useRSLoRA: Bool

  public init(
    rank: Int, loraAlpha: Double, targetModules: [String], freezeA: Bool = true,
    useRSLoRA: Bool = false
  ) {
    self.rank = rank
    self.loraAlpha = loraAlpha
    self.targetModules = targetModules
    self.freezeA = freezeA
    self.useRSLoRA = useRSLoRA
  }

  public var scale: Double {
    loraAlpha / (useRSLoRA ? Double(rank).squareRoot() : Double(rank))
  }
}

/// How one layer takes part in training.
enum LayerMode: Sendable, Hashable {
  case frozen
  case full
  case lowRank(rank: Int, scale: Float, trainsA: Bool)

  /// Rank rounded up to whole vectors of four: the pitch of everything indexed by rank.
  static func rankStride(_ rank: Int) -> Int { (rank + 3) / 4 * 4 }
}

/// A model with the choice of what is trained: the shape of every vector that clients and server pass.
///
/// The trainable vector θ holds, layer by layer, either weight and bias, or A (where trained) and B.
public struct TrainingPlan: Sendable, Hashable {
  public let architecture: Architecture
  public let adapter: LoRAConfiguration?
  /// Where the trained parameters lie in θ.
  public let slots: [ParameterSlot]
  /// Where the frozen A factors lie in their own vector.
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
      guard adapter.rank >= 1, adapter.rank <= min(rows, columns) else {
        throw ArchitectureError(
          description: "adapter.r: must be from 1 to \(min(rows, columns)), the smaller side of "
            + "\(layer.name), got \(adapter.rank)")
      }
      if adapter.freezeA {
        let a = ParameterSlot(
          name: "\(layer.name).lora_A", offset: frozenOffset, rows: adapter.rank, columns: columns)
        frozen.append(a)
        frozenOffset += a.count
      } else {
        let a = ParameterSlot(
          name: "\(layer.name).lora_A", offset: offset, rows: adapter.rank, columns: columns)
        slots.append(a)
        offset += a.count
      }
      let b = ParameterSlot(
        name: "\(layer.name).lora_B", offset: offset, rows: rows, columns: adapter.rank)
      slots.append(b)
      offset += b.count
      modes.append(
        .lowRank(rank: adapter.rank, scale: Float(adapter.scale), trainsA: !adapter.freezeA))
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

  /// The A factors of the adapter: entries N(0, 1/r), drawn once from the seed and shared by all.
  private func drawA(_ slot: ParameterSlot, using stream: inout RandomStream) -> [Float] {
    let deviation = 1 / Double(slot.rows).squareRoot()
    return (0..<slot.count).map { _ in Float(stream.nextGaussian() * deviation) }
  }

  /// The frozen A factors, in one vector; empty without frozen factors.
  public func frozenFactors(seed: UInt64) -> [Float] {
    var stream = RandomStream(seed: seed, purpose: .initialization, step: 1)
    return frozenFactorSlots.flatMap { drawA($0, using: &stream) }
  }

  /// θ at the start: the base parameters themselves, or A random and B zero (so that B A = 0).
  public func initialTrainable(base: [Float], seed: UInt64) -> [Float] {
    guard adapter != nil else { return base }
    var stream = RandomStream(seed: seed, purpose: .initialization, step: 1)
    return slots.flatMap { slot -> [Float] in
      slot.name.hasSuffix("lora_A")
        ? drawA(slot, using: &stream) : [Float](repeating: 0, count: slot.count)
    }
  }
}

extension TrainingPlan {
  /// The whole model that base and θ amount to: every adapted weight becomes W + s·B A.
  ///
  /// - Returns: parameters in the order of `architecture.slots`.
  public func merged(frozen: FrozenParameters, trainable: [Float]) -> [Float] {
    guard adapter != nil else { return trainable }
    var parameters = frozen.base
    for (index, layer) in architecture.layers.enumerated() {
      guard case .lowRank(let rank, let scale, let trainsA) = modes[index] else { continue }
      let weight = architecture.slots[2 * index]
      let nameA = "\(layer.name).lora_A"
      let slotA = (trainsA ? slots : frozenFactorSlots).first { $0.name == nameA }
      guard let slotA, let slotB = slots.first(where: { $0.name == "\(layer.name).lora_B" }) else {
        continue
      }
      let a = trainsA ? trainable : frozen.factors
      for row in 0..<weight.rows {
        for k in 0..<rank {
          let b = scale * trainable[slotB.offset + row * rank + k]
          for column in 0..<weight.columns {
            parameters[weight.offset + row * weight.columns + column] +=
              b * a[slotA.offset + k * weight.columns + column]
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
    guard let adapter, !adapter.freezeA else { return delta }
    let zero = [Float](repeating: 0, count: architecture.parameterCount)
    let frozen = FrozenParameters(base: zero, factors: factors)
    let before = merged(frozen: frozen, trainable: start)
    let after = merged(frozen: frozen, trainable: zip(start, delta).map { $0 + $1 })
    return zip(after, before).map { $0 - $1 }
  }
}
