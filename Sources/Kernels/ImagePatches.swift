// Images as matrices of patches, for convolutions of any odd kernel with stride 1 or 2, and the sums and
// means over positions that layers of images need. All images are channel-last without padding in memory.

/// The shape of a convolution with zero padding (kernel − 1)/2.
public struct PatchGeometry: Sendable, Hashable {
  public let height: Int
  public let width: Int
  public let channels: Int
  /// Odd.
  public let kernel: Int
  /// 1 or 2.
  public let stride: Int

  /// - Precondition: an image, an odd kernel, and stride 1 or 2.
  public init(height: Int, width: Int, channels: Int, kernel: Int, stride: Int) {
    precondition(
      height > 0 && width > 0 && channels > 0 && kernel > 0 && kernel % 2 == 1
        && (1...2).contains(stride), "a convolution needs an image, an odd kernel and stride 1 or 2"
    )
    self.height = height
    self.width = width
    self.channels = channels
    self.kernel = kernel
    self.stride = stride
  }

  public var outputHeight: Int { (height + stride - 1) / stride }
  public var outputWidth: Int { (width + stride - 1) / stride }
  /// Output positions.
  public var positions: Int { outputHeight * outputWidth }
  /// Floats of a patch, ordered row, column, channel.
  public var patch: Int { kernel * kernel * channels }
  /// Floats of an image.
  public var imageCount: Int { height * width * channels }
}

extension FloatBuffer {
  /// Writes the patches of an image, `positions × patch`; places outside of the image are zero.
  public func gatherPatches(
    _ geometry: PatchGeometry, of image: FloatBuffer, at imageOffset: Int, to offset: Int
  ) {
    check(offset, geometry.positions * geometry.patch)
    image.check(imageOffset, geometry.imageCount)
    let source = image.base + imageOffset
    geometry.forEachRun { position, row, pixel, count, skipped in
      let target = base + offset + position * geometry.patch + row
      let run = geometry.kernel * geometry.channels
      (target).update(repeating: 0, count: run)
      if count > 0 {
        (target + skipped * geometry.channels).update(
          from: source + pixel, count: count * geometry.channels)
      }
    }
  }

  /// Adds the gradients of patches to the gradient of their image.
  public func scatterPatches(
    _ geometry: PatchGeometry, from patches: FloatBuffer, at patchOffset: Int, to offset: Int
  ) {
    check(offset, geometry.imageCount)
    patches.check(patchOffset, geometry.positions * geometry.patch)
    let target = base + offset
    geometry.forEachRun { position, row, pixel, count, skipped in
      guard count > 0 else { return }
      let source =
        patches.base + patchOffset + position * geometry.patch + row + skipped * geometry.channels
      for i in 0..<count * geometry.channels { target[pixel + i] += source[i] }
    }
  }

  /// Adds column sums of `rows × columns` floats, rows `stride` apart, to `columns` floats of this buffer.
  public func addColumnSums(
    _ source: FloatBuffer, at sourceOffset: Int, rows: Int, columns: Int, stride: Int,
    to offset: Int
  ) {
    check(offset, columns)
    source.check(sourceOffset, rows == 0 ? 0 : (rows - 1) * stride + columns)
    for row in 0..<rows {
      let values = source.base + sourceOffset + row * stride
      for column in 0..<columns { base[offset + column] += values[column] }
    }
  }

  /// Writes the column means of `rows × columns` floats.
  public func writeColumnMeans(
    _ source: FloatBuffer, at sourceOffset: Int, rows: Int, columns: Int, to offset: Int
  ) {
    clear(at: offset, count: columns)
    addColumnSums(
      source, at: sourceOffset, rows: rows, columns: columns, stride: columns, to: offset)
    let scale = 1 / Float(rows)
    for column in 0..<columns { base[offset + column] *= scale }
  }

  /// Writes `rows` copies of `columns` floats, times `scale`.
  public func writeRepeated(
    _ source: FloatBuffer, at sourceOffset: Int, scale: Float, rows: Int, columns: Int,
    to offset: Int
  ) {
    check(offset, rows * columns)
    source.check(sourceOffset, columns)
    for row in 0..<rows {
      for column in 0..<columns {
        base[offset + row * columns + column] = scale * source.base[sourceOffset + column]
      }
    }
  }

  /// ReLU in place on a part of the buffer.
  public func rectify(at offset: Int, count length: Int) {
    check(offset, length)
    for i in offset..<offset + length where !(base[i] > 0) { base[i] = 0 }
  }
}

extension PatchGeometry {
  /// Calls `body` for every row of every patch: the output position, where the row begins within the patch, the
  /// first pixel of the image in it, how many pixels lie inside of the image, and how many were left out before
  /// them.
  fileprivate func forEachRun(
    _ body: (_ position: Int, _ row: Int, _ pixel: Int, _ count: Int, _ skipped: Int) -> Void
  ) {
    let reach = kernel / 2
    for y in 0..<outputHeight {
      for x in 0..<outputWidth {
        let left = x * stride - reach
        let (from, to) = (max(left, 0), min(left + kernel, width))
        for k in 0..<kernel {
          let line = y * stride - reach + k
          let isInside = line >= 0 && line < height
          body(
            y * outputWidth + x, k * kernel * channels,
            isInside ? (line * width + from) * channels : 0, isInside ? to - from : 0, from - left)
        }
      }
    }
  }
}
