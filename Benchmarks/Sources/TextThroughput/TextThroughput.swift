// Whole training steps on texts with an encoder of MiniLM's sizes and random weights; answers each line
// "MODE TOKENS SECONDS" of standard input with one JSON line.

import Foundation
import Kernels
import Learning

enum Mode: String, CaseIterable {
  /// LoRA r 8 on query and value of all blocks with a head, clipped and noised; the same without privacy.
  case all, plain
  /// The same on the last block, what lies below it cached; the head alone.
  case last, head
  /// No gradients.
  case forward
}

/// A batch of random texts of one length.
struct Batch: ExampleSource {
  let tokens: [[Int32]]
  var count: Int { tokens.count }

  init(count: Int, length: Int) {
    var stream = RandomStream(seed: 1, purpose: .synthetic)
    tokens = (0..<count).map { _ in
      (0..<length).map { _ in Int32(stream.next() % 30_522) }
    }
  }

  func label(at position: Int) -> Int { position & 1 }
  func length(at position: Int) -> Int { tokens[position].count }
  func write(_ position: Int, into destination: inout MutableSpan<Float>) {}
  func write(_ position: Int, into destination: inout MutableSpan<Int32>) {
    for (i, id) in tokens[position].enumerated() { destination[i] = id }
  }
}

struct Answer: Codable {
  let mode: String
  let examplesPerSecond: Double
  /// By the time that the process had a core: what a busy machine disturbs least.
  let examplesPerCpuSecond: Double
  /// Of products in the blocks' shape, by the same clock: billions of operations a second.
  let sgemmGflops: Double
}

@main
enum TextThroughput {
  static func main() throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    while let line = readLine() {
      let words = line.split(separator: " ")
      guard words.count == 3, let mode = Mode(rawValue: String(words[0])),
        let length = Int(words[1]), let seconds = Double(words[2]), (1...512).contains(length)
      else {
        FileHandle.standardError.write(Data("expected \"MODE TOKENS SECONDS\"\n".utf8))
        exit(64)
      }
      let answer = try measure(mode, length: length, seconds: seconds)
      FileHandle.standardOutput.write(try encoder.encode(answer) + Data("\n".utf8))
    }
  }

  private static func adapter(_ mode: Mode) -> LoRAConfiguration {
    let targets =
      switch mode {
      case .all, .plain, .forward: ["query", "value"]
      case .last: ["layer.5.attention.self.query", "layer.5.attention.self.value"]
      case .head: ["classifier"]
      }
    return LoRAConfiguration(
      rank: mode == .head ? 2 : 8, loraAlpha: 16, targetModules: targets, trained: .both,
      modulesToSave: mode == .head ? [] : ["classifier"])
  }

  private static func measure(_ mode: Mode, length: Int, seconds: Double) throws -> Answer {
    let batch = Batch(count: 32, length: length)
    let model = try Architecture.bert(.miniLM, maximumTokens: length, classes: 2)
    let plan = try TrainingPlan(architecture: model, adapter: adapter(mode))
    let base = model.initialParameters(seed: 1)
    let network = Network(plan: plan)
    network.load(
      frozen: FrozenParameters(base: base, factors: plan.frozenFactors(seed: 1)))
    let theta = plan.initialTrainable(base: base, seed: 1).map { $0 + 0.01 }
    network.load(trainable: theta)
    let isCached = mode == .last || mode == .head
    let features = isCached ? network.frozenFeatures(of: batch) : nil
    var sum = [Float](repeating: 0, count: theta.count)
    let positions = Array(0..<batch.count)
    var round = 0
    func step() {
      guard mode != .forward else {
        _ = network.evaluate(batch)
        return
      }
      network.load(trainable: theta)
      _ = network.addClippedSum(
        of: batch, at: positions, features: features,
        clipping: mode == .plain ? .none : .flat(maxGradNorm: 1), to: &sum)
      guard mode != .plain else { return }
      GaussianNoise.add(
        to: &sum, standardDeviation: 1, seed: 1, purpose: .gradientNoise, round: round, client: 0,
        step: 0)
      round += 1
    }
    step()
    var examples = 0
    let sgemm = Product()
    var (elapsed, cpu) = (0.0, 0.0)
    var rates: [Double] = []
    while elapsed < seconds {
      let begin = (clock(CLOCK_MONOTONIC), clock(CLOCK_PROCESS_CPUTIME_ID))
      step()
      elapsed += clock(CLOCK_MONOTONIC) - begin.0
      cpu += clock(CLOCK_PROCESS_CPUTIME_ID) - begin.1
      examples += batch.count
      rates.append(sgemm.rate())
    }
    return Answer(
      mode: mode.rawValue, examplesPerSecond: Double(examples) / elapsed,
      examplesPerCpuSecond: Double(examples) / cpu,
      sgemmGflops: rates.reduce(0, +) / Double(rates.count))
  }
}

/// OpenBLAS on 512 rows and a matrix of 384 × 384.
private struct Product {
  private let a = FloatBuffer(count: 512 * 384)
  private let b = FloatBuffer(count: 384 * 384)
  private let c = FloatBuffer(count: 512 * 384)

  func rate() -> Double {
    let begin = clock(CLOCK_PROCESS_CPUTIME_ID)
    multiply(
      MatrixView(a, rows: 512, columns: 384), MatrixView(b, rows: 384, columns: 384),
      transposeB: true, into: MatrixView(c, rows: 512, columns: 384))
    return 2e-9 * 512 * 384 * 384 / (clock(CLOCK_PROCESS_CPUTIME_ID) - begin)
  }
}

private func clock(_ id: clockid_t) -> Double {
  var time = timespec()
  clock_gettime(id, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}
