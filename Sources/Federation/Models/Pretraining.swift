// Public pretraining of the base model by SGD with momentum: without privacy, on public data, once.

import Datasets
import Foundation
import Hashing
import Kernels
import Learning
import Scenarios

/// Where pretrained base models are kept between runs, by a key that names their whole content.
public protocol ModelCache: Sendable {
  /// The parameters stored under the key; nil if there are none or they are damaged.
  func parameters(forKey key: String) -> [Float]?
  func store(_ parameters: [Float], forKey key: String) throws
}

struct Pretraining {
  let population: Population
  let settings: Scenario.Model.Pretraining
  let lanes: LanePool

  /// SHA-256 over everything that decides the result.
  var key: String {
    var hash = SHA256()
    func add(_ text: String) { hash.update(data: Data("\(text)\n".utf8)) }
    add(population.scaledHash)
    if population.scenario.arithmetic == .portable { add("portable") }
    add("seed \(population.scenario.seed)")
    // As the scenario writes them: descriptions of values may differ from process to process.
    for part in ["model", "data"] { add(population.scenario.resolved[part]?.text ?? "") }
    if let rows = population.plan.softRows { add("positions behind 0 to \(rows.count) rows") }
    population.partition.publicIndices.withUnsafeBytes { hash.update(bufferPointer: $0) }
    return hash.finalize().hexadecimal
  }

  /// Trains from fresh parameters; reports after every epoch.
  func run(report: (_ epoch: Int) async throws -> Void) async throws -> [Float] {
    let architecture = population.plan.architecture
    let seed = population.scenario.seed
    let source = population.publicExamples
    var parameters = architecture.initialParameters(seed: seed)
    var optimizer = LocalOptimizer(.momentum(settings.momentum), count: parameters.count)
    let gradients = PublicGradient(source: source, lanes: lanes)
    let batch = min(settings.batchSize, source.count)
    guard batch > 0 else { return parameters }
    for epoch in 0..<settings.epochs {
      try await report(epoch + 1)
      var stream = RandomStream(seed: seed, purpose: .pretraining, round: epoch)
      let order = Array(0..<source.count).shuffled(using: &stream)
      for start in stride(from: 0, through: source.count - batch, by: batch) {
        // Rows that are trained later move the text: the model learns to read it at all its places.
        let position = population.plan.softRows.map {
          Int(stream.next(upperBound: UInt64($0.count + 1)))
        }
        let sum = try await gradients.sum(
          at: parameters, over: Array(order[start..<start + batch]), firstPosition: position ?? 0)
        optimizer.move(
          &parameters, against: sum, expectedBatch: Float(batch),
          learningRate: Float(settings.learningRate))
      }
    }
    return parameters
  }
}
