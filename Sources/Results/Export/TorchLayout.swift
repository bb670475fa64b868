// Between our layout of weights on images, channel-last, and PyTorch's, channel-first.

import Datasets
import Federation
import Learning
import Scenarios
import Tensors

/// How the weights of one layer of images lie in PyTorch.
struct TorchLayout {
  let order: ColumnOrder

  var isKernel: Bool { if case .kernel = order { true } else { false } }

  /// Of the hosts whose columns have channels; those of tables and texts lie as they do here.
  static func layouts(of scenario: Scenario) throws -> [String: TorchLayout] {
    guard let image = scenario.data.imageShape, let classes = scenario.data.classes else {
      return [:]
    }
    let architecture = try Architecture(
      scenario: scenario,
      shape: .image(height: image.height, width: image.width, channels: image.channels),
      classes: classes)
    return Dictionary(
      uniqueKeysWithValues: architecture.hosts.filter { $0.order != .plain }.map {
        ($0.name, TorchLayout(order: $0.order))
      })
  }

  /// A weight or a factor A: each row goes from channel-last to channel-first.
  func weight(_ tensor: Safetensors.Tensor, name: String) -> Safetensors.Tensor {
    guard case .float32(let values) = tensor.values, let rows = tensor.shape.first else {
      return tensor
    }
    let columns = values.count / max(rows, 1)
    let (channels, shape): (Int, [Int]) =
      switch order {
      case .kernel(let size, let channels): (channels, [rows, channels, size, size])
      case .image(let channels): (channels, [rows, columns])
      case .plain: (1, [rows, columns])
      }
    let places = columns / channels
    var turned = values
    for row in 0..<rows {
      for place in 0..<places {
        for channel in 0..<channels {
          turned[row * columns + channel * places + place] =
            values[row * columns + place * channels + channel]
        }
      }
    }
    return Safetensors.Tensor(name: name, shape: shape, values: .float32(turned))
  }

  /// Where PyTorch has each of our columns.
  static func columns(of host: HostSpec) -> [Int] {
    guard case .image(let channels) = host.order else { return Array(0..<host.columns) }
    let places = host.columns / channels
    return (0..<host.columns).map { $0 % channels * places + $0 / channels }
  }

  /// A factor B: a 1 × 1 convolution where the layer is one.
  static func factorB(
    _ tensor: Safetensors.Tensor, name: String, isKernel: Bool
  ) -> Safetensors.Tensor {
    let rows = tensor.shape.first ?? 0
    let rank = rows > 0 ? tensor.values.count / rows : 0
    return Safetensors.Tensor(
      name: name, shape: isKernel ? [rows, rank, 1, 1] : [rows, rank], values: tensor.values)
  }
}
