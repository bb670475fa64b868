// One JSON value, as the strict parser reads it and as results are written.

/// A JSON value. Integers stay integers, so a seed of 2^53 is kept exactly.
public enum JSONValue: Sendable, Hashable {
  case null
  case bool(Bool)
  case integer(Int)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])
}

extension JSONValue {
  /// The member of an object; nil when there is none or when this is no object.
  public subscript(_ key: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members[key]
  }

  /// The entry of a list; nil when there is none or when this is no list.
  public subscript(_ index: Int) -> JSONValue? {
    guard case .array(let entries) = self, entries.indices.contains(index) else { return nil }
    return entries[index]
  }

  /// The whole number this is, written either as 5 or as 5.0; nil for everything else.
  public var exactInteger: Int? {
    switch self {
    case .integer(let value): value
    // Beyond 2^53 a Double no longer says which integer was meant.
    case .number(let value) where value.magnitude <= 9_007_199_254_740_992: Int(exactly: value)
    default: nil
    }
  }

  /// What the value is, for a message: `the string "ten"`, `a list of 3`, `2.5`.
  package var described: String {
    switch self {
    case .null: "null"
    case .bool(let value): "\(value)"
    case .integer, .number: text
    case .string(let value): "the string \(Self.shortened(value))"
    case .array(let entries): "a list of \(entries.count)"
    case .object: "an object"
    }
  }

  /// A string in quotes, cut to forty characters so that a message stays one sentence.
  package static func shortened(_ value: String) -> String {
    let cut = value.count > 40 ? String(value.prefix(37)) + "..." : value
    return JSONValue.string(cut).text
  }
}

// MARK: - Literals

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  public init(stringLiteral value: String) { self = .string(value) }
  public init(integerLiteral value: Int) { self = .integer(value) }
  public init(floatLiteral value: Double) { self = .number(value) }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }

  /// Of a key written twice the last value holds.
  public init(dictionaryLiteral elements: (String, JSONValue)...) {
    self = .object(Dictionary(elements) { $1 })
  }
}
