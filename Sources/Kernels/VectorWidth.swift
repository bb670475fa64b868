// How wide the vectors are that this program was compiled for.

internal import COpenBLAS

enum VectorWidth {
  /// Floats of a vector: 16 with AVX-512, 8 with AVX, 4 otherwise.
  @inline(__always)
  static var floats: Int { Int(DPFLSIM_VECTOR_FLOATS) }
}
