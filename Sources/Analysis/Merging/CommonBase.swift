// Whether adapters stand on one base: a change of weights means nothing beside other weights.

import Foundation
import Tensors

enum CommonBase {
  /// - Parameter folded: what parts changed in their bases.
  /// - Throws: `MergeError` that names the first part which stands elsewhere; `SafetensorsError`.
  static func check(_ parts: [AdapterFolder], folded: [FoldedBase?]) throws {
    guard let first = parts.first else { return }
    let starts = zip(parts, folded).map { $1?.start ?? $0.baseFile }
    var known: [Safetensors.Tensor]?
    for (part, start) in zip(parts, starts).dropFirst() {
      if let start, let common = starts[0] {
        if start.standardizedFileURL == common.standardizedFileURL { continue }
        let tensors = try known ?? Self.tensors(common)
        known = tensors
        if try Self.tensors(start) == tensors { continue }
      } else if start == nil, starts[0] == nil, part.baseName == first.baseName {
        // Of a base that is not here the name is all that is known.
        continue
      }
      throw MergeError(
        "\(part.name): stands on another base model than \(first.name), and changes of different weights have no sum; "
          + "merge adapters of one base (runs with other seeds have it with one model.path)")
    }
  }

  private static func tensors(_ file: URL) throws -> [Safetensors.Tensor] {
    guard let data = try? Data(contentsOf: file) else {
      throw MergeError("\(file.path): cannot be read; export the run again", isMissing: true)
    }
    return try Safetensors(data: data).tensors
  }
}
