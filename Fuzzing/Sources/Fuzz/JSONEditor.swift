// Changes a JSON document as a tree, so that what comes out is JSON again and reaches the code behind the
// parser; bytes changed at random hardly ever do.

import Scenarios

struct JSONEditor {
  private var generator: KeyedGenerator
  /// Changes the bytes of a text; libFuzzer's own means, or nothing.
  private let changeText: (String) -> String

  init(seed: UInt32, changeText: @escaping (String) -> String) {
    generator = KeyedGenerator(state: UInt64(seed))
    self.changeText = changeText
  }

  /// The document after one to three changes.
  mutating func edited(_ document: JSONValue) -> JSONValue {
    var document = document
    for _ in 0...Int.random(in: 0..<3, using: &generator) {
      let count = Self.size(document)
      var place = Int.random(in: 0..<count, using: &generator)
      let donor = Self.node(Int.random(in: 0..<count, using: &generator), of: document)
      document = replacing(&place, of: document, donor)
    }
    return document
  }

  // MARK: - Nodes, counted from the root in the order of sorted keys

  private static func children(_ value: JSONValue) -> [JSONValue] {
    switch value {
    case .array(let entries): entries
    case .object(let members): members.sorted { $0.key < $1.key }.map(\.value)
    default: []
    }
  }

  private static func size(_ value: JSONValue) -> Int {
    children(value).reduce(1) { $0 + size($1) }
  }

  private static func node(_ place: Int, of value: JSONValue) -> JSONValue {
    guard place > 0 else { return value }
    var rest = place - 1
    for child in children(value) {
      let count = size(child)
      if rest < count { return node(rest, of: child) }
      rest -= count
    }
    return value
  }

  private mutating func replacing(
    _ place: inout Int, of value: JSONValue, _ donor: JSONValue
  ) -> JSONValue {
    defer { place -= 1 }
    guard place != 0 else { return changed(value, donor) }
    switch value {
    case .array(var entries):
      for index in entries.indices {
        place -= 1
        guard place >= 0 else { break }
        entries[index] = replacing(&place, of: entries[index], donor)
        place += 1
      }
      return .array(entries)
    case .object(var members):
      for (key, member) in members.sorted(by: { $0.key < $1.key }) {
        place -= 1
        guard place >= 0 else { break }
        members[key] = replacing(&place, of: member, donor)
        place += 1
      }
      return .object(members)
    default: return value
    }
  }

  // MARK: - Changes

  private mutating func changed(_ value: JSONValue, _ donor: JSONValue) -> JSONValue {
    if Int.random(in: 0..<4, using: &generator) == 0 { return donor }
    if Int.random(in: 0..<4, using: &generator) == 0 { return extreme() }
    switch value {
    case .null: return extreme()
    case .bool(let flag): return .bool(!flag)
    case .integer(let number): return integer(number)
    case .number(let number):
      let factors = [-1, 0.5, 2, 1e-3, 1e3, 1e30, 1e-30, 1 + 1e-9]
      return .number(number * (factors.randomElement(using: &generator) ?? 1))
    case .string(let text): return .string(self.text(text))
    case .array(let entries): return .array(list(entries, donor))
    case .object(let members): return .object(object(members, donor))
    }
  }

  private mutating func extreme() -> JSONValue {
    let values: [JSONValue] = [
      .null, .bool(true), .bool(false), .integer(0), .integer(-1), .integer(1), .integer(2),
      .integer(100_000), .integer(1 << 31), .integer(1 << 53), .integer(.max), .integer(.min),
      .number(0.5), .number(1e-300), .number(.leastNonzeroMagnitude), .number(1e308),
      .number(-1e308),
      .string(""), .string("inf"), .string("nan"), .array([]), .object([:]),
    ]
    return values.randomElement(using: &generator) ?? .null
  }

  private mutating func integer(_ number: Int) -> JSONValue {
    switch Int.random(in: 0..<6, using: &generator) {
    case 0: .integer(number &+ 1)
    case 1: .integer(number &- 1)
    case 2: .integer(number &* 2)
    case 3: .integer(0 &- number)
    case 4: .integer(number / 2)
    default: .integer(Int.random(in: -2...40, using: &generator))
    }
  }

  /// Lengths change by four characters at times: in packed numbers that is three bytes.
  private mutating func text(_ text: String) -> String {
    switch Int.random(in: 0..<4, using: &generator) {
    case 0: String(text.dropLast(4 * Int.random(in: 1...8, using: &generator)))
    case 1: text + text.prefix(32)
    default: changeText(text)
    }
  }

  private mutating func list(_ entries: [JSONValue], _ donor: JSONValue) -> [JSONValue] {
    guard let index = entries.indices.randomElement(using: &generator) else { return [donor] }
    var entries = entries
    switch Int.random(in: 0..<5, using: &generator) {
    case 0: entries.remove(at: index)
    case 1: entries.append(entries[index])
    case 2: entries.insert(donor, at: index)
    case 3: entries.swapAt(0, index)
    default: entries.removeLast(entries.count - index)
    }
    return entries
  }

  private mutating func object(
    _ members: [String: JSONValue], _ donor: JSONValue
  ) -> [String: JSONValue] {
    var members = members
    guard let key = members.keys.sorted().randomElement(using: &generator) else {
      return ["name": donor]
    }
    switch Int.random(in: 0..<4, using: &generator) {
    case 0: members[key] = nil
    case 1: members[changeText(key)] = donor
    case 2:
      guard case .object(let others) = donor else { fallthrough }
      // Settings of another place: most keys of the format occur somewhere.
      members.merge(others) { $1 }
    default: members[key] = donor
    }
    return members
  }
}

/// SplitMix64 (Steele, Lea, Flood 2014): the same changes for the same seed.
struct KeyedGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }
}
