// All benchmarks of the engine. Each sample stands beside a matrix product made just before it:
// what is compared between machines and days is the ratio of the two.

import Benchmark
import Kernels
import Workload

let benchmarks: @Sendable () -> Void = {
  Benchmark.defaultConfiguration = .init(
    metrics: [.wallClock, .shareOfSgemm, .productsPerItem], warmupIterations: 3,
    maxDuration: .seconds(2), maxIterations: 300)
  do {
    kernelBenchmarks()
    try stepBenchmarks()
    try statisticsBenchmarks()
  } catch {
    preconditionFailure("the benchmarks cannot be made: \(error)")
  }
}

extension BenchmarkMetric {
  /// Multiply-adds of the dense definition a second, in thousandths of what sgemm does.
  static let shareOfSgemm = BenchmarkMetric.custom(
    "share of sgemm (per mille)", polarity: .prefersLarger, useScalingFactor: false)
  /// Multiply-adds that sgemm does while one item is worked on: for work that is not a product.
  static let productsPerItem = BenchmarkMetric.custom(
    "sgemm multiply-adds per item", polarity: .prefersSmaller, useScalingFactor: false)
}

/// What one call of a benchmark's body amounts to.
enum Amount {
  /// Products and sums, counted from the dense definition.
  case multiplyAdds(Int)
  /// Numbers drawn, steps made, bounds computed.
  case items(Int)
}

/// Registers a benchmark; `body` is called `repeats` times a sample.
func measure(
  _ name: String, _ amount: Amount, repeats: Int = 20, body: @escaping () throws -> Void
) {
  let sgemm = SgemmRate()
  let metric: BenchmarkMetric =
    switch amount {
    case .multiplyAdds: .shareOfSgemm
    case .items: .productsPerItem
    }
  Benchmark(name, configuration: .init(metrics: [.wallClock, metric])) { benchmark in
    let rate = sgemm.measure()
    let clock = ContinuousClock()
    benchmark.startMeasurement()
    let begin = clock.now
    for _ in 0..<repeats { try body() }
    let seconds = begin.duration(to: clock.now).seconds / Double(repeats)
    benchmark.stopMeasurement()
    switch amount {
    case .multiplyAdds(let count):
      benchmark.measurement(metric, Int(1000 * Double(count) / seconds / rate))
    case .items(let count):
      benchmark.measurement(metric, Int(rate * seconds / Double(count)))
    }
  }
}
