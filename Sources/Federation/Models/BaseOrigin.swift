// Where a base model comes from, as far as its file says: one that a run made of private data is not public.

import Foundation
import Scenarios
import Tensors

/// The run that made a file of weights, and the ε that its metadata state: a number, or why there is none.
struct BaseOrigin: Sendable, Hashable {
  let run: String
  let epsilon: String
}

extension Scenario {
  /// What the file of `model.path` says of a private run; nil without a file, and for one that says nothing.
  var baseOrigin: BaseOrigin? {
    let file =
      weightsPath.map { URL(fileURLWithPath: $0) }
      ?? modelPath.map {
        URL(fileURLWithPath: $0, isDirectory: true).appendingPathComponent("model.safetensors")
      }
    // A file that cannot be read is told of where the model is.
    guard let file, let metadata = try? SafetensorsFile(file: file).metadata,
      let epsilon = metadata["epsilon"]
    else { return nil }
    return BaseOrigin(run: metadata["run_id"] ?? "unknown", epsilon: epsilon)
  }
}
