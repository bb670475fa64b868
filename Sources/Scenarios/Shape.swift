// The language in which the scenario format is described once: from these descriptions come the
// checks, the defaults, the JSON Schema and the tables of docs/scenario.md.

/// What an object of the scenario may contain.
public struct Shape: Sendable {
  let keys: [Key]
  /// Keys of which at most one may have a value other than null.
  let exclusive: [String]

  init(_ keys: [Key], exclusive: [String] = []) {
    self.keys = keys
    self.exclusive = exclusive
  }
}

/// One key of an object.
public struct Key: Sendable {
  /// What happens when the key is not written.
  public enum Presence: Sendable {
    /// It is an error.
    case required
    /// The default is filled in, also in the resolved form.
    case defaults(JSONValue)
    /// The default counts, but stays out of the resolved form, also where it is written: so that a
    /// scenario that does not use the key keeps its hash.
    case implied(JSONValue)
    /// It stays away; what that means the description says.
    case absent
  }

  let name: String
  let kind: Kind
  let presence: Presence
  let description: String
  /// Added to the message when the value is out of bounds: the way to say what was meant.
  let hint: String?

  public static func required(
    _ name: String, _ kind: Kind, _ description: String, hint: String? = nil
  ) -> Key {
    Key(name: name, kind: kind, presence: .required, description: description, hint: hint)
  }

  public static func defaults(
    _ name: String, _ value: JSONValue, _ kind: Kind, _ description: String, hint: String? = nil
  ) -> Key {
    Key(name: name, kind: kind, presence: .defaults(value), description: description, hint: hint)
  }

  public static func implied(
    _ name: String, _ value: JSONValue, _ kind: Kind, _ description: String
  ) -> Key {
    Key(name: name, kind: kind, presence: .implied(value), description: description, hint: nil)
  }

  public static func absent(_ name: String, _ kind: Kind, _ description: String) -> Key {
    Key(name: name, kind: kind, presence: .absent, description: description, hint: nil)
  }
}

/// What a value may be.
public indirect enum Kind: Sendable {
  case integer(ClosedRange<Int>)
  case number(NumberRange)
  case boolean
  /// Free text with so many characters.
  case text(ClosedRange<Int>)
  /// A name: [A-Za-z0-9][A-Za-z0-9._-]{0,63}.
  case identifier
  case choice([String])
  case list(of: Kind, count: ClosedRange<Int>, distinct: Bool)
  case object(Shape)
  /// An object whose other keys depend on the value of one of them.
  case tagged(TaggedShape)
  /// The first of these kinds whose JSON type fits.
  case either([Kind])
  case nullable(Kind)
}

/// An object whose keys depend on the value of the key `tag`.
public struct TaggedShape: Sendable {
  struct Branch: Sendable {
    let name: String
    let description: String
    let keys: [Key]

    init(_ name: String, _ description: String, _ keys: [Key] = []) {
      self.name = name
      self.description = description
      self.keys = keys
    }
  }

  let tag: String
  let description: String
  let branches: [Branch]
  /// Values of the tag that are known and cannot be had, with what is said of them.
  var refused: [String: String] = [:]

  /// All keys of a branch, the tag first.
  func keys(of branch: Branch) -> [Key] {
    [.required(tag, .choice([branch.name]), description)] + branch.keys
  }
}

/// Finite numbers between two bounds, each of which may itself be excluded.
public struct NumberRange: Sendable {
  let lower: Double
  let upper: Double
  let includesLower: Bool
  let includesUpper: Bool

  public static func from(_ lower: Double, to upper: Double) -> NumberRange {
    NumberRange(lower: lower, upper: upper, includesLower: true, includesUpper: true)
  }

  public static func from(_ lower: Double, below upper: Double) -> NumberRange {
    NumberRange(lower: lower, upper: upper, includesLower: true, includesUpper: false)
  }

  public static func above(_ lower: Double, to upper: Double) -> NumberRange {
    NumberRange(lower: lower, upper: upper, includesLower: false, includesUpper: true)
  }

  public static func above(_ lower: Double, below upper: Double) -> NumberRange {
    NumberRange(lower: lower, upper: upper, includesLower: false, includesUpper: false)
  }
}

// MARK: - Words

extension Kind {
  /// The kind in words, for messages and for the tables: `an integer from 1 to 100000`.
  var words: String {
    switch self {
    case .integer(let range):
      "an integer from \(range.lowerBound) to \(Self.bound(range.upperBound))"
    case .number(let range): "a number " + range.words
    case .boolean: "true or false"
    case .text(let count):
      count.lowerBound == 0
        ? "text of at most \(count.upperBound) characters"
        : "text of \(count.lowerBound) to \(count.upperBound) characters"
    case .identifier:
      "a name of 1 to 64 letters, digits, dots, underscores and hyphens, a letter or digit first"
    case .choice(let names): Self.alternatives(names.map { "\"\($0)\"" })
    case .list(let element, let count, let distinct):
      "a list of \(count.lowerBound) to \(count.upperBound)\(distinct ? " different" : "") "
        + "entries, each \(element.words)"
    case .object: "an object"
    case .tagged(let shape): "an object with the key \"\(shape.tag)\""
    case .either(let kinds): Self.alternatives(kinds.map(\.words))
    case .nullable(let kind): kind.words + ", or null"
    }
  }

  /// 2^53 is better known by its power.
  static func bound(_ value: Int) -> String {
    value == 1 << 53 ? "2^53" : String(value)
  }

  static func alternatives(_ words: [String]) -> String {
    guard let last = words.last, words.count > 1 else { return words.first ?? "" }
    return words.dropLast().joined(separator: ", ") + " or " + last
  }
}

extension NumberRange {
  var words: String {
    let from = JSONValue.number(lower).text
    let to = JSONValue.number(upper).text
    switch (includesLower, includesUpper) {
    case (true, true): return "from \(from) to \(to)"
    case (false, true): return "above \(from), at most \(to)"
    case (true, false): return "from \(from), below \(to)"
    case (false, false): return "between \(from) and \(to), both excluded"
    }
  }
}
