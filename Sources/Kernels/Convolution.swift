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
      var t = 0
      while t < geometry.positions {
        let group = min(6, geometry.positions - t)
        forwardGroup(
          geometry, input: UnsafePointer(input.base + inputOffset), weights: weights,
          firstPosition: t, group: group,
          output: output.base + outputOffset + t * outputStride + first,
          outputStride: outputStride, lanes: lanes)
        t += group
      }
      first += block
    }
  }

  /// Six positions by sixteen channels: twelve vector accumulators, which fill the register file.
  @inline(__always)
  private static func forwardGroup(
    _ geometry: ConvGeometry, input: UnsafePointer<Float>, weights: UnsafePointer<Float>,
    firstPosition: Int, group: Int, output: UnsafeMutablePointer<Float>, outputStride: Int,
    lanes: Int
  ) {
    let rowStride = geometry.rowStride
    let width = geometry.width
    let channels = geometry.inputChannels
    let run = geometry.run
    // A short group repeats its last position; the surplus results are not stored.
    @inline(__always) func patch(_ index: Int) -> UnsafePointer<Float> {
      let t = firstPosition &+ min(index, group &- 1)
      let y = t / width
      return input + (y &* rowStride &+ (t &- y &* width) &* channels)
    }
    var p0 = patch(0)
    var p1 = patch(1)
    var p2 = patch(2)
    var p3 = patch(3)
    var p4 = patch(4)
    var p5 = patch(5)
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
        a0 = a0.addingProduct(xa, w0)
        a1 = a1.addingProduct(xa, w1)
        let xb = SIMD8(repeating: p1[j])
        b0 = b0.addingProduct(xb, w0)
        b1 = b1.addingProduct(xb, w1)
        let xc = SIMD8(repeating: p2[j])
        c0 = c0.addingProduct(xc, w0)
        c1 = c1.addingProduct(xc, w1)
        let xd = SIMD8(repeating: p3[j])
        d0 = d0.addingProduct(xd, w0)
        d1 = d1.addingProduct(xd, w1)
        let xe = SIMD8(repeating: p4[j])
        e0 = e0.addingProduct(xe, w0)
        e1 = e1.addingProduct(xe, w1)
        let xf = SIMD8(repeating: p5[j])
        f0 = f0.addingProduct(xf, w0)
        f1 = f1.addingProduct(xf, w1)
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

  /// G[c] = Σ over the entries of channel c of value · patch: one example's weight gradient.
  ///
  /// - Parameters:
  ///   - gradient: rows of `geometry.gradientStride` floats from `offset`; overwritten. Within a row,
  ///     each of the five runs is padded with zeros to `runStride`.
  public static func weightGradient(
    _ geometry: ConvGeometry, input: FloatBuffer, at inputOffset: Int, entries: SparseGradient,
    into gradient: FloatBuffer, at offset: Int
  ) {
    input.check(inputOffset, geometry.exampleStride)
    gradient.check(offset, entries.channels * geometry.gradientStride)
    let rowStride = geometry.rowStride
    let runStride = geometry.runStride
    let tail = geometry.run % 8
    let lanes = SIMD8<Int32>(0, 1, 2, 3, 4, 5, 6, 7)
    let surplus = lanes .>= SIMD8<Int32>(repeating: Int32(tail))
    let x = UnsafePointer(input.base + inputOffset)
    for c in 0..<entries.channels {
      let n = Int(entries.counts.base[c])
      let offsets = UnsafePointer(entries.offsets.base + c &* entries.capacity)
      let values = UnsafePointer(entries.values.base + c &* entries.capacity)
      let row = gradient.base + offset + c &* geometry.gradientStride
      var chunk = 0
      while chunk < runStride {
        var g0 = SIMD8<Float>()
        var (g1, g2, g3, g4) = (g0, g0, g0, g0)
        for i in 0..<n {
          let v = SIMD8(repeating: values[i])
          let p = x + (Int(offsets[i]) &+ chunk)
          g0 = g0.addingProduct(v, load8(p))
          g1 = g1.addingProduct(v, load8(p + rowStride))
          g2 = g2.addingProduct(v, load8(p + 2 &* rowStride))
          g3 = g3.addingProduct(v, load8(p + 3 &* rowStride))
          g4 = g4.addingProduct(v, load8(p + 4 &* rowStride))
        }
        if tail != 0 && chunk &+ 8 == runStride {
          g0.replace(with: 0, where: surplus)
          g1.replace(with: 0, where: surplus)
          g2.replace(with: 0, where: surplus)
          g3.replace(with: 0, where: surplus)
          g4.replace(with: 0, where: surplus)
        }
        store8(g0, row + chunk)
        store8(g1, row + runStride + chunk)
        store8(g2, row + 2 &* runStride + chunk)
        store8(g3, row + 3 &* runStride + chunk)
        store8(g4, row + 4 &* runStride + chunk)
        chunk &+= 8
      }
    }
  }

  /// dx += Σ over all entries of value · w[c]: the gradient of one padded example, accumulated.
  ///
  /// - Parameter weights: rows `[channel][patch]` from `weightOffset`.
  public static func inputGradient(
    _ geometry: ConvGeometry, entries: SparseGradient, weights: FloatBuffer, at weightOffset: Int,
    into gradient: FloatBuffer, at offset: Int
  ) {
    gradient.check(offset, geometry.exampleStride)
    weights.check(weightOffset, entries.channels * geometry.patch)
    let run = geometry.run
    let rowStride = geometry.rowStride
    let dx = gradient.base + offset
    for c in 0..<entries.channels {
      let n = Int(entries.counts.base[c])
      let offsets = UnsafePointer(entries.offsets.base + c &* entries.capacity)
      let values = UnsafePointer(entries.values.base + c &* entries.capacity)
      let row = UnsafePointer(weights.base + weightOffset + c &* geometry.patch)
      for i in 0..<n {
        let scale = values[i]
        let v = SIMD8(repeating: scale)
        for kh in 0..<ConvGeometry.kernel {
          let target = dx + (Int(offsets[i]) &+ kh &* rowStride)
          let source = row + kh &* run
          var j = 0
          while j &+ 8 <= run {
            store8(load8(target + j).addingProduct(v, load8(source + j)), target + j)
            j &+= 8
          }
          while j < run {
            target[j] = target[j].addingProduct(scale, source[j])
            j &+= 1
          }
        }
      }
    }
  }
}
