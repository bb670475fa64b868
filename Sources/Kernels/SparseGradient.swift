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
  /// Positions of the image that the entries were last gathered from.
  private(set) var positionBound = 0
  /// Where the patch of each position begins in the padded input, for the geometry that was last seen.
  private var offsetOfPosition = IndexBuffer(count: 0)
  private var offsetsAreOf: ConvGeometry?

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
  /// value of the pooled output's gradient; dead units (argmax −1) are left out.
  ///
  /// - Parameter layout: how the gradient of the pooled output lies at `gradientOffset`.
  public func gather(
    argmax: IndexBuffer, at argmaxOffset: Int, gradient: FloatBuffer, at gradientOffset: Int,
    layout: ImageLayout, geometry: ConvGeometry
  ) {
    let pooled = layout.height * layout.width
    precondition(
      pooled <= capacity && layout.channels == channels, "the lists were made for another layer")
    positionBound = geometry.positions
    argmax.check(argmaxOffset, pooled * channels)
    gradient.check(gradientOffset, layout.exampleStride)
    let (width, height) = (layout.width, layout.height)
    // From the end of a row of gradients to the beginning of the next one.
    let turn = layout.rowStride &- width &* channels
    let stride = channels
    for c in 0..<channels {
      let t = positions.base + c &* capacity
      let v = values.base + c &* capacity
      var index = UnsafePointer(argmax.base + argmaxOffset + c)
      var value = UnsafePointer(gradient.base + gradientOffset + layout.origin + c)
      var n = 0
      for _ in 0..<height {
        for _ in 0..<width {
          // Written in any case and kept if alive: which units live is nothing a processor can guess.
          let position = index.pointee
          t[n] = position
          v[n] = value.pointee
          n &+= Int(truncatingIfNeeded: 1 &+ (position &>> 31))
          index += stride
          value += stride
        }
        value += turn
      }
      counts.base[c] = Int32(truncatingIfNeeded: n)
    }
  }

  /// Sets the offsets that belong to the positions, for kernels that read the input.
  func findOffsets(_ geometry: ConvGeometry) {
    if geometry != offsetsAreOf {
      offsetsAreOf = geometry
      offsetOfPosition = IndexBuffer(count: geometry.positions)
      for t in 0..<geometry.positions {
        let (y, x) = (t / geometry.width, t % geometry.width)
        offsetOfPosition.base[t] = Int32(y * geometry.rowStride + x * geometry.inputChannels)
      }
    }
    let table = UnsafePointer(offsetOfPosition.base)
    for c in 0..<channels {
      let t = UnsafePointer(positions.base + c &* capacity)
      let o = offsets.base + c &* capacity
      for i in 0..<Int(counts.base[c]) { o[i] = table[Int(t[i])] }
    }
  }

  /// Makes every position of the image an entry: channel c at position t has `gradient[t, c]`.
  public func gatherDense(gradient: FloatBuffer, at offset: Int, geometry: ConvGeometry) {
    let positionCount = geometry.positions
    precondition(positionCount <= capacity, "more positions than the lists can hold")
    positionBound = positionCount
    gradient.check(offset, positionCount * channels)
    for c in 0..<channels {
      for t in 0..<positionCount {
        positions.base[c &* capacity &+ t] = Int32(truncatingIfNeeded: t)
        values.base[c &* capacity &+ t] = gradient.base[offset &+ t &* channels &+ c]
      }
      counts.base[c] = Int32(positionCount)
    }
  }

  /// Number of entries of a channel.
  public func count(ofChannel channel: Int) -> Int { Int(counts.base[channel]) }

  /// Σ values of a channel: the gradient of its bias.
  public func sum(ofChannel channel: Int) -> Float {
    let count = Int(counts.base[channel])
    let x = values.base + channel * capacity
    var lanes = SIMD8<Float>()
    var i = 0
    while i &+ 8 <= count {
      lanes += load8(x + i)
      i &+= 8
    }
    var total = lanes.sum()
    while i < count {
      total += x[i]
      i &+= 1
    }
    return total
  }
}
