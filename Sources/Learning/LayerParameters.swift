// What every layer reads off the plan: how it is trained, and where its parameters lie.

/// The parameters of one layer of a plan.
struct LayerParameters {
  let mode: LayerMode
  /// 0 without factors.
  let rank: Int
  let rankStride: Int
  /// s of W + s·B A.
  let scale: Float
  let baseWeight: ParameterSlot
  let baseBias: ParameterSlot
  /// A and B where they are trained, and where they are frozen.
  let slotA: ParameterSlot?
  let slotB: ParameterSlot?
  let frozenA: ParameterSlot?
  let frozenB: ParameterSlot?

  init(layer index: Int, of plan: TrainingPlan) {
    let name = plan.architecture.layers[index].name
    mode = plan.modes[index]
    if case .lowRank(let rank, let scale, _) = mode {
      self.rank = rank
      self.scale = scale
      rankStride = LayerMode.rankStride(rank)
    } else {
      rank = 0
      scale = 0
      rankStride = 0
    }
    baseWeight = plan.architecture.slots[2 * index]
    baseBias = plan.architecture.slots[2 * index + 1]
    slotA = plan.slots.first { $0.name == "\(name).lora_A" }
    slotB = plan.slots.first { $0.name == "\(name).lora_B" }
    frozenA = plan.frozenFactorSlots.first { $0.name == "\(name).lora_A" }
    frozenB = plan.frozenFactorSlots.first { $0.name == "\(name).lora_B" }
  }
}
