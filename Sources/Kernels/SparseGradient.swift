// The gradient of a pooled convolution as lists of its few entries that are not zero.

/// The places where an output gradient is not zero, channel by channel: offsets of patches in the
/// padded input, positions in the image, and values.
public final class SparseGradient {
  let offsets: IndexBuffer
  let positions: IndexBuffer
  let values: FloatBuffer
  let counts: IndexBuffer
  public let channels: Int
  public let capacity: Int

  /// - Parameters:
  ///   - channels: output channels.
  ///   - capacity: the most entries that one channel can have.
  public init(channels: Int, capacity: Int) {
    self.channels = channels
    self.capacity = capacity
    offsets = IndexBuffer(count: channels * capacity)
    positions = IndexBuffer(count: channels * capacity)
    values = FloatBuffer(count: channels * capacity)
    counts = IndexBuffer(count: channels)
  }

  /// Collects the live entries of one example: entry (p, c) is at position `argmax[p, c]` with the
  /// value of the pooled output's gradient; dead units (argmax −1) and zero gradients are left out.
  ///
  /// - Parameter layout: how the gradient of the pooled output lies at `gradientOffset`.
  public func gather(
    argmax: IndexBuffer, at argmaxOffset: Int, gradient: FloatBuffer, at gradientOffset: Int,
    layout: ImageLayout, geometry: ConvGeometry
  ) {
    let pooled = layout.height * layout.width
    precondition(
      pooled <= capacity && layout.channels == channels, "the lists were made for another layer")
    argmax.check(argmaxOffset, pooled * channels)
    gradient.check(gradientOffset, layout.exampleStride)
    let width = Int32(geometry.width)
    let rowStride = Int32(geometry.rowStride)
    let pixel = Int32(geometry.inputChannels)
    for c in 0..<channels {
      let o = offsets.base + c &* capacity
      let t = positions.base + c &* capacity
      let v = values.base + c &* capacity
      var n = 0
      var index = argmax.base + argmaxOffset + c
      for py in 0..<layout.height {
        var value = gradient.base + gradientOffset + layout.origin + py &* layout.rowStride + c
        // The winner lies in image row 2·py or the one below it.
        let below = Int32(truncatingIfNeeded: 2 &* py &+ 1) &* width
        for _ in 0..<layout.width {
          let position = index.pointee
          let g = value.pointee
          if position >= 0 && g != 0 {
            let isBelow: Int32 = position >= below ? 1 : 0
            let y = Int32(truncatingIfNeeded: 2 &* py) &+ isBelow
            o[n] = y &* rowStride &+ (position &- y &* width) &* pixel
            t[n] = position
            v[n] = g
            n &+= 1
          }
          index += channels
          value += channels
        }
      }
      counts.base[c] = Int32(n)
    }
  }

  /// Makes every position of the image an entry: channel c at position t has `gradient[t, c]`.
  public func gatherDense(gradient: FloatBuffer, at offset: Int, geometry: ConvGeometry) {
    let positionCount = geometry.positions
    precondition(positionCount <= capacity, "more positions than the lists can hold")
    gradient.check(offset, positionCount * channels)
    for c in 0..<channels {
      var t = 0
      for y in 0..<geometry.height {
        for x in 0..<geometry.width {
          let entry = c * capacity + t
          offsets.base[entry] = Int32(y * geometry.rowStride + x * geometry.inputChannels)
          positions.base[entry] = Int32(t)
          values.base[entry] = gradient.base[offset + t * channels + c]
          t += 1
        }
      }
      counts.base[c] = Int32(t)
    }
  }

  /// Number of entries of a channel.
  public func count(ofChannel channel: Int) -> Int { Int(counts.base[channel]) }

  /// Σ values of a channel: the gradient of its bias.
  public func sum(ofChannel channel: Int) -> Float {
    var total: Float = 0
    for i in 0..<Int(counts.base[channel]) { total += values.base[channel * capacity + i] }
    return total
  }
}
