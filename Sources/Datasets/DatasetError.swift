// What can be wrong with a data file, a shift or a partition, told in one sentence each.

/// One sentence that names the place, says what is wrong there and how to fix it.
public struct DatasetError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The kind of trouble, from which a command derives its exit code.
  public enum Kind: Sendable, Hashable {
    /// A file or folder is not there.
    case missing
    /// A file is there but the operating system would not give its bytes.
    case unreadable
    /// The bytes of a file contradict its format.
    case malformed
    /// A file is well formed, but not the published one that its name says.
    case changed
    /// A request asks for more examples than there are.
    case tooFew(requested: Int, available: Int)
    /// A setting is outside its range.
    case invalidRequest
  }

  public let kind: Kind
  /// The file, or the setting, that the sentence is about.
  public let place: String
  public let problem: String
  public let fix: String

  public init(_ kind: Kind, at place: String, _ problem: String, fix: String) {
    self.kind = kind
    self.place = place
    self.problem = problem
    self.fix = fix
  }

  public var description: String { "\(place): \(problem); \(fix)." }
}
