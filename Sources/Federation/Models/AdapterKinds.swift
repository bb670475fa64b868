// From a scenario's adapter to the kind that layers train.

public import Learning
public import Scenarios

extension Scenario.Adapter {
  /// The adapter as layers train it.
  ///
  /// - Parameter seed: the scenario's, from which masks are drawn: public, and the same for all clients.
  public func trained(seed: UInt64) -> any Adapter {
    switch kind {
    case .lora, .rgp, .opLoRA:
      LoRAConfiguration(
        rank: r, loraAlpha: loraAlpha, targetModules: targetModules,
        trained: aggregation == .ffaLoRA ? .b : .both, useRSLoRA: useRSLoRA,
        layerRanks: layerRanks, modulesToSave: modulesToSave)
    case .ia3(let inputs):
      IA3Adapter(
        targetModules: targetModules, feedforwardModules: inputs, modulesToSave: modulesToSave)
    case .bitFit: ModelTensorAdapter(.biases, modulesToSave: modulesToSave)
    case .layerNorm: ModelTensorAdapter(.norms, modulesToSave: modulesToSave)
    case .linearProbe: ModelTensorAdapter(.nothing, modulesToSave: modulesToSave)
    case .sparse(let isPublic):
      SparseAdapter(
        rank: r, targetModules: targetModules, mask: isPublic ? .computed : .random(seed: seed),
        modulesToSave: modulesToSave)
    case .fineGates(let penalty, let keep):
      FineGatesAdapter(
        targetModules: targetModules, penalty: penalty, keep: keep, modulesToSave: modulesToSave)
    case .veRA:
      VeRAAdapter(rank: r, targetModules: targetModules, modulesToSave: modulesToSave)
    case .convLoRA:
      ConvLoRAAdapter(
        rank: r, loraAlpha: loraAlpha, targetModules: targetModules, modulesToSave: modulesToSave)
    case .loRTA(let heads, let trainsAll):
      LoRTAAdapter(
        rank: r, loraAlpha: loraAlpha, heads: heads, trainsAll: trainsAll,
        targetModules: targetModules, modulesToSave: modulesToSave)
    case .bottleneck(let width):
      BottleneckAdapter(width: width, targetModules: targetModules, modulesToSave: modulesToSave)
    case .prompt(let rows):
      SoftRowsAdapter(
        SoftRows(count: rows, after: 0, role: .prompt), modulesToSave: modulesToSave)
    case .planningTokens(let count, let after, let predict):
      SoftRowsAdapter(
        SoftRows(count: count, after: after, role: .tokens(predicted: predict)),
        modulesToSave: modulesToSave)
    case .compacter(let width, let factors, let trainsRule):
      CompacterAdapter(
        width: width, factors: factors, trainsRule: trainsRule, targetModules: targetModules,
        modulesToSave: modulesToSave)
    }
  }
}

extension Scenario.Adapter.Kind {
  /// What a client trains, in words.
  var trainedWords: String {
    switch self {
    case .lora: "A and B"
    case .rgp: "the adapted weights"
    case .ia3: "scales of outputs or inputs"
    case .bitFit: "biases"
    case .layerNorm: "scales and shifts of normalisations"
    case .linearProbe: "a classifier"
    case .sparse(let isPublic):
      isPublic ? "values on a mask from public data" : "values on a common mask"
    case .fineGates: "logits of gates"
    case .veRA: "two vectors of scales a layer"
    case .convLoRA: "A and B of kernels"
    case .loRTA(_, let trainsAll): trainsAll ? "five common factors" : "a common B"
    case .bottleneck: "a small network behind each layer"
    case .compacter: "factors of a small network behind each layer"
    case .prompt: "rows in front of every text"
    case .planningTokens: "vectors of added words"
    case .opLoRA: "A and B by way of networks that emit them"
    }
  }
}
