// The built-in kinds of adapters; docs/adapters.md has them all.

public import Learning
public import Scenarios

extension Scenario.Adapter.LoRA: BuildableAdapter {
  public func adapter(seed: UInt64) -> any Learning.Adapter {
    LoRAConfiguration(traits, trained: freezeA ? .b : .both)
  }
}

extension Scenario.Adapter.RGP: BuildableAdapter {
  public func adapter(seed: UInt64) -> any Learning.Adapter {
    LoRAConfiguration(traits, trained: .both)
  }
}

extension Scenario.Adapter.PRISM: BuildableAdapter {
  public func adapter(seed: UInt64) -> any Learning.Adapter {
    TangentAdapter(rank: traits.rank, targetModules: traits.targetModules)
  }
}

extension Scenario.Adapter.OpLoRA: BuildableAdapter {
  public func adapter(seed: UInt64) -> any Learning.Adapter {
    LoRAConfiguration(traits, trained: .both)
  }
}

extension Scenario.Adapter.IA3: BuildableAdapter {
  public func adapter(seed: UInt64) -> any Learning.Adapter {
    IA3Adapter(
      targetModules: traits.targetModules, feedforwardModules: feedforwardModules,
      modulesToSave: traits.modulesToSave)
  }
}

extension Scenario.Adapter.BitFit: BuildableAdapter {
  public func adapter(seed: UInt64) -> any Learning.Adapter {
    ModelTensorAdapter(.biases, modulesToSave: traits.modulesToSave)
  }
}

extension Scenario.Adapter.LayerNorm: BuildableAdapter {
  public func adapter(seed: UInt64) -> any Learning.Adapter {
    ModelTensorAdapter(.norms, modulesToSave: traits.modulesToSave)
  }
}

extension Scenario.Adapter.LinearProbe: BuildableAdapter {
  public func adapter(seed: UInt64) -> any Learning.Adapter {
    ModelTensorAdapter(.nothing, modulesToSave: traits.modulesToSave)
  }
}

extension Scenario.Adapter.RandomProjection: BuildableAdapter {
  public func adapter(seed: UInt64) -> any Learning.Adapter {
    ModelTensorAdapter(.nothing, modulesToSave: traits.modulesToSave)
  }
}

extension Scenario.Adapter.SparseUpdate: BuildableAdapter {
  public func adapter(seed: UInt64) -> any Learning.Adapter {
    SparseAdapter(
      rank: traits.rank, targetModules: traits.targetModules,
      mask: mask == .random ? .random(seed: seed) : .computed, modulesToSave: traits.modulesToSave)
  }
}

extension Scenario.Adapter.FineGates: BuildableAdapter {
  public func adapter(seed: UInt64) -> any Learning.Adapter {
    FineGatesAdapter(
      targetModules: traits.targetModules, penalty: penalty, keep: keep,
      modulesToSave: traits.modulesToSave)
  }
}

extension Scenario.Adapter.VeRA: BuildableAdapter {
  public func adapter(seed: UInt64) -> any Learning.Adapter {
    VeRAAdapter(
      rank: traits.rank, targetModules: traits.targetModules, modulesToSave: traits.modulesToSave)
  }
}

extension Scenario.Adapter.ConvLoRA: BuildableAdapter {
  public func adapter(seed: UInt64) -> any Learning.Adapter {
    ConvLoRAAdapter(
      rank: traits.rank, loraAlpha: traits.loraAlpha, targetModules: traits.targetModules,
      modulesToSave: traits.modulesToSave)
  }
}

extension Scenario.Adapter.LoRTA: BuildableAdapter {
  public func adapter(seed: UInt64) -> any Learning.Adapter {
    LoRTAAdapter(
      rank: traits.rank, loraAlpha: traits.loraAlpha, heads: heads, trainsAll: trainsAll,
      targetModules: traits.targetModules, modulesToSave: traits.modulesToSave)
  }
}

extension Scenario.Adapter.Bottleneck: BuildableAdapter {
  public func adapter(seed: UInt64) -> any Learning.Adapter {
    BottleneckAdapter(
      width: width, targetModules: traits.targetModules, modulesToSave: traits.modulesToSave)
  }
}

extension Scenario.Adapter.Compacter: BuildableAdapter {
  public func adapter(seed: UInt64) -> any Learning.Adapter {
    CompacterAdapter(
      width: width, factors: factors, trainsRule: trainsRule, targetModules: traits.targetModules,
      modulesToSave: traits.modulesToSave)
  }
}

extension Scenario.Adapter.Prompt: BuildableAdapter {
  public func adapter(seed: UInt64) -> any Learning.Adapter {
    SoftRowsAdapter(
      SoftRows(count: rows, after: 0, role: .prompt), modulesToSave: traits.modulesToSave)
  }
}

extension Scenario.Adapter.PlanningTokens: BuildableAdapter {
  public func adapter(seed: UInt64) -> any Learning.Adapter {
    SoftRowsAdapter(
      SoftRows(count: count, after: after, role: .tokens(predicted: predict)),
      modulesToSave: traits.modulesToSave)
  }
}

extension Scenario.Adapter.ExpertMixture: BuildableAdapter {
  public func adapter(seed: UInt64) -> any Learning.Adapter {
    ExpertMixtureAdapter(
      experts: experts, rank: traits.rank, loraAlpha: traits.loraAlpha,
      level: byExample ? .example : .token, topK: topK, temperature: temperature,
      targetModules: traits.targetModules, modulesToSave: traits.modulesToSave)
  }
}

extension LoRAConfiguration {
  fileprivate init(_ traits: AdapterTraits, trained: TrainedFactors) {
    self.init(
      rank: traits.rank, loraAlpha: traits.loraAlpha, targetModules: traits.targetModules,
      trained: trained, useRSLoRA: traits.factors?.useRSLoRA ?? false,
      layerRanks: traits.factors?.layerRanks, modulesToSave: traits.modulesToSave)
  }
}
