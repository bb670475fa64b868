// The canonical text of a scenario and its hash: what a stored run is known by.

import Crypto
import Foundation

extension Scenario {
  /// The canonical form: one line, sorted keys, every default filled in.
  public var resolvedJSON: String { resolved.text }

  /// SHA-256 of `resolvedJSON`, 64 hexadecimal digits.
  public var hash: String {
    SHA256.hash(data: Data(resolvedJSON.utf8)).map { byte in
      String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
    }.joined()
  }
}
