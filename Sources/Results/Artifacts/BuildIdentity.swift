// Which build computes: two builds of one version, or two kinds of processor, may differ in the last bits.

import Crypto
import Foundation
import Kernels

public enum BuildIdentity {
  /// SHA-256, in hexadecimal, of the running program's file and of what OpenBLAS says about itself and the
  /// processor that it has chosen its kernels for; nil if the program's file cannot be read.
  public static let current: String? = {
    guard let program = Bundle.main.executableURL,
      let data = try? Data(contentsOf: program, options: .mappedIfSafe)
    else { return nil }
    var hash = SHA256()
    hash.update(data: data)
    hash.update(data: Data(Blas.configuration.utf8))
    return hash.finalize().hexadecimal
  }()
}
