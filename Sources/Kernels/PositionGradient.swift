// The gradient of a pooled convolution ordered by position: what an input gradient is summed from.

/// For every position of an output image the channels whose gradient there is not zero.
public final class PositionGradient {
  public let positions: Int
  public let channels: Int
  private let counts: IndexBuffer
  private let channelAt: IndexBuffer
  private let values: FloatBuffer

  /// One position's entries, by ascending channel.
  struct List {
    let count: Int
    let channels: UnsafePointer<Int32>
    let values: UnsafePointer<Float>
  }

  public init(positions: Int, channels: Int) {
    self.positions = positions
    self.channels = channels
    counts = IndexBuffer(count: positions)
    channelAt = IndexBuffer(count: positions * channels)
    values = FloatBuffer(count: positions * channels)
  }

  /// Takes over the entries of `gradient`, which has at most one for each channel and position.
  ///
  /// - Precondition: `gradient` has the same number of channels and no more positions.
  public func gather(_ gradient: SparseGradient) {
    precondition(
      gradient.channels == channels && gradient.positionBound <= positions,
      "the lists were made for another layer")
    counts.base.update(repeating: 0, count: positions)
    for c in 0..<channels {
      let start = c &* gradient.capacity
      for i in start..<start &+ Int(gradient.counts.base[c]) {
        let t = Int(gradient.positions.base[i])
        let n = counts.base[t]
        counts.base[t] = n &+ 1
        let place = t &* channels &+ Int(n)
        channelAt.base[place] = Int32(truncatingIfNeeded: c)
        values.base[place] = gradient.values.base[i]
      }
    }
  }

  /// - Precondition: `position` is one of the image.
  @inline(__always)
  func list(at position: Int) -> List {
    List(
      count: Int(counts.base[position]),
      channels: UnsafePointer(channelAt.base + position &* channels),
      values: UnsafePointer(values.base + position &* channels))
  }
}
