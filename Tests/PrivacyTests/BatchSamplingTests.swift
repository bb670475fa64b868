import Privacy
import TestSupport
import Testing

@Suite("Batch sampling")
struct BatchSamplingTests {
  @Test("schemes side by side", arguments: Golden.cases("batch_sampling"))
  func golden(golden: GoldenCase) throws {
    if golden.outputs["rdp"] != nil {
      let divergence = BatchSampling.fixedSizeDivergence(
        fraction: golden.input("fraction"),
        noiseMultiplier: golden.input("sigma_over_sensitivity"), order: golden.count("alpha"))
      #expect(golden.agrees(divergence, with: "rdp"), "\(divergence)")
      return
    }
    let (sigma, delta) = (golden.input("sigma"), golden.input("delta"))
    let batches = golden.count("steps_per_epoch")
    let fixed = try GDPAccountant().epsilon(
      of: BatchSampling.deterministicBatches(
        noiseMultiplier: sigma, epochs: golden.count("epochs")), delta: delta)
    #expect(golden.agrees(fixed, with: "eps_deterministic_batches"))
    let shuffled = BatchSampling.shuffledLowerBound(
      noiseMultiplier: sigma, batches: batches, delta: delta)
    #expect(golden.agrees(shuffled, with: "eps_shuffle_lower_bound"), "\(shuffled)")
    #expect(shuffled <= fixed)
    let poisson = try PLDAccountant().epsilon(
      of: .trainingSteps(
        sampleRate: 1 / Double(batches), noiseMultiplier: sigma, count: batches), delta: delta)
    #expect(golden.agrees(poisson, with: "eps_poisson"), "\(poisson)")
  }
}
