// Which instructions this program was compiled for, and which this processor has.

internal import COpenBLAS

/// Levels of x86-64 (the psABI's), each with the instructions of those before it.
public enum ProcessorLevel: String, Sendable, Comparable, CaseIterable {
  /// x86-64 as it began, or another architecture, which has one level alone.
  case base
  /// SSE 4.2; no fused multiply-add, which the C library then makes of whole numbers.
  case v2
  /// AVX2, fused multiply-add and half precision: vectors of 8 floats.
  case v3
  /// AVX-512: vectors of 16 floats.
  case v4

  public static func < (a: ProcessorLevel, b: ProcessorLevel) -> Bool { a.order < b.order }

  private var order: Int { ProcessorLevel.allCases.firstIndex(of: self) ?? 0 }

  /// Of this program.
  public static var compiled: ProcessorLevel { of(Int(DPFLSIM_COMPILED_LEVEL)) }

  /// Of the processor that runs it.
  public static var available: ProcessorLevel { of(Int(dpflsim_processor_level())) }

  private static func of(_ number: Int) -> ProcessorLevel {
    switch number {
    case 4: .v4
    case 3: .v3
    case 2: .v2
    default: .base
    }
  }
}
