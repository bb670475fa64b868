// What can be wrong with the files of a tokenizer.

/// One sentence that names the file, says what is wrong there and how to fix it.
public struct VocabularyError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The kind of trouble, from which a command derives its exit code.
  public enum Kind: Sendable, Hashable {
    /// A file is not there.
    case missing
    /// A file is there but the operating system would not give its bytes.
    case unreadable
    /// The bytes of a file contradict its format.
    case malformed
    /// The tokenizer is one that is not done here.
    case unsupported
  }

  public let kind: Kind
  /// The file.
  public let place: String
  /// What is wrong and how to fix it, without a full stop.
  public let problem: String

  public init(_ kind: Kind, at place: String, _ problem: String) {
    self.kind = kind
    self.place = place
    self.problem = problem
  }

  public var description: String { "\(place): \(problem)." }
}
