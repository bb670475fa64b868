// A strict JSON reader (RFC 8259) that says where a mistake is and how to fix it.
//
// Foundation's reader takes duplicate keys in silence and rounds large integers; a scenario decides
// what a privacy budget means, so both are refused here.

public import Foundation

extension JSONValue {
  /// The largest scenario that is read, in bytes.
  public static let sizeLimit = 4 << 20
  /// How deep lists and objects may nest.
  public static let depthLimit = 64

  /// Reads one JSON document.
  ///
  /// - Parameter sizeLimit: the largest document that is read, in bytes.
  /// - Throws: `DocumentError` with line and column for broken syntax, and with the path for
  ///   duplicate keys and for numbers that cannot be kept.
  public init(
    parsing document: Data, sizeLimit: Int = JSONValue.sizeLimit
  ) throws(DocumentError) {
    guard document.count <= sizeLimit else {
      throw DocumentError(
        JSONPath(),
        "the file has \(document.count) bytes, the limit is \(sizeLimit); make it smaller"
      )
    }
    try self.init(parsing: [UInt8](document))
  }

  package init(parsing bytes: [UInt8]) throws(DocumentError) {
    var parser = JSONParser(bytes: bytes)
    self = try parser.parseDocument()
  }
}

/// The state of one reading: a position in the bytes and the path of the value being read.
struct JSONParser {
  let bytes: [UInt8]
  var position = 0
  var path = JSONPath()
  var problems = ProblemList()

  init(bytes: [UInt8]) {
    self.bytes = bytes
  }

  mutating func parseDocument() throws(DocumentError) -> JSONValue {
    try checkEncoding()
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    try skipBlanks()
    guard position < bytes.count else {
      throw mistake("the file is empty; one JSON object is expected")
    }
    let value = try parseValue(depth: 0)
    try skipBlanks()
    guard position == bytes.count else {
      throw mistake("there is text after the end of the JSON value; remove it")
    }
    try problems.throwIfAny()
    return value
  }

  private mutating func parseValue(depth: Int) throws(DocumentError) -> JSONValue {
    guard let byte = peek() else { throw mistake("the file ends where a value is expected") }
    switch byte {
    case UInt8(ascii: "{"), UInt8(ascii: "["):
      guard depth < JSONValue.depthLimit else {
        throw mistake("lists and objects nest deeper than \(JSONValue.depthLimit); flatten them")
      }
      return byte == UInt8(ascii: "{")
        ? try parseObject(depth: depth + 1) : try parseArray(depth: depth + 1)
    case UInt8(ascii: "\""): return .string(try parseString())
    case UInt8(ascii: "'"): throw mistake("text stands in single quotes; use double quotes")
    case UInt8(ascii: ","): throw mistake("a value is missing before the comma")
    case UInt8(ascii: "]"), UInt8(ascii: "}"), UInt8(ascii: ":"):
      throw mistake("a value is expected, found \"\(Character(Unicode.Scalar(byte)))\"")
    default: return try parseWord()
    }
  }

  // MARK: - Lists and objects

  private mutating func parseArray(depth: Int) throws(DocumentError) -> JSONValue {
    position += 1
    var entries: [JSONValue] = []
    try skipBlanks()
    if take("]") { return .array(entries) }
    while true {
      path.steps.append(.index(entries.count))
      entries.append(try parseValue(depth: depth))
      path.steps.removeLast()
      if try endsAfterMember(closing: "]", of: "list") { return .array(entries) }
    }
  }

  private mutating func parseObject(depth: Int) throws(DocumentError) -> JSONValue {
    position += 1
    var members: [String: JSONValue] = [:]
    var starts: [String: Int] = [:]
    try skipBlanks()
    if take("}") { return .object(members) }
    while true {
      let start = position
      let key = try parseKey()
      path.steps.append(.key(key))
      if let first = starts[key] {
        let bytes = bytes
        problems.add(path, Self.duplicateMessage(in: bytes, first, start))
      }
      starts[key] = start
      members[key] = try parseValue(depth: depth)
      path.steps.removeLast()
      if try endsAfterMember(closing: "}", of: "object") { return .object(members) }
    }
  }

  private mutating func parseKey() throws(DocumentError) -> String {
    guard let byte = peek() else {
      throw mistake("the file ends inside an object; close it with \"}\"")
    }
    guard byte == UInt8(ascii: "\"") else {
      throw mistake("a key in double quotes is expected")
    }
    let key = try parseString()
    try skipBlanks()
    guard take(":") else {
      throw mistake("a colon is missing after the key \(JSONValue.shortened(key))")
    }
    try skipBlanks()
    return key
  }

  /// Reads what follows a member; true when the list or object ends there.
  private mutating func endsAfterMember(
    closing: Unicode.Scalar, of container: String
  ) throws(DocumentError) -> Bool {
    try skipBlanks()
    if take(closing) { return true }
    guard take(",") else {
      throw position == bytes.count
        ? mistake("the file ends inside the \(container); close it with \"\(closing)\"")
        : mistake("a comma or \"\(closing)\" is missing in the \(container)")
    }
    let comma = position - 1
    try skipBlanks()
    if peek() == UInt8(ascii: closing) {
      position = comma
      throw mistake("a trailing comma stands before \"\(closing)\"; remove it")
    }
    return false
  }

  // MARK: - Bytes

  func peek() -> UInt8? { position < bytes.count ? bytes[position] : nil }

  mutating func take(_ scalar: Unicode.Scalar) -> Bool {
    guard peek() == UInt8(ascii: scalar) else { return false }
    position += 1
    return true
  }

  private mutating func skipBlanks() throws(DocumentError) {
    while let byte = peek() {
      switch byte {
      case 0x20, 0x09, 0x0A, 0x0D: position += 1
      case UInt8(ascii: "/"), UInt8(ascii: "#"):
        throw mistake("comments are not part of JSON; put the text under \"description\"")
      default: return
      }
    }
  }

  private mutating func checkEncoding() throws(DocumentError) {
    var decoder = Unicode.UTF8.ForwardParser()
    var rest = bytes.makeIterator()
    var offset = 0
    while true {
      switch decoder.parseScalar(from: &rest) {
      case .valid(let encoded): offset += encoded.count
      case .emptyInput: return
      case .error:
        position = offset
        throw mistake("the file is not valid UTF-8 here; save it as UTF-8")
      }
    }
  }

  // MARK: - Places

  /// A broken syntax ends the reading: what follows could only be guessed.
  func mistake(_ sentence: String) -> DocumentError {
    DocumentError(path, "\(sentence) (\(Self.placeText(of: position, in: bytes)))")
  }

  static func duplicateMessage(in bytes: [UInt8], _ first: Int, _ second: Int) -> String {
    let lines = (place(of: first, in: bytes).line, place(of: second, in: bytes).line)
    return "the key is given twice (lines \(lines.0) and \(lines.1)); keep one"
  }

  static func placeText(of offset: Int, in bytes: [UInt8]) -> String {
    let found = place(of: offset, in: bytes)
    return "line \(found.line), column \(found.column)"
  }

  /// Line and column, both from 1, the column in characters rather than bytes.
  private static func place(of offset: Int, in bytes: [UInt8]) -> (line: Int, column: Int) {
    var line = 1
    var column = 1
    for byte in bytes[..<min(offset, bytes.count)] {
      if byte == 0x0A {
        line += 1
        column = 1
      } else if byte & 0xC0 != 0x80 {
        column += 1
      }
    }
    return (line, column)
  }
}
