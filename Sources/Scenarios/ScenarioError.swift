// What is wrong with a scenario: every problem found, each with its place and its mend.

public import Foundation

/// One or more problems of a scenario file or of the overrides given with it.
public struct ScenarioError: Error, Sendable, Hashable {
  /// One problem: where it is and, in one sentence, what is wrong and how to mend it.
  public struct Problem: Sendable, Hashable, CustomStringConvertible {
    /// The place, such as `population.clusters[2].clients`; empty for the file as a whole.
    public let path: String
    /// What is wrong there and how to mend it, such as `must be at least 1, got 0`.
    public let message: String

    public var description: String { path.isEmpty ? message : "\(path): \(message)" }
  }

  /// The problems in the order of the reference, never empty; after the first hundred only counted.
  public let problems: [Problem]
}

extension ScenarioError: CustomStringConvertible, LocalizedError {
  /// One problem a line.
  public var description: String { problems.map(\.description).joined(separator: "\n") }

  public var errorDescription: String? { description }
}

/// Collects problems while a file is read, so that a person sees them all at once.
struct ProblemList {
  private(set) var problems: [ScenarioError.Problem] = []
  private var uncounted = 0
  private static let limit = 100

  var isEmpty: Bool { problems.isEmpty }

  mutating func add(_ path: JSONPath, _ message: @autoclosure () -> String) {
    // A list of a million wrong entries must not become a million sentences.
    guard problems.count < Self.limit else {
      uncounted += 1
      return
    }
    problems.append(ScenarioError.Problem(path: path.description, message: message()))
  }

  func throwIfAny() throws(ScenarioError) {
    guard !problems.isEmpty else { return }
    let rest = ScenarioError.Problem(
      path: "", message: "\(uncounted) more problems of the same file are not listed.")
    throw ScenarioError(problems: uncounted > 0 ? problems + [rest] : problems)
  }
}

extension ScenarioError {
  init(_ path: JSONPath, _ message: String) {
    problems = [Problem(path: path.description, message: message)]
  }
}
