// Which arithmetic this process computes with: the same bits on every processor, or what is fastest here.

import Synchronization

/// How products and elementary functions are computed.
///
/// One process computes with one arithmetic at a time, since kernels are called from everywhere and a product must
/// not ask its caller. Vector kernels have fixed lanes and orders of summation and are the same in both.
public enum Arithmetic: String, Sendable, Hashable, CaseIterable, Codable {
  /// The same bits on every processor: our own products, eigenvectors and elementary functions.
  case portable
  /// OpenBLAS, LAPACK and the C library, whose bits depend on the processor and their versions.
  case native

  /// Of this process: what is held, otherwise portable.
  public static var current: Arithmetic { isPortable ? .portable : .native }

  @inline(__always)
  package static var isPortable: Bool { natives.load(ordering: .relaxed) == 0 }

  /// How many hold native.
  private static let natives = Atomic<Int>(0)
  /// Who computes with what: positive holders of portable, negative of native.
  private static let holders = Mutex<Int>(0)

  /// Makes this the arithmetic of the process until `release()`; every call needs one.
  ///
  /// - Throws: `ArithmeticInUse` where something runs with the other one.
  public func hold() throws(ArithmeticInUse) {
    let step = self == .portable ? 1 : -1
    let isFree = Arithmetic.holders.withLock { count in
      guard count * step >= 0 else { return false }
      count += step
      if self == .native { Arithmetic.natives.add(1, ordering: .relaxed) }
      return true
    }
    guard isFree else { throw ArithmeticInUse(wanted: self) }
  }

  /// Ends one `hold()`.
  public func release() {
    Arithmetic.holders.withLock { count in
      count -= self == .portable ? 1 : -1
      if self == .native { Arithmetic.natives.subtract(1, ordering: .relaxed) }
    }
  }
}

/// Two runs of one process want different arithmetics at the same time.
public struct ArithmeticInUse: Error, Sendable, CustomStringConvertible {
  public let wanted: Arithmetic
  public var description: String {
    "another run of this process computes with other arithmetic than \(wanted.rawValue): run them one after the "
      + "other, or in processes of their own"
  }
}
