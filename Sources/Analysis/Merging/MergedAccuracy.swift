// How right the parts of a merged adapter are on the test examples of the clients that use them, and how right the
// whole is on the same: from the stored scenarios' data, which a simulation has and no server of a federation would.

public import Datasets
import Federation
import Foundation
import Learning
import Scenarios
public import Store

/// Test accuracies of parts and whole.
public struct MergedAccuracy: Sendable {
  /// One part and the clients that use it.
  public struct Part: Sendable {
    public let path: String
    public let run: String
    public let clients: [Int]
    public let examples: Int
    /// Means over the clients: of the part itself, of the whole, and of the base without any adapter, with the
    /// classifier that the run began with.
    public let alone: Double
    public let merged: Double
    public let base: Double
  }

  public let parts: [Part]

  /// - Parameters:
  ///   - names: what the user calls each part.
  ///   - merged: the whole; it stands on the first part's base.
  /// - Throws: `MergeError` for a part whose run the store does not know, or whose test data nobody knows;
  ///   `DatasetError` where they cannot be loaded; `ModelFolderError`, `ArchitectureError` and `SafetensorsError`
  ///   where a base model cannot.
  public init(
    _ parts: [AdapterFolder], names: [String], merged: AdapterFolder, store: RunStore,
    catalog: DatasetCatalog
  ) throws {
    var populations: [String: Population] = [:]
    self.parts = try zip(parts, names).map { part, name in
      guard let id = part.metadata["run_id"], let run = try? store.run(named: id) else {
        throw MergeError("\(name): the store does not know its run, so it has no test data")
      }
      let users = Set((part.metadata["clients"] ?? "").split(separator: ",").compactMap { Int($0) })
      let population: Population
      if let known = populations[id] {
        population = known
      } else {
        let scenario = try store.scenario(of: run)
        guard scenario.repeatableScales else {
          throw MergeError(
            "\(name): its clients drew their scales from the operating system's randomness, and they are not known "
              + "here; accuracies of its parts are not measured")
        }
        population = try Population(scenario: scenario, catalog: catalog)
        populations[id] = population
      }
      let clients = population.clients.filter { users.contains($0.index) }
      guard !clients.isEmpty else {
        throw MergeError("\(name): its metadata names no client of run \(id)")
      }
      let architecture = population.plan.architecture
      let network = Network(plan: try TrainingPlan(architecture: architecture))
      func accuracy(_ parameters: [Float]) -> Double {
        network.load(trainable: parameters)
        let shares = clients.map { client in
          let seen = network.evaluate(client.test)
          return seen.correct / Double(max(seen.examples, 1))
        }
        return shares.reduce(0, +) / Double(shares.count)
      }
      let scenario = population.scenario
      let own = try part.baseParameters(of: architecture, in: scenario)
      let start = try FoldedBase(part).map {
        try part.parameters(of: architecture, from: $0.start)
      }
      // A pretrained model may be large, and is most often the same.
      let common =
        merged.baseFile?.path == part.baseFile?.path
        ? own : try merged.baseParameters(of: architecture, in: scenario)
      return Part(
        path: name, run: id, clients: clients.map(\.index),
        examples: clients.reduce(0) { $0 + $1.test.count },
        alone: accuracy(try part.adapting(own, of: architecture)),
        merged: accuracy(try merged.adapting(common, of: architecture)),
        base: accuracy(start ?? own))
    }
  }
}
