// The ε that a part of a merged adapter has: what its file states, held against the store where that knows its run.

extension AdapterFolder {
  /// Nil for a part without a guarantee.
  ///
  /// - Parameter stored: the ε of the run in the store; nil where it is not known there.
  /// - Throws: `MergeError` for a number that no ε is, and for one below what the run stated.
  func epsilon(stored: Double?) throws(MergeError) -> Double? {
    guard let text = metadata["epsilon"], let stated = Double(text) else { return nil }
    guard stated >= 0, stated.isFinite else {
      throw MergeError(
        "\(name): its metadata state epsilon \(text), which is none; export the run again")
    }
    // Files round nothing: a smaller one was changed.
    if let stored, stated < stored {
      throw MergeError(
        "\(name): its metadata state epsilon \(text), and its run states \(stored); export the run again"
      )
    }
    return stated
  }
}
