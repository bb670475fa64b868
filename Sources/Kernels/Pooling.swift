// ReLU and 2×2 max-pooling in one pass, channel-last.

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
          let rightWins = right .> best
          best.replace(with: right, where: rightWins)
          index.replace(with: first &+ one, where: rightWins)
          let under = load8(window + width &* stride + c)
          let underWins = under .> best
          best.replace(with: under, where: underWins)
          index.replace(with: below, where: underWins)
          let diagonal = load8(window + (width &+ 1) &* stride + c)
          let diagonalWins = diagonal .> best
          best.replace(with: diagonal, where: diagonalWins)
          index.replace(with: below &+ one, where: diagonalWins)
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

  /// Puts every pooled gradient at the position that won, and zero elsewhere.
  ///
  /// - Parameters:
  ///   - positions: rows of `layout.channels` floats of the target.
  public static func backward(
    argmax: IndexBuffer, at argmaxOffset: Int, gradient: FloatBuffer, at gradientOffset: Int,
    layout: ImageLayout, into target: FloatBuffer, at offset: Int, positions: Int
  ) {
    let channels = layout.channels
    argmax.check(argmaxOffset, layout.height * layout.width * channels)
    gradient.check(gradientOffset, layout.exampleStride)
    target.clear(at: offset, count: positions * channels)
    var winner = argmax.base + argmaxOffset
    for y in 0..<layout.height {
      for x in 0..<layout.width {
        let source =
          gradient.base + gradientOffset + layout.origin + y &* layout.rowStride + x &* channels
        for c in 0..<channels where winner[c] >= 0 {
          let position = Int(winner[c])
          precondition(position < positions, "a winner lies inside of the image")
          target.base[offset &+ position &* channels &+ c] = source[c]
        }
        winner += channels
      }
    }
  }
}
