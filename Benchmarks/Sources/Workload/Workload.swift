// The training that is measured: the paper's network on Fashion-MNIST, whole or with frozen-A LoRA.

public import Datasets
public import Federation
import Foundation
public import Learning
import Scenarios

/// A plan with everything that a client needs to train it.
public struct Workload: Sendable {
  public let plan: TrainingPlan
  public let frozen: FrozenParameters
  public let start: [Float]
  public let source: ClientView

  /// - Parameters:
  ///   - dataset: 28×28 grey images with 10 classes.
  ///   - examples: how many training examples the client has.
  ///   - adapter: nil trains the whole model.
  ///   - base: parameters of the base model; nil takes fresh ones.
  public init(
    dataset: Dataset, examples: Int, adapter: LoRAConfiguration? = nil, base: [Float]? = nil
  ) throws {
    let architecture = try Architecture.cnn(height: 28, width: 28, channels: 1, classes: 10)
    plan = try TrainingPlan(architecture: architecture, adapter: adapter)
    let base = base ?? architecture.initialParameters(seed: 1)
    frozen = FrozenParameters(base: base, factors: plan.frozenFactors(seed: 1))
    start = plan.initialTrainable(base: base, seed: 1)
    source = ClientView(
      of: dataset, .train, indices: (0..<Int32(examples)).map { $0 },
      transform: try ViewTransform(for: dataset))
  }

  /// LoRA of rank 4 with a frozen A on the second convolution and the linear layer.
  public static let adapter = LoRAConfiguration(
    rank: 4, loraAlpha: 8, targetModules: ["conv2", "fc"], freezeA: true)

  /// Every layer clipped apart, by thresholds that follow private quantiles: a scenario's defaults.
  public static func adaptiveClipping() throws -> ClippingRule {
    let text = """
      {
        "name": "benchmark", "seed": 0, "rounds": 1, "data": { "name": "fashion-mnist" },
        "population": {
          "clusters": [{ "name": "all", "clients": 1, "examples_per_client": 100 }]
        },
        "model": { "name": "cnn" }, "method": { "name": "global" },
        "local": { "epochs": 1, "batch_size": 32, "learning_rate": 0.05 },
        "privacy": {
          "target_epsilon": 3, "target_delta": 1e-5, "max_grad_norm": 1,
          "clipping": { "name": "per-layer-adaptive" }
        }
      }
      """
    let scenario = try Scenario(json: Data(text.utf8))
    let architecture = try Architecture.cnn(height: 28, width: 28, channels: 1, classes: 10)
    return try scenario.privacy.clipping.rule(for: TrainingPlan(architecture: architecture))
  }

  /// Fashion-MNIST, from where `dpflsim data` finds it.
  public static func fashionMNIST() throws -> Dataset {
    try DatasetCatalog().load(DatasetRequest(name: "fashion-mnist"))
  }

  /// A network with the frozen and the starting parameters loaded.
  public func makeNetwork(tile: Int = 16) -> Network {
    let network = Network(plan: plan, tile: tile)
    network.load(frozen: frozen)
    network.load(trainable: start)
    return network
  }

  /// Local work of `steps` Poisson batches of `batchSize` examples on average.
  ///
  /// - Parameter isPrivate: with flat clipping at 1 and a noise multiplier of 1, or with neither.
  public func work(steps: Int, batchSize: Int, isPrivate: Bool, round: Int = 0) -> LocalWork {
    LocalWork(
      seed: 1, round: round, client: 0, start: start,
      batches: .poisson(rate: Double(batchSize) / Double(source.count), steps: steps),
      learningRate: 0.05,
      privacy: isPrivate ? (maxGradNorm: 1, noiseMultiplier: 1) : nil)
  }
}
