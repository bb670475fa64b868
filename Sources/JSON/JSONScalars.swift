// The parts of the JSON reader for words, numbers and strings.

extension JSONParser {
  /// Reads true, false, null or a number, and explains the spellings other languages use.
  mutating func parseWord() throws(DocumentError) -> JSONValue {
    let start = position
    while let byte = peek(), Self.isWordByte(byte) { position += 1 }
    let word = String(decoding: bytes[start..<position], as: UTF8.self)
    let end = position
    position = start
    switch word {
    case "": throw mistake("a value is expected here")
    case "true", "false", "null":
      position = end
      return word == "null" ? .null : .bool(word == "true")
    case "True", "False": throw mistake("write \(word.lowercased()), not \(word)")
    case "None", "nil", "undefined": throw mistake("write null, not \(word)")
    default: break
    }
    if Self.notFinite.contains(word.lowercased()) {
      throw mistake("\(word) is not a number JSON can hold; write a finite number or null")
    }
    guard Self.isNumber(word.utf8) else {
      throw mistake("\(JSONValue.shortened(word)) is not JSON; \(Self.fix(for: word))")
    }
    position = end
    return number(word, at: start)
  }

  private static let notFinite: Set<String> = [
    "nan", "+nan", "-nan", "inf", "+inf", "-inf", "infinity", "+infinity", "-infinity",
  ]

  private static func isWordByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"),
      UInt8(ascii: "."), UInt8(ascii: "_"), 0x80...:
      true
    default: false
    }
  }

  private static func fix(for word: String) -> String {
    guard let first = word.utf8.first, first < 0x80 else { return "put text in double quotes" }
    if word.contains(where: \.isLetter), !(word.first?.isNumber ?? false) {
      return "put text in double quotes"
    }
    return "write numbers as 12, -0.5 or 1e-5"
  }

  // MARK: - Numbers

  /// The grammar of RFC 8259, section 6.
  private static func isNumber(_ word: String.UTF8View) -> Bool {
    var rest = word[...]
    func isDigit(_ byte: UInt8?) -> Bool {
      byte.map { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ?? false
    }
    func dropDigits(_ rest: inout Substring.UTF8View) -> Int {
      let digits = rest.prefix { isDigit($0) }.count
      rest = rest.dropFirst(digits)
      return digits
    }
    if rest.first == UInt8(ascii: "-") { rest = rest.dropFirst() }
    let leadingZero = rest.first == UInt8(ascii: "0")
    let whole = dropDigits(&rest)
    guard whole > 0, !(leadingZero && whole > 1) else { return false }
    if rest.first == UInt8(ascii: ".") {
      rest = rest.dropFirst()
      guard dropDigits(&rest) > 0 else { return false }
    }
    if rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E") {
      rest = rest.dropFirst()
      if rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: "-") {
        rest = rest.dropFirst()
      }
      guard dropDigits(&rest) > 0 else { return false }
    }
    return rest.isEmpty
  }

  /// Keeps a well-formed number, or reports it and goes on with zero so that others are found too.
  private mutating func number(_ word: String, at start: Int) -> JSONValue {
    let shown = word.count > 24 ? String(word.prefix(21)) + "..." : word
    let bytes = bytes
    let place = { Self.placeText(of: start, in: bytes) }
    let isWhole = !word.contains { ".eE".contains($0) }
    if isWhole {
      if let value = Int(word) { return .integer(value) }
    } else if let value = Double(word), value.isFinite {
      let mantissa = word.prefix { $0 != "e" && $0 != "E" }
      guard value == 0, mantissa.contains(where: { ("1"..."9").contains($0) }) else {
        return value == 0 ? .number(0) : .number(value)
      }
      problems.add(path, "the number \(shown) is too small to be told from 0 (\(place()))")
      return .integer(0)
    }
    problems.add(path, "the number \(shown) is too large to be kept (\(place()))")
    return .integer(0)
  }

  // MARK: - Strings

  mutating func parseString() throws(DocumentError) -> String {
    let start = position
    position += 1
    var content: [UInt8] = []
    while let byte = peek() {
      switch byte {
      case UInt8(ascii: "\""):
        position += 1
        return String(decoding: content, as: UTF8.self)
      case UInt8(ascii: "\\"): content.append(contentsOf: String(try parseEscape()).utf8)
      case ..<0x20:
        throw mistake("a control character stands inside a string; close the string or write \\n")
      default:
        content.append(byte)
        position += 1
      }
    }
    position = start
    throw mistake("the string that begins here is never closed; add a double quote")
  }

  private mutating func parseEscape() throws(DocumentError) -> Unicode.Scalar {
    let start = position
    position += 1
    guard let byte = peek() else { throw mistake("the file ends inside a string") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"):
      if let scalar = parseUnicodeEscape() { return scalar }
      position = start
      throw mistake("\\u needs four hexadecimal digits that name a character, surrogates in pairs")
    default:
      position = start
      throw mistake("unknown escape in a string; a backslash itself is written \\\\")
    }
  }

  private mutating func parseUnicodeEscape() -> Unicode.Scalar? {
    guard let unit = parseHex() else { return nil }
    if let scalar = Unicode.Scalar(unit) { return scalar }
    guard (0xD800..<0xDC00).contains(unit), take("\\"), take("u"), let low = parseHex(),
      (0xDC00..<0xE000).contains(low)
    else { return nil }
    return Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))
  }

  private mutating func parseHex() -> UInt32? {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = peek(), let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        return nil
      }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    return value
  }
}
