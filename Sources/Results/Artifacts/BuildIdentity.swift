// Which build computes: two builds of one version, or two kinds of processor, may differ in the last bits.

import Crypto
import Foundation
import Kernels

public enum BuildIdentity {
  /// SHA-256, in hexadecimal, of the running program's file and of what OpenBLAS says about itself and the
  /// processor that it has chosen its kernels for; nil if the program's file cannot be read.
  public static let current: String? = {
    guard let program = Bundle.main.executableURL,
      let file = try? FileHandle(forReadingFrom: program)
    else { return nil }
    var hash = SHA256()
    // In parts: the program as a whole would count as memory of the run.
    do {
      while let part = try file.read(upToCount: 1 << 18), !part.isEmpty { hash.update(data: part) }
    } catch {
      return nil
    }
    hash.update(data: Data(Blas.configuration.utf8))
    return hash.finalize().hexadecimal
  }()
}
