// A linear layer on one vector an example: the classifier of a text model.

import Kernels

/// y = W x + b of one vector an example by the same products as the blocks': an example's result
/// does not depend on its neighbours.
public struct LinearSpec: LayerSpec, Hashable {
  public let name: String
  public let inputs: Int
  public let outputs: Int

  public init(_ name: String, inputs: Int, outputs: Int) {
    self.name = name
    self.inputs = inputs
    self.outputs = outputs
  }

  public var hosts: [HostSpec] { [HostSpec(name, rows: outputs, columns: inputs)] }

  public var tensors: [TensorSpec] {
    [
      TensorSpec("\(name).weight", rows: outputs, columns: inputs, start: .uniform(fanIn: inputs)),
      TensorSpec("\(name).bias", rows: outputs, start: .uniform(fanIn: inputs), role: .bias),
    ]
  }

  public func work(length: Int) -> LayerWork {
    LayerWork(operations: 2 * inputs * outputs, outputs: outputs)
  }

  public func featureShape(_ mode: HostMode) -> FeatureShape {
    FeatureShape(.input, stride: inputs)
  }

  public func makeLayer(in context: LayerContext) -> any Layer {
    HostedDenseLayer(hosts[0], isRectified: false, in: context)
  }
}

extension Tile {
  /// As many examples, of one row each.
  mutating func becomeSingles(of tile: Tile) {
    clear()
    for _ in 0..<tile.count { _ = add(rows: 1, limit: .max) }
  }
}
