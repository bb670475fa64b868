// What a model is made of: layers in order, and where their tensors lie in one flat vector.

import Kernels

/// A model that cannot be built on the data at hand.
public struct ArchitectureError: Error, Sendable, CustomStringConvertible {
  /// One sentence: the place in the scenario, what is wrong, how to fix it.
  public let description: String

  public init(description: String) { self.description = description }
}

/// A model: layers in order, from the input to the outputs.
public struct Architecture: Sendable {
  public let name: String
  public let input: InputShape
  /// Numbers that the model puts out for an example: logits, one a class.
  public let classes: Int
  public let layers: [any LayerSpec]
  public let objective: any Objective
  /// What the rows of the outputs are: one for an example, or one for each of its tokens.
  public let outputRows: RowKind
  /// Where each tensor of the whole model lies in its flat vector, layer by layer.
  public let slots: [ParameterSlot]
  private let slotOfName: [String: ParameterSlot]

  /// - Parameter layers: at least one, with distinct names of tensors.
  public init(
    name: String, input: InputShape, classes: Int, layers: [any LayerSpec],
    objective: any Objective = SoftmaxCrossEntropy(), outputRows: RowKind = .example
  ) {
    precondition(!layers.isEmpty, "a model has at least one layer")
    self.name = name
    self.input = input
    self.classes = classes
    self.layers = layers
    self.objective = objective
    self.outputRows = outputRows
    var slots: [ParameterSlot] = []
    var offset = 0
    for tensor in layers.flatMap(\.tensors) {
      slots.append(
        ParameterSlot(
          name: tensor.name, offset: offset, rows: tensor.rows, columns: tensor.columns))
      offset += tensor.count
    }
    self.slots = slots
    slotOfName = Dictionary(uniqueKeysWithValues: slots.map { ($0.name, $0) })
  }

  /// The slot of a tensor; nil if the model has none of that name.
  public func slot(_ name: String) -> ParameterSlot? { slotOfName[name] }

  public var parameterCount: Int { slots.last.map { $0.offset + $0.count } ?? 0 }

  /// The matrices that adapters can be put on, from input to output.
  public var hosts: [HostSpec] { layers.flatMap(\.hosts) }
}

/// A named matrix inside a flat parameter vector.
public struct ParameterSlot: Sendable, Hashable {
  public let name: String
  public let offset: Int
  public let rows: Int
  public let columns: Int

  public init(name: String, offset: Int, rows: Int, columns: Int) {
    self.name = name
    self.offset = offset
    self.rows = rows
    self.columns = columns
  }

  public var count: Int { rows * columns }
  public var range: Range<Int> { offset..<offset + count }
}

extension Architecture {
  /// Fresh parameters, drawn tensor by tensor.
  public func initialParameters(seed: UInt64) -> [Float] {
    var stream = RandomStream(seed: seed, purpose: .initialization)
    var parameters: [Float] = []
    parameters.reserveCapacity(parameterCount)
    for tensor in layers.flatMap(\.tensors) {
      for _ in 0..<tensor.count { parameters.append(tensor.start.draw(from: &stream)) }
    }
    return parameters
  }
}

extension TensorSpec.Start {
  func draw(from stream: inout RandomStream) -> Float {
    switch self {
    case .uniform(let fanIn):
      Float((2 * stream.nextUnit() - 1) * (1 / Double(fanIn).squareRoot()))
    case .constant(let value): value
    case .gaussian(let deviation): Float(stream.nextGaussian() * deviation)
    case .normal(let mean, let deviation): Float(mean + stream.nextGaussian() * deviation)
    }
  }
}
