// The canonical text of a scenario and its hash: what a stored run is known by.

import Foundation
import Hashing

extension Scenario {
  /// The canonical form: one line, sorted keys, every default filled in.
  public var resolvedJSON: String { resolved.text }

  /// SHA-256 of `resolvedJSON`, 64 hexadecimal digits.
  public var hash: String {
    SHA256.hash(data: Data(resolvedJSON.utf8)).hexadecimal
  }
}
