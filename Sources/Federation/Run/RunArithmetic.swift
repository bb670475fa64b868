// A run holds its arithmetic for as long as it computes.

import Kernels
public import Scenarios

extension Scenario {
  /// What the kernels are asked for.
  var kernelArithmetic: Kernels.Arithmetic {
    switch arithmetic {
    case .portable: .portable
    case .native: .native
    }
  }

  /// Makes the scenario's arithmetic the process's, once no run with the other one is left; `releaseArithmetic()`
  /// ends it.
  ///
  /// - Throws: `CancellationError` if the task is cancelled while it waits.
  public func holdArithmetic() async throws {
    while true {
      do {
        return try kernelArithmetic.hold()
      } catch {
        try await Task.sleep(for: .milliseconds(20))
      }
    }
  }

  /// Ends one `holdArithmetic()`.
  public func releaseArithmetic() { kernelArithmetic.release() }
}
