// Settings from the command line, `--set path.to.key=value`: changes to the file before it is
// checked.

/// One setting that replaces or adds a value of the file.
struct Override: Sendable {
  let path: JSONPath
  let value: JSONValue
  /// As it was written.
  let text: String

  // MARK: - Reading

  static func parse(_ texts: [String]) throws(ScenarioError) -> [Override] {
    var output: [Override] = []
    for text in texts { output.append(try Override(text)) }
    return output
  }

  private init(_ text: String) throws(ScenarioError) {
    self.text = text
    guard let equals = text.firstIndex(of: "="),
      let path = JSONPath(parsing: text[..<equals])
    else {
      throw ScenarioError(
        JSONPath(),
        "the override \(JSONValue.shortened(text)) is not of the form path.to.key=value, "
          + "such as population.clusters[0].clients=5")
    }
    self.path = path
    value = try Self.value(String(text[text.index(after: equals)...]), at: path, in: text)
  }

  /// JSON where it is JSON, else the text itself; what begins like JSON must be JSON.
  private static func value(
    _ text: String, at path: JSONPath, in override: String
  ) throws(ScenarioError) -> JSONValue {
    do throws(ScenarioError) {
      return try JSONValue(parsing: Array(text.utf8))
    } catch {
      guard let first = text.first(where: { !$0.isWhitespace }), "{[\"".contains(first) else {
        return .string(text)
      }
      let reason = error.problems.first?.description ?? "it is not JSON"
      throw ScenarioError(
        path, "the value of the override \(JSONValue.shortened(override)) is broken: \(reason)")
    }
  }

  // MARK: - Applying

  static func apply(
    _ overrides: [Override], to document: JSONValue
  ) throws(ScenarioError) -> JSONValue {
    var document = document
    for override in overrides {
      document = try override.replacing(override.path.steps[...], in: document, at: JSONPath())
    }
    return document
  }

  private func replacing(
    _ steps: ArraySlice<JSONPath.Step>, in current: JSONValue?, at place: JSONPath
  ) throws(ScenarioError) -> JSONValue {
    guard let step = steps.first else { return value }
    let rest = steps.dropFirst()
    switch (step, current ?? .null) {
    case (.key(let key), .object(var members)):
      members[key] = try replacing(rest, in: members[key], at: place + key)
      return .object(members)
    case (.key(let key), .null):
      return .object([key: try replacing(rest, in: nil, at: place + key)])
    case (.index(let index), .array(var entries)):
      guard entries.indices.contains(index) else {
        throw ScenarioError(
          place + index,
          "there is no such entry, the list has \(entries.count) (set by \(shown))")
      }
      entries[index] = try replacing(rest, in: entries[index], at: place + index)
      return .array(entries)
    case (.key(let key), let other):
      throw ScenarioError(
        place + key, "\(place) is \(other.described) and has no keys (set by \(shown))")
    case (.index(let index), let other):
      throw ScenarioError(
        place + index, "\(place) is \(other.described), not a list (set by \(shown))")
    }
  }

  // MARK: - Messages

  private var shown: String { "--set \(JSONValue.shortened(text))" }

  /// The same problems, each at or below an overridden place saying which override set it.
  static func naming(_ overrides: [Override], in error: ScenarioError) -> ScenarioError {
    guard !overrides.isEmpty else { return error }
    let problems = error.problems.map { problem -> ScenarioError.Problem in
      let author = overrides.last { override in
        let path = override.path.description
        return problem.path == path || problem.path.hasPrefix(path + ".")
          || problem.path.hasPrefix(path + "[")
      }
      guard let author, !problem.message.contains("(set by ") else { return problem }
      return ScenarioError.Problem(
        path: problem.path, message: "\(problem.message) (set by \(author.shown))")
    }
    return ScenarioError(problems: problems)
  }
}
