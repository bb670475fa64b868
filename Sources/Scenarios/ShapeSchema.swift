// Writes the shapes as a JSON Schema, draft 2020-12: editors complete and check scenarios with it.

extension Scenario {
  /// The JSON Schema of scenario files; `scenarios/scenario.schema.json` is its text.
  ///
  /// It knows keys, types and bounds. What compares one part with another (a batch with the
  /// clients' data, an adapter with the model) only `Scenario.init` checks.
  public static var schema: JSONValue {
    guard case .object(var members) = shape.schema else { return .null }
    members["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    members["title"] = "dpflsim scenario"
    members["description"] = "What docs/scenario.md describes, key by key."
    return .object(members)
  }
}

extension Shape {
  fileprivate var schema: JSONValue {
    var members = Self.schema(of: keys)
    if !exclusive.isEmpty {
      let given = exclusive.map { ($0, JSONValue.object(["not": ["type": "null"]])) }
      members["not"] = [
        "required": .array(exclusive.map { .string($0) }),
        "properties": .object(Dictionary(given) { $1 }),
      ]
    }
    return .object(members)
  }

  fileprivate static func schema(of keys: [Key]) -> [String: JSONValue] {
    var properties: [String: JSONValue] = [:]
    var required: [JSONValue] = []
    for key in keys {
      var members = key.kind.schema
      members["description"] = .string(key.description)
      switch key.presence {
      case .required: required.append(.string(key.name))
      case .defaults(let value), .implied(let value): members["default"] = value
      case .absent: break
      }
      properties[key.name] = .object(members)
    }
    var schema: [String: JSONValue] = [
      "type": "object", "additionalProperties": false, "properties": .object(properties),
    ]
    if !required.isEmpty { schema["required"] = .array(required) }
    return schema
  }
}

extension Kind {
  fileprivate var schema: [String: JSONValue] {
    switch self {
    case .integer(let range):
      return [
        "type": "integer", "minimum": .integer(range.lowerBound),
        "maximum": .integer(range.upperBound),
      ]
    case .number(let range):
      return [
        "type": "number",
        range.includesLower ? "minimum" : "exclusiveMinimum": .number(range.lower),
        range.includesUpper ? "maximum" : "exclusiveMaximum": .number(range.upper),
      ]
    case .boolean: return ["type": "boolean"]
    case .text(let count):
      return [
        "type": "string", "minLength": .integer(count.lowerBound),
        "maxLength": .integer(count.upperBound),
      ]
    case .identifier:
      return ["type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"]
    case .choice(let names): return ["enum": .array(names.map { .string($0) })]
    case .list(let element, let count, let distinct):
      var members: [String: JSONValue] = [
        "type": "array", "items": .object(element.schema),
        "minItems": .integer(count.lowerBound), "maxItems": .integer(count.upperBound),
      ]
      if distinct { members["uniqueItems"] = true }
      return members
    case .object(let shape):
      guard case .object(let members) = shape.schema else { return [:] }
      return members
    case .tagged(let tagged):
      return ["oneOf": .array(tagged.branches.map { .object(tagged.schema(of: $0)) })]
    case .either(let kinds): return ["oneOf": .array(kinds.map { .object($0.schema) })]
    case .nullable(let inner): return inner.nullableSchema
    }
  }

  /// The same with null allowed beside it.
  private var nullableSchema: [String: JSONValue] {
    var members = schema
    if let type = members["type"] {
      members["type"] = [type, "null"]
    } else if case .array(let names)? = members["enum"] {
      members["enum"] = .array(names + [.null])
    } else if case .array(let kinds)? = members["oneOf"] {
      members["oneOf"] = .array(kinds + [["type": "null"]])
    }
    return members
  }
}

extension TaggedShape {
  fileprivate func schema(of branch: Branch) -> [String: JSONValue] {
    var members = Shape.schema(of: keys(of: branch))
    members["title"] = .string(branch.name)
    members["description"] = .string(branch.description)
    return members
  }
}
