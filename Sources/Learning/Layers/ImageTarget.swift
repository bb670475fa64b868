// Where a layer of images writes its output: into the input of the layer above, as that one wants it to lie.

import Kernels

/// The outputs of a tile, one image an example.
struct ImageTarget {
  private let values: FloatBuffer
  private let gradients: FloatBuffer
  private let height: Int
  private let row: Int
  /// Nil where images lie without padding.
  private let layout: ImageLayout?

  init(_ context: LayerContext, height: Int, width: Int, channels: Int) {
    values = context.output
    gradients = context.outputGradient
    self.height = height
    row = width * channels
    layout = context.outputLayout
  }

  private func place(_ example: Int, line: Int) -> Int {
    layout.map { example * $0.exampleStride + $0.origin + line * $0.rowStride }
      ?? (example * height + line) * row
  }

  /// Writes an image that lies without padding.
  func write(_ source: FloatBuffer, at offset: Int, example: Int) {
    for line in 0..<height {
      values.copy(row, from: source, at: offset + line * row, to: place(example, line: line))
    }
  }

  func read(into target: FloatBuffer, at offset: Int, example: Int) {
    for line in 0..<height {
      target.copy(row, from: values, at: place(example, line: line), to: offset + line * row)
    }
  }

  /// ∂loss/∂output of an example.
  func readGradient(into target: FloatBuffer, at offset: Int, example: Int) {
    for line in 0..<height {
      target.copy(row, from: gradients, at: place(example, line: line), to: offset + line * row)
    }
  }
}
