// OpenBLAS, held to one thread: lanes run in parallel, and the thread count changes the bits.

internal import COpenBLAS

/// The process-wide settings of OpenBLAS.
public enum Blas {
  private static let singleThreaded: Void = openblas_set_num_threads(1)

  /// Makes OpenBLAS run on the calling thread alone; called before every first use, cheap after.
  public static func prepare() { _ = singleThreaded }

  /// Version, options and the kind of processor whose kernels are used, as OpenBLAS words them.
  public static var configuration: String {
    guard let text = openblas_get_config() else { return "" }
    return String(cString: text)
  }
}
