// What is fuzzed: for each reader a function of bytes that ends in a value or in a typed error.

/// A reader as libFuzzer sees it.
///
/// A trap is a finding, and so is a violated `precondition` of a target: what was read must make sense.
struct FuzzTarget: Sendable {
  /// What inputs are, which decides how they are changed.
  enum Form: Sendable {
    case bytes
    case json
    /// A JSON header behind its length, then values.
    case safetensors
  }

  let name: String
  let form: Form
  /// The longest input worth trying, in bytes.
  let largest: Int
  /// Valid inputs to begin with.
  let seeds: @Sendable () throws -> [[UInt8]]
  let run: @Sendable ([UInt8]) -> Void

  static let all = [
    scenario, check, sweep, idx, cifar10, csv, safetensors, checkpoint,
    model, config, vocabulary,
  ]
}
