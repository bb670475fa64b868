// Sums of clipped gradients that several networks add to.

import Kernels

/// The memory of all sums of a network, in the order in which its layers ask for them.
final class SumMemory {
  private var buffers: [FloatBuffer] = []
  private var next = 0

  /// A new buffer for the network that the memory was made for; the same again for every network that follows.
  func next(count: Int) -> FloatBuffer {
    defer { next += 1 }
    if next == buffers.count { buffers.append(FloatBuffer(count: count)) }
    precondition(buffers[next].count == count, "networks of other plans have other sums")
    return buffers[next]
  }

  /// Before the layers of a network ask.
  func rewind() { next = 0 }
}
