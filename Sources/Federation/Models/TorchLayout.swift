// Between our layout of weights on images, channel-last, and PyTorch's, channel-first.

import Datasets
package import Learning
package import Scenarios
package import Tensors

/// How the weights of one layer of images lie in PyTorch.
package struct TorchLayout {
  package let order: ColumnOrder

  package var isKernel: Bool { if case .kernel = order { true } else { false } }

  /// Of the hosts whose columns have channels; those of tables and texts lie as they do here.
  package static func layouts(of scenario: Scenario) throws -> [String: TorchLayout] {
    guard let image = scenario.data.imageShape, let classes = scenario.data.classes else {
      return [:]
    }
    let architecture = try Architecture(
      scenario: scenario,
      shape: .image(height: image.height, width: image.width, channels: image.channels),
      classes: classes)
    return layouts(of: architecture)
  }

  package static func layouts(of architecture: Architecture) -> [String: TorchLayout] {
    Dictionary(
      uniqueKeysWithValues: architecture.hosts.filter { $0.order != .plain }.map {
        ($0.name, TorchLayout(order: $0.order))
      })
  }

  /// The shape that PyTorch gives a weight of so many rows and columns.
  func shape(rows: Int, columns: Int) -> [Int] {
    if case .kernel(let size, let channels) = order {
      [rows, channels, size, size]
    } else {
      [rows, columns]
    }
  }

  /// A weight's values as they lie here, from PyTorch's: each row goes from channel-first to channel-last.
  func values(ofTorch values: [Float], rows: Int) -> [Float] {
    turned(values, rows: rows) { ours, theirs in (to: ours, from: theirs) }
  }

  /// A weight or a factor A: each row goes from channel-last to channel-first.
  package func weight(_ tensor: Safetensors.Tensor, name: String) -> Safetensors.Tensor {
    guard case .float32(let values) = tensor.values, let rows = tensor.shape.first else {
      return tensor
    }
    let shape = shape(rows: rows, columns: values.count / max(rows, 1))
    let turned = turned(values, rows: rows) { ours, theirs in (to: theirs, from: ours) }
    return Safetensors.Tensor(name: name, shape: shape, values: .float32(turned))
  }

  /// - Parameter places: which value of a row goes where, by its place in our layout and in PyTorch's.
  private func turned(
    _ values: [Float], rows: Int, places: (_ ours: Int, _ theirs: Int) -> (to: Int, from: Int)
  ) -> [Float] {
    let columns = values.count / max(rows, 1)
    let channels =
      switch order {
      case .kernel(_, let channels), .image(let channels): channels
      case .plain: 1
      }
    let count = columns / channels
    let moves = (0..<columns).map { places($0, $0 % channels * count + $0 / channels) }
    var turned = values
    for row in 0..<rows {
      for move in moves { turned[row * columns + move.to] = values[row * columns + move.from] }
    }
    return turned
  }

  /// Where PyTorch has each of our columns.
  package static func columns(of host: HostSpec) -> [Int] {
    switch host.order {
    case .plain: return Array(0..<host.columns)
    case .image(let channels), .kernel(_, let channels):
      let places = host.columns / channels
      return (0..<host.columns).map { $0 % channels * places + $0 / channels }
    }
  }

  /// Rows of a matrix with every column where PyTorch has it.
  package static func turned(_ values: [Float], columns: [Int]) -> [Float] {
    var turned = values
    for (place, value) in values.enumerated() {
      let (row, column) = place.quotientAndRemainder(dividingBy: columns.count)
      turned[row * columns.count + columns[column]] = value
    }
    return turned
  }

  /// A factor B: a 1 × 1 convolution where the layer is one.
  package static func factorB(
    _ tensor: Safetensors.Tensor, name: String, isKernel: Bool
  ) -> Safetensors.Tensor {
    let rows = tensor.shape.first ?? 0
    let rank = rows > 0 ? tensor.values.count / rows : 0
    return Safetensors.Tensor(
      name: name, shape: isKernel ? [rows, rank, 1, 1] : [rows, rank], values: tensor.values)
  }
}
