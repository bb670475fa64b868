// Writes JSON: one canonical line for hashing, indented lines for people. Both sort the keys.

extension JSONValue {
  /// One line without blanks, keys sorted: equal values give equal text.
  ///
  /// A whole number below 2^53 is written without a fraction (5, not 5.0), any other with the
  /// fewest digits that read back as the same Double. What JSON cannot say (NaN, infinity) becomes
  /// null.
  public var text: String {
    var output = ""
    write(to: &output, indent: nil)
    return output
  }

  /// The same value on indented lines; short lists and objects stay on one line.
  public var prettyText: String { prettyText(depth: 0) }

  /// The same as it stands inside of `depth` others, without what precedes it on its first line.
  public func prettyText(depth: Int) -> String {
    var output = ""
    write(to: &output, indent: depth)
    return output
  }

  /// Whether the compact text has at most so many characters; costs no more than the text that it may have.
  private func fits(in limit: Int) -> Bool {
    var output = ""
    // Beyond that many bytes it is given up: a character rarely has more than four.
    write(to: &output, indent: nil, upTo: 4 * max(limit, 0))
    return output.utf8.count <= 4 * max(limit, 0) && output.count <= limit
  }

  /// - Parameter bytes: the output may end anywhere once it is longer.
  private func write(to output: inout String, indent: Int?, upTo bytes: Int = .max) {
    guard output.utf8.count <= bytes else { return }
    switch self {
    case .null: output += "null"
    case .bool(let value): output += value ? "true" : "false"
    case .integer(let value): output += String(value)
    case .number(let value): output += Self.numberText(value)
    case .string(let value): Self.writeString(value, to: &output)
    case .array(let entries):
      writeMembers(
        entries.lazy.map { (nil, $0) }, in: ("[", "]"), to: &output, indent: indent, upTo: bytes)
    case .object(let members):
      let sorted = members.sorted { $0.key < $1.key }
      writeMembers(
        sorted.lazy.map { (Optional($0.key), $0.value) }, in: ("{", "}"), to: &output,
        indent: indent, upTo: bytes)
    }
  }

  private func writeMembers(
    _ members: some Collection<(key: String?, value: JSONValue)>, in brackets: (String, String),
    to output: inout String, indent: Int?, upTo bytes: Int
  ) {
    output += brackets.0
    // Blanks after colons and commas bring 80 characters of compact text to about 100.
    let breaks = indent.map { !fits(in: 80 - $0 * 2) } ?? false
    let inner = breaks ? indent.map { $0 + 1 } : indent
    for (position, member) in members.enumerated() {
      if position > 0 { output += indent == nil || breaks ? "," : ", " }
      if breaks { output += Self.newLine(inner) }
      if let key = member.key {
        Self.writeString(key, to: &output)
        output += indent == nil ? ":" : ": "
      }
      member.value.write(to: &output, indent: inner, upTo: bytes)
      guard output.utf8.count <= bytes else { return }
    }
    if breaks, !members.isEmpty { output += Self.newLine(indent) }
    output += brackets.1
  }

  private static func newLine(_ indent: Int?) -> String {
    "\n" + String(repeating: "  ", count: indent ?? 0)
  }

  private static func numberText(_ value: Double) -> String {
    guard value.isFinite else { return "null" }
    if value.magnitude < 9_007_199_254_740_992, let whole = Int(exactly: value) {
      return String(whole)
    }
    return value.description
  }

  private static func writeString(_ value: String, to output: inout String) {
    output += "\""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\"": output += "\\\""
      case "\\": output += "\\\\"
      case "\n": output += "\\n"
      case "\r": output += "\\r"
      case "\t": output += "\\t"
      case _ where scalar.value < 0x20 || scalar.value == 0x7F:
        let digits = String(scalar.value, radix: 16)
        output += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: output.unicodeScalars.append(scalar)
      }
    }
    output += "\""
  }
}
