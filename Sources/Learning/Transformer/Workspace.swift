// Memory that the layers of one worker's network share, and weights that all workers share.

public import Kernels
import Synchronization

/// Buffers of one network whose contents do not outlive a layer's forward or backward pass.
public final class Workspace {
  private var buffers: [String: FloatBuffer] = [:]
  private var norms: GramNorm?
  private var normSize = (longest: 0, widest: 0)
  /// Layers that use a tensor of another layer, by the tensor's name.
  var tied: [String: LanguageHeadLayer] = [:]
  /// Gradients of adapter tensors that several hosts share.
  var shared: SharedGradients?

  /// Where the layers' sums lie.
  private let sums: SumMemory

  public convenience init() { self.init(sums: SumMemory()) }

  /// - Parameter sums: of the network itself, or of the one that it works for.
  init(sums: SumMemory) { self.sums = sums }

  /// Memory for a layer's clipped sum, zeroed.
  ///
  /// Networks that share a batch have it in common and add to it one after another (`Layer.hasSharedSum`).
  public func sum(count: Int) -> FloatBuffer { sums.next(count: count) }

  /// A shared buffer of at least `count` floats. Layers ask when they are made and must agree on
  /// the count.
  func scratch(_ name: String, count: Int) -> FloatBuffer {
    let name = "\(name) \(count)"
    if let known = buffers[name] { return known }
    let buffer = FloatBuffer(count: count)
    buffers[name] = buffer
    return buffer
  }

  /// Memory for norms of gradients that are not formed.
  func gramNorm(longest: Int, widest: Int) -> GramNorm {
    if let norms, normSize.longest >= longest, normSize.widest >= widest { return norms }
    normSize = (max(longest, normSize.longest), max(widest, normSize.widest))
    let made = GramNorm(longest: normSize.longest, widest: normSize.widest)
    norms = made
    return made
  }
}

/// Frozen weights laid out for products: made once, read by all workers.
final class PackedWeights: Sendable {
  private struct Key: Hashable {
    let offset: Int
    let isTransposed: Bool
  }
  private let known = Mutex<[Key: Constant<Panels>]>([:])

  /// The weights of a slot of `base` as `x · W` or, transposed, as `x · Wᵀ` wants them.
  func panels(of slot: ParameterSlot, in base: [Float], transposed: Bool) -> Panels {
    known.withLock { known in
      let key = Key(offset: slot.offset, isTransposed: transposed)
      if let panels = known[key] { return panels.buffer }
      let (depth, columns) =
        transposed ? (slot.columns, slot.rows) : (slot.rows, slot.columns)
      let panels = Constant(Panels(depth: depth, columns: columns)) {
        $0.pack(
          base, at: slot.offset, rows: slot.rows, columns: slot.columns, transposed: transposed)
      }
      known[key] = panels
      return panels.buffer
    }
  }
}
