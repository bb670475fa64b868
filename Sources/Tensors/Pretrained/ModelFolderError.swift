// What can be wrong with the folder of a pretrained model.

/// Sentences that name the file, say what is wrong there and how to fix it.
public struct ModelFolderError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The kind of trouble, from which a command derives its exit code.
  public enum Kind: Sendable, Hashable {
    /// A file or the folder is not there.
    case missing
    /// A file is there but the operating system would not give its bytes.
    case unreadable
    /// The bytes of a file contradict its format, or the tensors the configuration.
    case malformed
    /// The model is one that is not computed here.
    case unsupported
  }

  public let kind: Kind
  /// One sentence each; never empty.
  public let problems: [String]

  public init(_ kind: Kind, _ problems: [String]) {
    self.kind = kind
    self.problems = problems
  }

  public init(_ kind: Kind, at file: String, _ problem: String) {
    self.init(kind, ["\(file): \(problem)."])
  }

  /// One problem a line.
  public var description: String { problems.joined(separator: "\n") }
}
