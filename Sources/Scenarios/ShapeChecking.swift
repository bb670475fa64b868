// Checks a JSON value against its shape, reports every problem and fills in the defaults.

/// One pass over a document; afterwards `problems` says what was wrong.
struct ShapeChecker {
  var problems = ProblemList()
  let suggestions: Suggestions

  /// The value with every default filled in and numbers in one form, or nil where it is wrong.
  mutating func resolve(
    _ value: JSONValue, as kind: Kind, at path: JSONPath, hint: String? = nil
  ) -> JSONValue? {
    switch kind {
    case .integer(let range): return resolveInteger(value, range, kind, path, hint)
    case .number(let range): return resolveNumber(value, range, kind, path, hint)
    case .boolean:
      if case .bool = value { return value }
    case .text(let count):
      if case .string(let text) = value {
        // JSON Schema counts code points, so this does too.
        if count.contains(text.unicodeScalars.count) { return value }
        problems.add(path, "must be \(kind.words), got \(text.unicodeScalars.count)")
        return nil
      }
    case .identifier:
      if case .string(let text) = value, Self.isIdentifier(text) { return value }
    case .choice(let names): return resolveChoice(value, names, kind, path)
    case .list(let element, let count, let distinct):
      if case .array(let entries) = value {
        return resolveList(entries, of: element, count: count, distinct: distinct, at: path)
      }
    case .object(let shape):
      if case .object(let members) = value {
        checkExclusive(shape.exclusive, in: members, at: path)
        return resolveObject(members, shape.keys, at: path, owner: nil)
      }
    case .tagged(let shape):
      if case .object(let members) = value { return resolveTagged(members, shape, at: path) }
    case .either(let kinds):
      let accepting = kinds.filter { $0.accepts(value) }
      // Of several lists the one for entries of this kind.
      if let fitting = accepting.first(where: { $0.acceptsEntries(of: value) }) ?? accepting.first {
        return resolve(value, as: fitting, at: path, hint: hint)
      }
    case .nullable(let inner):
      if value == .null { return value }
      if inner.accepts(value) { return resolve(value, as: inner, at: path, hint: hint) }
    }
    problems.add(path, "must be \(kind.words), got \(value.described)\(Self.suffix(hint))")
    return nil
  }

  private static func suffix(_ hint: String?) -> String { hint.map { "; \($0)" } ?? "" }

  private static func isIdentifier(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    func isAlphanumeric(_ byte: UInt8) -> Bool {
      byte < 0x80 && (Character(Unicode.Scalar(byte)).isLetter || (0x30...0x39).contains(byte))
    }
    guard let first = bytes.first, bytes.count <= 64, isAlphanumeric(first) else { return false }
    return bytes.allSatisfy { isAlphanumeric($0) || [0x2D, 0x2E, 0x5F].contains($0) }
  }

  // MARK: - Scalars

  private mutating func resolveInteger(
    _ value: JSONValue, _ range: ClosedRange<Int>, _ kind: Kind, _ path: JSONPath, _ hint: String?
  ) -> JSONValue? {
    guard let integer = value.exactInteger else {
      problems.add(path, "must be \(kind.words), got \(value.described)\(Self.suffix(hint))")
      return nil
    }
    if integer < range.lowerBound {
      problems.add(
        path, "must be at least \(range.lowerBound), got \(integer)\(Self.suffix(hint))")
    } else if integer > range.upperBound {
      problems.add(
        path, "must be at most \(Kind.bound(range.upperBound)), got \(integer)\(Self.suffix(hint))")
    } else {
      return .integer(integer)
    }
    return nil
  }

  private mutating func resolveNumber(
    _ value: JSONValue, _ range: NumberRange, _ kind: Kind, _ path: JSONPath, _ hint: String?
  ) -> JSONValue? {
    let number: Double
    switch value {
    case .integer(let integer): number = Double(integer)
    case .number(let double) where double.isFinite: number = double
    default:
      problems.add(path, "must be \(kind.words), got \(value.described)\(Self.suffix(hint))")
      return nil
    }
    let lower = JSONValue.number(range.lower).text
    let upper = JSONValue.number(range.upper).text
    let got = ", got \(value.described)\(Self.suffix(hint))"
    if number < range.lower || (number == range.lower && !range.includesLower) {
      problems.add(path, "must be \(range.includesLower ? "at least" : "above") \(lower)\(got)")
    } else if number > range.upper || (number == range.upper && !range.includesUpper) {
      problems.add(path, "must be \(range.includesUpper ? "at most" : "below") \(upper)\(got)")
    } else {
      return .number(number)
    }
    return nil
  }

  private mutating func resolveChoice(
    _ value: JSONValue, _ names: [String], _ kind: Kind, _ path: JSONPath
  ) -> JSONValue? {
    guard case .string(let text) = value else {
      problems.add(path, "must be \(kind.words), got \(value.described)")
      return nil
    }
    if names.contains(text) { return value }
    let nearest = suggestions.nearest(to: text, among: names)
    problems.add(
      path,
      "must be \(kind.words), got \(JSONValue.shortened(text))"
        + (nearest.map { "; did you mean \"\($0)\"?" } ?? ""))
    return nil
  }

  // MARK: - Lists and objects

  private mutating func resolveList(
    _ entries: [JSONValue], of element: Kind, count: ClosedRange<Int>, distinct: Bool,
    at path: JSONPath
  ) -> JSONValue? {
    guard count.contains(entries.count) else {
      let bound =
        entries.count < count.lowerBound
        ? "at least \(count.lowerBound)" : "at most \(count.upperBound)"
      problems.add(path, "must have \(bound) entries, got \(entries.count)")
      return nil
    }
    var resolved: [JSONValue] = []
    var first: [JSONValue: Int] = [:]
    for (index, entry) in entries.enumerated() {
      guard let value = resolve(entry, as: element, at: path + index) else { continue }
      if distinct, let earlier = first.updateValue(index, forKey: value) {
        problems.add(path + index, "repeats entry \(earlier), \(value.described); remove one")
      }
      resolved.append(value)
    }
    return resolved.count == entries.count ? .array(resolved) : nil
  }

  private mutating func resolveTagged(
    _ members: [String: JSONValue], _ shape: TaggedShape, at path: JSONPath
  ) -> JSONValue? {
    let names = shape.branches.map(\.name)
    let tag = Kind.choice(names)
    guard let value = members[shape.tag] else {
      problems.add(path + shape.tag, "is missing; write \(tag.words)")
      return nil
    }
    if case .string(let name) = value, let reason = shape.refused[name] {
      problems.add(path + shape.tag, reason)
      return nil
    }
    guard let chosen = resolve(value, as: tag, at: path + shape.tag),
      let branch = shape.branches.first(where: { .string($0.name) == chosen })
    else { return nil }
    return resolveObject(members, shape.keys(of: branch), at: path, owner: (shape, branch))
  }

  private mutating func resolveObject(
    _ members: [String: JSONValue], _ keys: [Key], at path: JSONPath,
    owner: (shape: TaggedShape, branch: TaggedShape.Branch)?
  ) -> JSONValue? {
    var resolved: [String: JSONValue] = [:]
    var isWhole = true
    for key in keys {
      let place = path + key.name
      if let value = members[key.name] {
        resolved[key.name] = resolve(value, as: key.kind, at: place, hint: key.hint)
        isWhole = isWhole && resolved[key.name] != nil
        if case .implied(let usual) = key.presence,
          resolved[key.name] == resolve(usual, as: key.kind, at: place)
        {
          resolved[key.name] = nil
        }
        continue
      }
      switch key.presence {
      case .required:
        problems.add(place, "is missing; write \(key.kind.words)\(Self.suffix(key.hint))")
        isWhole = false
      case .defaults(let value): resolved[key.name] = resolve(value, as: key.kind, at: place)
      case .implied, .absent: break
      }
    }
    let known = Set(keys.map(\.name))
    for name in members.keys.filter({ !known.contains($0) }).sorted() {
      isWhole = false
      let suggestions = suggestions
      problems.add(
        path + name,
        Self.unknownKey(name, among: keys.map(\.name), at: path, of: owner, suggestions))
    }
    return isWhole ? .object(resolved) : nil
  }

  private mutating func checkExclusive(
    _ names: [String], in members: [String: JSONValue], at path: JSONPath
  ) {
    let given = names.filter { members[$0] ?? .null != .null }
    guard given.count > 1, let last = given.last else { return }
    problems.add(
      path + last,
      "\(given.joined(separator: " and ")) exclude one another; remove one (null counts as removed)"
    )
  }

  private static func unknownKey(
    _ name: String, among allowed: [String], at path: JSONPath,
    of owner: (shape: TaggedShape, branch: TaggedShape.Branch)?, _ suggestions: Suggestions
  ) -> String {
    if let owner {
      let others = owner.shape.branches.filter { $0.keys.contains { $0.name == name } }
      if !others.isEmpty {
        let names = Kind.alternatives(others.map { "\"\($0.name)\"" })
        return "is not a key of \"\(owner.branch.name)\", only of \(names); remove it"
      }
    }
    guard let suggestion = suggestions.suggestion(for: name, among: allowed, at: path) else {
      return "unknown key; the keys here are \(allowed.joined(separator: ", "))"
    }
    return "unknown key; did you mean \"\(suggestion)\"?"
  }
}

extension Kind {
  /// Whether the JSON type of a list's first entry fits; true for what is no list.
  func acceptsEntries(of value: JSONValue) -> Bool {
    guard case .list(let element, _, _) = self, case .array(let entries) = value,
      let first = entries.first
    else { return true }
    return element.accepts(first)
  }

  /// Whether the JSON type of a value fits, whatever its bounds.
  func accepts(_ value: JSONValue) -> Bool {
    switch (self, value) {
    case (.integer, .integer), (.integer, .number), (.number, .integer), (.number, .number),
      (.boolean, .bool), (.text, .string), (.identifier, .string), (.choice, .string),
      (.list, .array), (.object, .object), (.tagged, .object):
      true
    case (.either(let kinds), _): kinds.contains { $0.accepts(value) }
    case (.nullable(let inner), _): value == .null || inner.accepts(value)
    default: false
    }
  }
}
