// ReLU and 2×2 max-pooling in one pass, channel-last, and the low-rank term added before them.

/// Where the pooled output of a block is written: as rows of an image that may be padded.
public struct ImageLayout: Sendable, Hashable {
  public let height: Int
  public let width: Int
  public let channels: Int
  public let padding: Int

  public init(height: Int, width: Int, channels: Int, padding: Int) {
    self.height = height
    self.width = width
    self.channels = channels
    self.padding = padding
  }

  public var rowStride: Int { (width + 2 * padding) * channels }
  public var exampleStride: Int { (height + 2 * padding) * rowStride }
  /// Offset of pixel (0, 0).
  public var origin: Int { padding * rowStride + padding * channels }
}

public enum Pooling {
  /// out[p, c] = max(0, max of the 2×2 window), and argmax[p, c] = the position t = y·width + x of the
  /// winner (the first of equals, in reading order), or −1 where the maximum is not positive.
  ///
  /// - Parameters:
  ///   - input: `height·width` rows of `stride` floats, of which the first `channels` count. Height and
  ///     width are even, channels a multiple of 8.
  public static func forward(
    input: FloatBuffer, at inputOffset: Int, height: Int, width: Int, channels: Int, stride: Int,
    output: FloatBuffer, at outputOffset: Int, layout: ImageLayout, argmax: IndexBuffer,
    at argmaxOffset: Int
  ) {
    precondition(
      height % 2 == 0 && width % 2 == 0 && channels % 8 == 0 && stride >= channels,
      "pooling needs even sides and whole vectors of channels")
    precondition(
      layout.height == height / 2 && layout.width == width / 2 && layout.channels == channels,
      "the output layout must be half the input's")
    input.check(inputOffset, (height * width - 1) * stride + channels)
    output.check(outputOffset, layout.exampleStride)
    argmax.check(argmaxOffset, layout.height * layout.width * channels)
    let zero = SIMD8<Float>()
    var indexRow = argmax.base + argmaxOffset
    for y in 0..<layout.height {
      for x in 0..<layout.width {
        let position = 2 &* y &* width &+ 2 &* x
        let window = UnsafePointer(input.base + inputOffset + position &* stride)
        let target =
          output.base + outputOffset + layout.origin + y &* layout.rowStride + x &* channels
        let first = SIMD8<Int32>(repeating: Int32(truncatingIfNeeded: position))
        let below = SIMD8<Int32>(repeating: Int32(truncatingIfNeeded: position &+ width))
        let one = SIMD8<Int32>(repeating: 1)
        var c = 0
        while c < channels {
          var best = load8(window + c)
          var index = first
          let right = load8(window + stride + c)
          var better = right .> best
          best.replace(with: right, where: better)
          index.replace(with: first &+ one, where: better)
          let under = load8(window + width &* stride + c)
          better = under .> best
          best.replace(with: under, where: better)
          index.replace(with: below, where: better)
          let diagonal = load8(window + (width &+ 1) &* stride + c)
          better = diagonal .> best
          best.replace(with: diagonal, where: better)
          index.replace(with: below &+ one, where: better)
          let dead = best .<= zero
          best.replace(with: zero, where: dead)
          index.replace(with: SIMD8<Int32>(repeating: -1), where: dead)
          store8(best, target + c)
          UnsafeMutableRawPointer(indexRow + c).storeBytes(of: index, as: SIMD8<Int32>.self)
          c &+= 8
        }
        indexRow += channels
      }
    }
  }
}

public enum LowRank {
  /// z[t, c] = features[t, c] + Σ_k u[t, k] · factor[k, c], where u are the `rank` floats that follow
  /// the channels in each row of features.
  ///
  /// - Parameters:
  ///   - features: `positions` rows of `stride` floats: first the channels, then the projections A·x.
  ///   - factor: s·Bᵀ, `rank × channels`; channels a multiple of 8.
  ///   - output: `positions × channels`.
  public static func combine(
    positions: Int, features: FloatBuffer, at featureOffset: Int, stride: Int, channels: Int,
    rank: Int, factor: FloatBuffer, output: FloatBuffer, at outputOffset: Int
  ) {
    features.check(featureOffset, (positions - 1) * stride + channels + rank)
    factor.check(0, rank * channels)
    output.check(outputOffset, positions * channels)
    precondition(channels % 8 == 0, "channels come in whole vectors")
    var row = UnsafePointer(features.base + featureOffset)
    var target = output.base + outputOffset
    for _ in 0..<positions {
      var c = 0
      while c < channels {
        var z = load8(row + c)
        for k in 0..<rank {
          z = z.addingProduct(
            SIMD8(repeating: row[channels &+ k]), load8(factor.base + k &* channels + c))
        }
        store8(z, target + c)
        c &+= 8
      }
      row += stride
      target += channels
    }
  }

  /// dB[c, k] = scale · Σ over the entries of channel c of value · u[position, k].
  ///
  /// - Parameters:
  ///   - rankStride: pitch of dB's rows, a multiple of 4; the projections of a position are that long too.
  public static func factorGradient(
    entries: SparseGradient, features: FloatBuffer, at featureOffset: Int, stride: Int,
    channels: Int, rankStride: Int, scale: Float, into gradient: FloatBuffer, at offset: Int
  ) {
    precondition(rankStride % 4 == 0 && channels + rankStride <= stride, "whole vectors of ranks")
    gradient.check(offset, entries.channels * rankStride)
    let u = UnsafePointer(features.base + featureOffset + channels)
    for c in 0..<entries.channels {
      let n = Int(entries.counts.base[c])
      let positions = UnsafePointer(entries.positions.base + c &* entries.capacity)
      let values = UnsafePointer(entries.values.base + c &* entries.capacity)
      var k = 0
      while k < rankStride {
        var even = SIMD4<Float>()
        var odd = even
        var i = 0
        while i &+ 2 <= n {
          even = even.addingProduct(
            SIMD4(repeating: values[i]), load4(u + Int(positions[i]) &* stride + k))
          odd = odd.addingProduct(
            SIMD4(repeating: values[i &+ 1]), load4(u + Int(positions[i &+ 1]) &* stride + k))
          i &+= 2
        }
        if i < n {
          even = even.addingProduct(
            SIMD4(repeating: values[i]), load4(u + Int(positions[i]) &* stride + k))
        }
        let total = (even + odd) * scale
        let row = gradient.base + offset + c &* rankStride + k
        UnsafeMutableRawPointer(row).storeBytes(of: total, as: SIMD4<Float>.self)
        k &+= 4
      }
    }
  }

  /// e[t, k] = Σ over the entries at position t of value · factor[k, channel]: the gradient of the
  /// projections, dense over positions; overwritten.
  public static func projectionGradient(
    entries: SparseGradient, positions: Int, rank: Int, rankStride: Int, factor: FloatBuffer,
    into gradient: FloatBuffer, at offset: Int
  ) {
    gradient.clear(at: offset, count: positions * rankStride)
    factor.check(0, rank * entries.channels)
    for c in 0..<entries.channels {
      for i in 0..<Int(entries.counts.base[c]) {
        let entry = c &* entries.capacity &+ i
        let row = gradient.base + offset + Int(entries.positions.base[entry]) &* rankStride
        let value = entries.values.base[entry]
        for k in 0..<rank {
          row[k] = row[k].addingProduct(value, factor.base[k &* entries.channels &+ c])
        }
      }
    }
  }
}
