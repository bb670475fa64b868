// How right the parts of a merged adapter are on the test examples of the clients that use them, and how right the
// whole is on the same: from the stored scenarios' data, which a simulation has and no server of a federation would.

public import Datasets
import Federation
import Foundation
import Kernels
import Learning
import Scenarios
public import Store
import Tensors

/// Test accuracies of parts and whole.
public struct MergedAccuracy: Sendable {
  /// One part and the clients that use it.
  public struct Part: Sendable {
    public let path: String
    public let run: String
    public let clients: [Int]
    public let examples: Int
    /// Means over the clients: of the part itself, of the whole, and of the base without any adapter.
    public let alone: Double
    public let merged: Double
    public let base: Double
  }

  public let parts: [Part]

  /// - Parameters:
  ///   - names: what the user calls each part.
  ///   - merged: the whole; it stands on the first part's base.
  /// - Throws: `MergeError` for a part whose run the store does not know, or of a kind of model that is not measured
  ///   here; `DatasetError` where test data cannot be loaded.
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
        guard !scenario.data.isTextSet else {
          throw MergeError("\(name): accuracies of merged language models are not measured")
        }
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
      let own = try part.baseParameters(of: architecture)
      let start = try FoldedBase(part).map {
        try part.baseParameters(of: architecture, in: $0.start)
      }
      return Part(
        path: name, run: id, clients: clients.map(\.index),
        examples: clients.reduce(0) { $0 + $1.test.count },
        alone: accuracy(try part.adapting(own, of: architecture)),
        merged: accuracy(
          try merged.adapting(merged.baseParameters(of: architecture), of: architecture)),
        base: accuracy(start ?? own))
    }
  }
}

// MARK: - Weights

extension AdapterFolder {
  /// The whole base model in our layout, from `base_model_name_or_path`.
  ///
  /// - Parameter file: another base than the configuration's.
  fileprivate func baseParameters(
    of architecture: Architecture, in file: URL? = nil
  ) throws -> [Float] {
    guard let file = file ?? baseFile, let data = try? Data(contentsOf: file) else {
      throw MergeError("\(name): its base model is not in base_model_name_or_path")
    }
    let tensors = try Safetensors(data: data)
    return try architecture.slots.flatMap { slot -> [Float] in
      guard case .float32(let values)? = tensors[slot.name]?.values, values.count == slot.count
      else {
        throw MergeError("\(name): its base has no \(slot.name) of \(slot.count) numbers")
      }
      return Self.turned(values, slot, of: architecture)
    }
  }

  /// Weights in our order of columns from PyTorch's.
  private static func turned(
    _ values: [Float], _ slot: ParameterSlot, of architecture: Architecture
  ) -> [Float] {
    guard let host = architecture.hosts.first(where: { $0.weight == slot.name }) else {
      return values
    }
    let channels =
      switch host.order {
      case .plain: 1
      case .image(let channels), .kernel(_, let channels): channels
      }
    let places = host.columns / channels
    return values.indices.map { index in
      let (row, column) = (index / host.columns, index % host.columns)
      return values[row * host.columns + column % channels * places + column / channels]
    }
  }

  /// The base with s B A added, and with what was trained whole in place of its own.
  fileprivate func adapting(
    _ base: [Float], of architecture: Architecture
  ) throws(MergeError) -> [Float] {
    var parameters = base
    for tensor in whole {
      let name = String(tensor.name.dropFirst("base_model.model.".count))
      guard let slot = architecture.slot(name), case .float32(let values) = tensor.values,
        values.count == slot.count
      else { throw MergeError("\(self.name): \(name) is no tensor of the run's model") }
      parameters.replaceSubrange(slot.range, with: Self.turned(values, slot, of: architecture))
    }
    for (name, layer) in layers {
      guard let slot = architecture.slot("\(name).weight"),
        slot.count == layer.b.rows * layer.a.columns
      else { throw MergeError("\(self.name): \(name) is no layer of the run's model") }
      let change = Self.turned(layer.product.elements.map { Float($0) }, slot, of: architecture)
      for (place, value) in zip(slot.range, change) { parameters[place] += value }
    }
    return parameters
  }
}
