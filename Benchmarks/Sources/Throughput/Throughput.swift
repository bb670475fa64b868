// Whole training steps a second, as clients of a simulation make them; one JSON line a measurement.

import ArgumentParser
import Datasets
import Federation
import Foundation
import Learning
import Workload

enum Mode: String, ExpressibleByArgument, CaseIterable, Codable {
  /// The whole model with flat clipping and noise, with adaptive thresholds for every layer, and with
  /// neither clipping nor noise.
  case dp, adaptive, nonprivate
  /// LoRA with flat clipping and noise, frozen features cached, and computed anew in every step.
  case lora
  case loraUncached = "lora-uncached"

  var isPrivate: Bool { self != .nonprivate }
  var adapter: LoRAConfiguration? {
    switch self {
    case .dp, .adaptive, .nonprivate: nil
    case .lora, .loraUncached: Workload.adapter
    }
  }
}

struct Measurement: Codable {
  let mode: Mode
  let workers: Int
  let batchSize: Int
  let examples: Int
  let examplesPerSecond: Double
  /// The same by the time that the workers' cores were theirs: what a busy machine cannot disturb.
  let examplesPerCpuSecond: Double
  /// Of one core, in the same second: billions of multiply-adds.
  let sgemmGigaMAC: Double
}

@main
struct Throughput: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measures whole training steps on Fashion-MNIST and prints one JSON line.",
    discussion: "With --serve it reads lines \"MODE WORKERS SECONDS\" and answers each.")

  @Option(help: "dp, adaptive, nonprivate, lora or lora-uncached.") var mode = Mode.dp
  @Option(help: "Clients that train at once, one a core.") var workers = 1
  @Option(help: "Expected batch size.") var batchSize = 32
  @Option(help: "Seconds to measure.") var seconds = 3.0
  @Option(help: "Examples of a client.") var examples = 8000
  @Flag(help: "Answer measurements asked for on standard input.") var serve = false

  func run() throws {
    let bench = try Bench(examples: examples, batchSize: batchSize)
    guard serve else {
      return try bench.report(mode, workers: workers, seconds: seconds)
    }
    while let line = readLine() {
      let words = line.split(separator: " ")
      guard words.count == 3, let mode = Mode(rawValue: String(words[0])),
        let workers = Int(words[1]), let seconds = Double(words[2]), workers > 0
      else { throw ValidationError("expected \"MODE WORKERS SECONDS\", got \"\(line)\"") }
      try bench.report(mode, workers: workers, seconds: seconds)
    }
  }
}
