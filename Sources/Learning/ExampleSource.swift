// Where examples come from: a client's view of its data, the public share, a test set.

/// Labelled examples: vectors of floats (images channel-last), or texts as token ids.
public protocol ExampleSource: Sendable {
  var count: Int { get }
  /// The class of example `position`, from 0.
  func label(at position: Int) -> Int
  /// Rows of example `position`: its tokens, or 1.
  func length(at position: Int) -> Int
  /// How much of the clipped gradient of example `position` counts, from 0 to 1: what one example adds stays within its
  /// bound.
  func weight(at position: Int) -> Float
  /// Writes the floats of example `position`: `InputShape.floats` of the architecture.
  func write(_ position: Int, into destination: inout MutableSpan<Float>)
  /// Writes the token ids of example `position`, `length(at:)` of them.
  func write(_ position: Int, into destination: inout MutableSpan<Int32>)
}

extension ExampleSource {
  public func length(at position: Int) -> Int { 1 }

  public func weight(at position: Int) -> Float { 1 }

  /// For sources of floats. Whoever puts a model on data asks first whether its input fits them.
  public func write(_ position: Int, into destination: inout MutableSpan<Int32>) {
    preconditionFailure("this source holds floats, no tokens")
  }
}

/// What a model takes as one example.
public enum InputShape: Sendable, Hashable {
  /// So many floats; images row by row, channel-last.
  case floats(Int)
  /// At most so many token ids, each below `vocabulary`.
  case tokens(maximum: Int, vocabulary: Int)

  /// Floats of an example; 0 for texts.
  public var floatCount: Int {
    if case .floats(let count) = self { count } else { 0 }
  }

  /// Rows that an example can have.
  public var maximumLength: Int {
    if case .tokens(let maximum, _) = self { maximum } else { 1 }
  }
}
