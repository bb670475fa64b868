// What a layer with one host reads off the plan: how the host is trained, and where its tensors lie.

import Kernels

/// The parameters of one host of a plan: weight, bias, and low-rank factors.
struct LayerParameters {
  let mode: HostMode
  /// 0 without factors.
  let rank: Int
  let rankStride: Int
  /// s of W + s·B A.
  let scale: Float
  /// Among the base parameters.
  let baseWeight: ParameterSlot
  let baseBias: ParameterSlot
  /// In θ, where weight and bias themselves are trained.
  let weight: ParameterSlot?
  let bias: ParameterSlot?
  /// A and B where they are trained, and where they are frozen.
  let slotA: ParameterSlot?
  let slotB: ParameterSlot?
  let frozenA: ParameterSlot?
  let frozenB: ParameterSlot?

  /// - Precondition: the host is a layer of the plan's architecture.
  init(host name: String, of plan: TrainingPlan) {
    mode = plan.mode(of: name)
    if case .lowRank(let rank, let scale, _) = mode {
      self.rank = rank
      self.scale = scale
      rankStride = Self.rankStride(rank)
    } else {
      rank = 0
      scale = 0
      rankStride = 0
    }
    guard let weight = plan.architecture.slot("\(name).weight"),
      let bias = plan.architecture.slot("\(name).bias")
    else { preconditionFailure("\(name) is no layer of the architecture") }
    baseWeight = weight
    baseBias = bias
    self.weight = plan.trainedSlot(weight.name)
    self.bias = plan.trainedSlot(bias.name)
    let (a, b) = (plan.adapterSlot("\(name).lora_A"), plan.adapterSlot("\(name).lora_B"))
    slotA = a.flatMap { $0.isTrained ? $0.slot : nil }
    slotB = b.flatMap { $0.isTrained ? $0.slot : nil }
    frozenA = a.flatMap { $0.isTrained ? nil : $0.slot }
    frozenB = b.flatMap { $0.isTrained ? nil : $0.slot }
  }

  /// Rank rounded up to whole vectors of four: the pitch of everything indexed by rank.
  static func rankStride(_ rank: Int) -> Int { (rank + 3) / 4 * 4 }
}

extension FloatBuffer {
  /// Loads B of a host row by row, with rows of whole vectors.
  func writeFactor(_ slot: ParameterSlot, of values: [Float], _ parameters: LayerParameters) {
    for row in 0..<slot.rows {
      let start = slot.offset + row * parameters.rank
      write(values, in: start..<start + parameters.rank, at: row * parameters.rankStride)
    }
  }
}
