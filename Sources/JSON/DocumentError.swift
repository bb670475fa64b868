// What is wrong with a JSON document: every problem found, each with its place and its fix.

public import Foundation

/// One or more problems of a document, be it a scenario file or a model's `config.json`.
public struct DocumentError: Error, Sendable, Hashable {
  /// One problem: where it is and, in one sentence, what is wrong and how to fix it.
  public struct Problem: Sendable, Hashable, CustomStringConvertible {
    /// The place, such as `population.clusters[2].clients`; empty for the file as a whole.
    public let path: String
    /// What is wrong there and how to fix it, such as `must be at least 1, got 0`.
    public let message: String

    package init(path: String, message: String) {
      self.path = path
      self.message = message
    }

    public var description: String { path.isEmpty ? message : "\(path): \(message)" }
  }

  /// The problems in the order of the document, never empty; after the first hundred only counted.
  public let problems: [Problem]

  package init(problems: [Problem]) {
    self.problems = problems
  }
}

extension DocumentError: CustomStringConvertible, LocalizedError {
  /// One problem a line.
  public var description: String { problems.map(\.description).joined(separator: "\n") }

  public var errorDescription: String? { description }
}

/// Collects problems while a file is read, so that a person sees them all at once.
package struct ProblemList {
  package private(set) var problems: [DocumentError.Problem] = []
  private var uncounted = 0
  private static let limit = 100

  package init() {}

  package var isEmpty: Bool { problems.isEmpty }

  package mutating func add(_ path: JSONPath, _ message: @autoclosure () -> String) {
    // A list of a million wrong entries must not become a million sentences.
    guard problems.count < Self.limit else {
      uncounted += 1
      return
    }
    problems.append(DocumentError.Problem(path: path.description, message: message()))
  }

  package func throwIfAny() throws(DocumentError) {
    guard !problems.isEmpty else { return }
    let rest = DocumentError.Problem(
      path: "", message: "\(uncounted) more problems of the same file are not listed.")
    throw DocumentError(problems: uncounted > 0 ? problems + [rest] : problems)
  }
}

extension DocumentError {
  package init(_ path: JSONPath, _ message: String) {
    problems = [Problem(path: path.description, message: message)]
  }
}
