// Which build computes: two builds of one version may differ in the last bits, and with native arithmetic two kinds of
// processor.

import Foundation
import Hashing
import Kernels
public import Scenarios

public enum BuildIdentity {
  /// SHA-256 of the running program's file; nil if it cannot be read.
  private static let program: Data? = {
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
    return Data(hash.finalize())
  }()

  /// Of the program, and of what OpenBLAS says about itself and the processor that it has chosen its kernels for.
  public static let current: String? = identity(with: Blas.configuration)
  private static let portable: String? = identity(with: "portable")

  private static func identity(with more: String) -> String? {
    program.map { SHA256.hash(data: $0 + Data(more.utf8)).hexadecimal }
  }

  /// What decides the results of this program with an arithmetic, as 64 hexadecimal digits: portable arithmetic has the
  /// same bits on every processor. Nil if the program cannot tell itself from others.
  public static func of(_ arithmetic: Scenario.Arithmetic) -> String? {
    arithmetic == .portable ? portable : current
  }

  /// Whether a stored run was computed by this program, and on such a processor where that counts.
  static func isOurs(_ build: String?) -> Bool {
    build.map { $0 == portable || $0 == current } ?? false
  }
}
