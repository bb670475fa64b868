// Whole steps of local training at batch 32, as a client makes them.

import Federation
import Learning
import Workload

/// Multiply-adds of one example, forward and backward, computed densely: the two convolutions three
/// times (less the first one's input gradient) and the linear layer three times.
private let denseProducts = 2 * 784 * 25 * 16 + 3 * 196 * 400 * 32 + 3 * 1568 * 10

func stepBenchmarks() throws {
  let dataset = try Workload.fashionMNIST()
  let whole = try Workload(dataset: dataset, examples: 1000)
  let lora = try Workload(dataset: dataset, examples: 1000, adapter: Workload.adapter)
  let batch = 32

  func step(
    _ name: String, _ workload: Workload, _ amount: Amount, isPrivate: Bool,
    features: FrozenFeatures?
  ) {
    let network = workload.makeNetwork()
    var round = 0
    measure(name, amount, repeats: 1) {
      round += 1
      let work = workload.work(steps: 10, batchSize: batch, isPrivate: isPrivate, round: round)
      _ = try LocalTraining.run(
        work, on: workload.source, features: features, network: network)
    }
  }
  let products = Amount.multiplyAdds(10 * batch * denseProducts)
  step("10 steps, whole model, clipped and noisy", whole, products, isPrivate: true, features: nil)
  step("10 steps, whole model, not private", whole, products, isPrivate: false, features: nil)
  step(
    "10 steps, LoRA above a cache, an example", lora, .items(10 * batch), isPrivate: true,
    features: lora.makeNetwork().frozenFeatures(of: lora.source))
}
