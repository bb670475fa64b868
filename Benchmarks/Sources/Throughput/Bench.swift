// One measurement: clients train side by side until the time is up.

import Dispatch
import Federation
import Foundation
import Learning
import Synchronization
import Workload

struct Bench {
  private let whole: Workload
  private let lora: Workload
  private let batchSize: Int
  private let adaptive: ClippingRule

  /// The base model below the adapters is trained for one pass: how many units are alive decides how
  /// much a step has to do, and a fresh model is not what adapters are put on.
  init(examples: Int, batchSize: Int) throws {
    self.batchSize = batchSize
    adaptive = try Workload.adaptiveClipping()
    let dataset = try Workload.fashionMNIST()
    whole = try Workload(dataset: dataset, examples: examples)
    let pass = whole.work(steps: examples / 32, batchSize: 32, isPrivate: false)
    let trained = try LocalTraining.run(
      pass, on: whole.source, features: nil, network: whole.makeNetwork())
    lora = try Workload(
      dataset: dataset, examples: examples, adapter: Workload.adapter,
      base: zip(whole.start, trained.delta).map { $0 + $1 })
  }

  func report(_ mode: Mode, workers: Int, seconds: Double) throws {
    let measured = try measure(mode, workers: workers, seconds: seconds)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    FileHandle.standardOutput.write(try encoder.encode(measured) + Data("\n".utf8))
  }

  private func measure(_ mode: Mode, workers: Int, seconds: Double) throws -> Measurement {
    let workload = mode.adapter == nil ? whole : lora
    let features = mode == .lora ? workload.makeNetwork().frozenFeatures(of: workload.source) : nil
    let failure = Mutex<(any Error)?>(nil)
    let totals = Mutex<(rate: Double, cpuRate: Double, examples: Int, sgemm: Double)>(
      (0, 0, 0, 0))
    DispatchQueue.concurrentPerform(iterations: workers) { worker in
      do {
        let network = workload.makeNetwork()
        let sgemm = SgemmRate()
        var examples = 0
        var speed = 0.0
        var calls = 0.0
        var round = worker
        func train() throws -> Int {
          round += workers
          var work = workload.work(
            steps: 40, batchSize: batchSize, isPrivate: mode.isPrivate, round: round)
          if mode == .adaptive { work.rule = adaptive }
          return try LocalTraining.run(
            work, on: workload.source, features: features, network: network
          ).statistics.examples
        }
        _ = try train()
        let clock = ContinuousClock()
        var elapsed = 0.0
        var cpu = 0.0
        while elapsed < seconds {
          let (begin, cpuBegin) = (clock.now, threadSeconds())
          examples += try train()
          cpu += threadSeconds() - cpuBegin
          elapsed += begin.duration(to: clock.now).seconds
          speed += sgemm.measure()
          calls += 1
        }
        totals.withLock {
          $0.rate += Double(examples) / elapsed
          $0.cpuRate += Double(examples) / cpu
          $0.examples += examples
          $0.sgemm += speed / calls / Double(workers)
        }
      } catch {
        failure.withLock { $0 = error }
      }
    }
    if let error = failure.withLock({ $0 }) { throw error }
    let seen = totals.withLock { $0 }
    return Measurement(
      mode: mode, workers: workers, batchSize: batchSize, examples: seen.examples,
      examplesPerSecond: seen.rate, examplesPerCpuSecond: seen.cpuRate,
      sgemmGigaMAC: seen.sgemm / 1e9)
  }
}

/// Seconds for which the calling thread has had a core.
private func threadSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}
