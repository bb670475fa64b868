// Kinds of adapters on models of images, tables and texts, for the tests of gradients.

import Learning
import Tensors

extension Case {
  /// Every kind on convolutions, dense layers and residual blocks.
  static func adapters() throws -> [Case] {
    let cnn = try Architecture.cnn(height: 8, width: 12, channels: 1, classes: 4)
    let mlp = Architecture.mlp(inputs: 9, hidden: [8, 8, 8], classes: 5)
    let net = try Architecture.resnet(
      height: 8, width: 6, channels: 2, classes: 3, width: 8, blocks: 2)
    func test(
      _ name: String, _ model: Architecture, _ adapter: any Adapter, step: Float = 2e-3
    ) throws -> Case {
      Case(
        name: "\(model.name), \(name)",
        plan: try TrainingPlan(architecture: model, adapter: adapter), step: step)
    }
    let places = ["conv1", "conv2", "fc"]
    return [
      try test(
        "IA3 on outputs and inputs", cnn,
        IA3Adapter(targetModules: places, feedforwardModules: ["fc"])),
      try test(
        "IA3 on conv2 beside a whole fc", cnn,
        IA3Adapter(targetModules: ["conv2"], modulesToSave: ["fc"])),
      try test("biases", cnn, ModelTensorAdapter(.biases)),
      try test(
        "sparse", cnn,
        SparseAdapter(rank: 1, targetModules: ["conv2", "fc"], mask: .random(seed: 3))),
      try test("fine gates", cnn, FineGatesAdapter(targetModules: ["conv2", "fc"])),
      try test("VeRA", cnn, VeRAAdapter(rank: 3, targetModules: places)),
      try test("bottleneck", cnn, BottleneckAdapter(width: 3, targetModules: ["conv1", "conv2"])),
      try test(
        "Compacter", cnn, CompacterAdapter(width: 4, factors: 2, targetModules: ["conv1", "conv2"])),
      try test(
        "ConvLoRA", cnn,
        ConvLoRAAdapter(rank: 1, loraAlpha: 2, targetModules: ["conv1", "conv2"])),
      try test(
        "LoRTA", mlp,
        LoRTAAdapter(
          rank: 3, loraAlpha: 4, heads: 2, trainsAll: true, targetModules: ["fc2", "fc3"])),
      try test(
        "LoRTA, B alone", mlp,
        LoRTAAdapter(rank: 3, loraAlpha: 4, targetModules: ["fc2", "fc3"])),
      try test(
        "mixture", cnn,
        ExpertMixtureAdapter(
          experts: 3, rank: 2, loraAlpha: 3, temperature: 0.5, targetModules: places)),
      try test(
        "mixture by example", cnn,
        ExpertMixtureAdapter(
          experts: 3, rank: 1, loraAlpha: 2, level: .example, targetModules: ["conv2", "fc"])),
      try test("biases", net, ModelTensorAdapter(.biases), step: 3e-4),
      try test("norms", net, ModelTensorAdapter(.norms), step: 3e-4),
      try test(
        "IA3 on a block", net,
        IA3Adapter(targetModules: ["block2.conv1", "block2.shortcut"]), step: 3e-4),
    ]
  }
}

extension TokenCase {
  /// Kinds inside blocks of encoders and decoders.
  static func adapters(_ bert: Architecture, _ gpt: Architecture) throws -> [TokenCase] {
    func test(_ name: String, _ model: Architecture, _ adapter: any Adapter) throws -> TokenCase {
      TokenCase(name: name, plan: try TrainingPlan(architecture: model, adapter: adapter))
    }
    let saved = ["classifier"]
    // Positions for three more rows.
    let roomy = try Architecture.gpt(
      GPT2Configuration(
        vocabularySize: 20, width: 12, blocks: 2, heads: 3, innerWidth: 20, positions: 15),
      maximumTokens: 12)
    func words(_ count: Int, after: Int, predicted: Bool) -> SoftRowsAdapter {
      SoftRowsAdapter(
        SoftRows(count: count, after: after, role: .tokens(predicted: predicted)))
    }
    return [
      try test(
        "BERT, prompt", bert,
        SoftRowsAdapter(SoftRows(count: 2, after: 0, role: .prompt), modulesToSave: saved)),
      try test(
        "GPT, prompt", roomy, SoftRowsAdapter(SoftRows(count: 3, after: 0, role: .prompt))),
      try test("GPT, planning tokens", roomy, words(2, after: 1, predicted: false)),
      try test("GPT, planning tokens, predicted", roomy, words(3, after: 2, predicted: true)),
      try test("GPT, planning tokens behind three", roomy, words(2, after: 3, predicted: false)),
      try test(
        "BERT, IA3", bert,
        IA3Adapter(
          targetModules: ["key", "value", "output.dense"], feedforwardModules: ["output.dense"],
          modulesToSave: saved)),
      try test("BERT, biases", bert, ModelTensorAdapter(.biases, modulesToSave: saved)),
      try test(
        "BERT, bottleneck", bert, BottleneckAdapter(width: 5, targetModules: ["output.dense"])),
      try test(
        "BERT, Compacter with its rule", bert,
        CompacterAdapter(width: 4, factors: 4, trainsRule: true, targetModules: ["output.dense"])),
      try test(
        "BERT, LoRTA", bert,
        LoRTAAdapter(
          rank: 2, loraAlpha: 3, heads: 2, trainsAll: true,
          targetModules: ["query", "key", "value"])),
      try test(
        "BERT, mixture by example", bert,
        ExpertMixtureAdapter(
          experts: 3, rank: 2, loraAlpha: 4, level: .example,
          targetModules: ["query", "value", "output.dense"], modulesToSave: saved)),
      try test(
        "GPT, mixture", gpt,
        ExpertMixtureAdapter(
          experts: 4, rank: 2, loraAlpha: 4, targetModules: ["c_attn", "mlp.c_proj"])),
      try test(
        "BERT, mixture", bert,
        ExpertMixtureAdapter(
          experts: 3, rank: 2, loraAlpha: 4, targetModules: ["key", "intermediate.dense"])),
      try test(
        "BERT, Compacter", bert,
        CompacterAdapter(width: 4, factors: 2, targetModules: ["output.dense"])),
      try test(
        "BERT, LoRTA, B alone", bert,
        LoRTAAdapter(rank: 3, loraAlpha: 2, targetModules: ["query", "value"])),
      try test(
        "BERT, VeRA", bert,
        VeRAAdapter(rank: 3, targetModules: ["query", "value"], modulesToSave: saved)),
      try test(
        "BERT, fine gates", bert,
        FineGatesAdapter(targetModules: ["key", "attention.output.dense", "output.dense"])),
      try test("BERT, norms", bert, ModelTensorAdapter(.norms, modulesToSave: saved)),
      try test(
        "BERT, sparse", bert,
        SparseAdapter(
          rank: 1, targetModules: ["value", "intermediate.dense"], mask: .random(seed: 6))),
      try test("GPT, VeRA", gpt, VeRAAdapter(rank: 2, targetModules: ["mlp.c_proj"])),
      try test(
        "GPT, LoRTA", gpt,
        LoRTAAdapter(
          rank: 2, loraAlpha: 3, heads: 3, trainsAll: true, targetModules: ["attn.c_proj"])),
      try test(
        "GPT, Compacter", gpt,
        CompacterAdapter(width: 4, factors: 2, targetModules: ["attn.c_proj"])),
      try test(
        "GPT, fine gates", gpt, FineGatesAdapter(targetModules: ["mlp.c_proj"])),
      try test("GPT, biases", gpt, ModelTensorAdapter(.biases)),
      try test("GPT, norms", gpt, ModelTensorAdapter(.norms)),
      try test("GPT, IA3", gpt, IA3Adapter(targetModules: ["c_attn"])),
      try test("GPT, bottleneck", gpt, BottleneckAdapter(width: 4, targetModules: ["mlp.c_proj"])),
      try test(
        "GPT, sparse", gpt,
        SparseAdapter(rank: 1, targetModules: ["c_attn", "c_fc"], mask: .random(seed: 5))),
    ]
  }
}
