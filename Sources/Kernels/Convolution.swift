// The 5×5 convolution of the paper's network, channel-last, for one example at a time.
//
// Images lie padded in memory, so that a patch is five contiguous runs of 5 × channels floats and no
// unfolded copy is ever made. The gradients are sparse: after ReLU and 2×2 max-pooling at most one
// position in four of the output carries a gradient, and both backward kernels visit only those.

/// The shape of a 5×5 convolution with stride 1 and two pixels of zero padding.
public struct ConvGeometry: Sendable, Hashable {
  public let height: Int
  public let width: Int
  public let inputChannels: Int

  public static let kernel = 5
  public static let padding = 2

  public init(height: Int, width: Int, inputChannels: Int) {
    precondition(height > 0 && width > 0 && inputChannels > 0, "a convolution needs an image")
    self.height = height
    self.width = width
    self.inputChannels = inputChannels
  }

  /// Number of output positions, T.
  public var positions: Int { height * width }
  /// Floats between vertically adjacent pixels of the padded image.
  public var rowStride: Int { (width + 2 * ConvGeometry.padding) * inputChannels }
  /// Floats of one padded example.
  public var exampleStride: Int { (height + 2 * ConvGeometry.padding) * rowStride }
  /// Floats of one row of a patch.
  public var run: Int { ConvGeometry.kernel * inputChannels }
  /// `run` rounded up to whole vectors: the row pitch of a weight gradient.
  public var runStride: Int { (run + 7) / 8 * 8 }
  /// Weights of one output channel, d.
  public var patch: Int { ConvGeometry.kernel * run }
  /// Floats of one output channel's weight gradient.
  public var gradientStride: Int { ConvGeometry.kernel * runStride }
}

/// The kernels of one convolution. All buffers belong to the calling lane.
public enum Convolution {
  /// Output channels that the forward kernel computes together.
  public static let block = 16

  /// Floats that packed weights of `channels` output channels take.
  public static func packedCount(_ geometry: ConvGeometry, channels: Int) -> Int {
    (channels + block - 1) / block * block * (geometry.patch + 1)
  }

  /// Packs weights `[channel][patch]` and biases for the forward kernel: per block of 16 channels the
  /// 16 biases, then the patch elements, each with its 16 channels side by side.
  public static func pack(
    _ geometry: ConvGeometry, weights: FloatBuffer, at offset: Int, bias: FloatBuffer?,
    at biasOffset: Int, channels: Int, into packed: FloatBuffer, firstChannel: Int = 0
  ) {
    weights.check(offset, channels * geometry.patch)
    bias?.check(biasOffset, channels)
    packed.check(0, packedCount(geometry, channels: firstChannel + channels))
    let blockSize = block * (geometry.patch + 1)
    for channel in 0..<channels {
      let place = firstChannel + channel
      let start = place / block * blockSize + place % block
      packed.base[start] = bias.map { $0.base[biasOffset + channel] } ?? 0
      let row = weights.base + offset + channel * geometry.patch
      for k in 0..<geometry.patch { packed.base[start + (k + 1) * block] = row[k] }
    }
  }

  /// z[t, c] = bias[c] + Σ_k w[c, k] · patch(t)[k] for every position t and the first `channels` channels.
  ///
  /// - Parameters:
  ///   - input: padded example at `inputOffset`.
  ///   - output: `positions × outputStride` at `outputOffset`.
  public static func forward(
    _ geometry: ConvGeometry, input: FloatBuffer, at inputOffset: Int, packed: FloatBuffer,
    channels: Int, output: FloatBuffer, at outputOffset: Int, outputStride: Int
  ) {
    input.check(inputOffset, geometry.exampleStride)
    packed.check(0, packedCount(geometry, channels: channels))
    output.check(outputOffset, (geometry.positions - 1) * outputStride + channels)
    precondition(outputStride >= channels, "a row must fit its stride")
    let blockSize = block * (geometry.patch + 1)
    var first = 0
    while first < channels {
      let weights = UnsafePointer(packed.base + first / block * blockSize)
      let lanes = min(block, channels - first)
      var patches = PatchWalk(geometry, start: UnsafePointer(input.base + inputOffset))
      var t = 0
      while t < geometry.positions {
        let group = min(6, geometry.positions - t)
        forwardGroup(
          geometry, patches: &patches, weights: weights, group: group,
          output: output.base + outputOffset + t * outputStride + first,
          outputStride: outputStride, lanes: lanes)
        t += group
      }
      first += block
    }
  }

  /// The patches of an image one after the other, in reading order; the last one again at the end.
  private struct PatchWalk {
    private var patch: UnsafePointer<Float>
    private var x = 0
    private var left: Int
    private let width: Int
    private let pixel: Int
    /// From the patch after a row's last one to the first of the next row.
    private let turn: Int

    init(_ geometry: ConvGeometry, start: UnsafePointer<Float>) {
      patch = start
      left = geometry.positions
      width = geometry.width
      pixel = geometry.inputChannels
      turn = geometry.rowStride - geometry.width * geometry.inputChannels
    }

    @inline(__always)
    mutating func next() -> UnsafePointer<Float> {
      let here = patch
      guard left > 1 else { return here }
      left &-= 1
      x &+= 1
      patch += pixel
      if x == width {
        x = 0
        patch += turn
      }
      return here
    }
  }

  /// Six positions by sixteen channels: twelve vector accumulators, which fill the register file. A
  /// short group repeats its last position; the surplus results are not stored.
  @inline(__always)
  private static func forwardGroup(
    _ geometry: ConvGeometry, patches: inout PatchWalk, weights: UnsafePointer<Float>, group: Int,
    output: UnsafeMutablePointer<Float>, outputStride: Int, lanes: Int
  ) {
    let rowStride = geometry.rowStride
    let run = geometry.run
    var p0 = patches.next()
    var p1 = patches.next()
    var p2 = patches.next()
    var p3 = patches.next()
    var p4 = patches.next()
    var p5 = patches.next()
    let bias0 = load8(weights)
    let bias1 = load8(weights + 8)
    var (a0, a1, b0, b1) = (bias0, bias1, bias0, bias1)
    var (c0, c1, d0, d1) = (bias0, bias1, bias0, bias1)
    var (e0, e1, f0, f1) = (bias0, bias1, bias0, bias1)
    var w = weights + block
    for _ in 0..<ConvGeometry.kernel {
      for j in 0..<run {
        let w0 = load8(w)
        let w1 = load8(w + 8)
        let xa = SIMD8(repeating: p0[j])
        a0 = a0.fused(xa, w0)
        a1 = a1.fused(xa, w1)
        let xb = SIMD8(repeating: p1[j])
        b0 = b0.fused(xb, w0)
        b1 = b1.fused(xb, w1)
        let xc = SIMD8(repeating: p2[j])
        c0 = c0.fused(xc, w0)
        c1 = c1.fused(xc, w1)
        let xd = SIMD8(repeating: p3[j])
        d0 = d0.fused(xd, w0)
        d1 = d1.fused(xd, w1)
        let xe = SIMD8(repeating: p4[j])
        e0 = e0.fused(xe, w0)
        e1 = e1.fused(xe, w1)
        let xf = SIMD8(repeating: p5[j])
        f0 = f0.fused(xf, w0)
        f1 = f1.fused(xf, w1)
        w += block
      }
      p0 += rowStride
      p1 += rowStride
      p2 += rowStride
      p3 += rowStride
      p4 += rowStride
      p5 += rowStride
    }
    @inline(__always) func put(_ index: Int, _ low: SIMD8<Float>, _ high: SIMD8<Float>) {
      guard index < group else { return }
      let row = output + index &* outputStride
      if lanes == block {
        store8(low, row)
        store8(high, row + 8)
      } else {
        for lane in 0..<lanes { row[lane] = lane < 8 ? low[lane] : high[lane - 8] }
      }
    }
    put(0, a0, a1)
    put(1, b0, b1)
    put(2, c0, c1)
    put(3, d0, d1)
    put(4, e0, e1)
    put(5, f0, f1)
  }
}
