// The strict JSON reader: what it reads, what it refuses, and where it says the mistake is.

import Foundation
import JSON
import Kernels
import Testing

@Suite("JSON reader")
struct JSONParserTests {
  struct Refusal: Sendable, CustomTestStringConvertible {
    let text: String
    let place: String
    let word: String
    var testDescription: String { "\(text.prefix(40)) → \(word)" }

    init(_ text: String, _ place: String, _ word: String) {
      (self.text, self.place, self.word) = (text, place, word)
    }
  }

  static let refusals: [Refusal] = [
    Refusal("", "line 1, column 1", "empty"),
    Refusal(" \n ", "line 2, column 2", "empty"),
    Refusal("{\"a\": 1,}", "line 1, column 8", "trailing comma"),
    Refusal("[1, 2,\n]", "line 1, column 6", "trailing comma"),
    Refusal("{\n  // seed\n  \"a\": 1}", "line 2, column 3", "comments"),
    Refusal("{\"a\": 1 /* one */}", "line 1, column 9", "comments"),
    Refusal("# x\n{}", "line 1, column 1", "comments"),
    Refusal("{\"a\" 1}", "line 1, column 6", "colon"),
    Refusal("{\"a\": 1 \"b\": 2}", "line 1, column 9", "comma"),
    Refusal("[1 2]", "line 1, column 4", "comma"),
    Refusal("{a: 1}", "line 1, column 2", "double quotes"),
    Refusal("{\"a\": 'x'}", "line 1, column 7", "single quotes"),
    Refusal("{\"a\": x}", "line 1, column 7", "double quotes"),
    Refusal("{\"a\": True}", "line 1, column 7", "write true"),
    Refusal("{\"a\": None}", "line 1, column 7", "write null"),
    Refusal("{\"a\": NaN}", "line 1, column 7", "finite"),
    Refusal("{\"a\": -Infinity}", "line 1, column 7", "finite"),
    Refusal("{\"a\": 1e999}", "line 1, column 7", "too large"),
    Refusal("{\"a\": 123456789012345678901}", "line 1, column 7", "too large"),
    Refusal("{\"a\": 1e-999}", "line 1, column 7", "too small"),
    Refusal("{\"a\": 01}", "line 1, column 7", "not JSON"),
    Refusal("{\"a\": +1}", "line 1, column 7", "not JSON"),
    Refusal("{\"a\": .5}", "line 1, column 7", "not JSON"),
    Refusal("{\"a\": 5.}", "line 1, column 7", "not JSON"),
    Refusal("{\"a\": 1e}", "line 1, column 7", "not JSON"),
    Refusal("{\"a\": 0x10}", "line 1, column 7", "not JSON"),
    Refusal("{\"a\": 1_000}", "line 1, column 7", "not JSON"),
    Refusal("{\"a\": }", "line 1, column 7", "value is expected"),
    Refusal("{\"a\": ,}", "line 1, column 7", "missing before the comma"),
    Refusal("{\"a\": 1", "line 1, column 8", "close it"),
    Refusal("[1", "line 1, column 3", "close it"),
    Refusal("{", "line 1, column 2", "close it"),
    Refusal("{\"a\": ", "line 1, column 7", "ends where a value"),
    Refusal("{\"a\": \"x", "line 1, column 7", "never closed"),
    Refusal("{\"a\": \"x\ny\"}", "line 1, column 9", "control character"),
    Refusal("\"\\x\"", "line 1, column 2", "unknown escape"),
    Refusal("\"\\u12g4\"", "line 1, column 2", "hexadecimal"),
    Refusal("\"é\\ud800\"", "line 1, column 3", "surrogates"),
    Refusal("\"\\ud800\\u0041\"", "line 1, column 2", "surrogates"),
    Refusal("\"\\udc00\"", "line 1, column 2", "surrogates"),
    Refusal("{} {}", "line 1, column 4", "after the end"),
    Refusal("{\"a\": 1}}", "line 1, column 9", "after the end"),
    Refusal(String(repeating: "[", count: 65), "line 1, column 65", "deeper than 64"),
    Refusal(String(repeating: "{\"a\":", count: 100_000), "line 1, column 321", "deeper than 64"),
  ]

  @Test("broken syntax is refused with its place and its fix", arguments: refusals)
  func refuses(_ refusal: Refusal) {
    do throws(DocumentError) {
      let value = try JSONValue(parsing: Data(refusal.text.utf8))
      Issue.record("was read as \(value.text)")
    } catch {
      let sentence = error.description
      #expect(sentence.contains("(\(refusal.place))"), "\(sentence)")
      #expect(sentence.contains(refusal.word), "\(sentence)")
      #expect(error.problems.count == 1)
    }
  }

  @Test("bytes that are not UTF-8 are refused where they stand")
  func encoding() {
    for bytes: [UInt8] in [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80]] {
      let document = Data(Array("{\n\"a\": \"".utf8) + bytes + Array("\"}".utf8))
      let error = #expect(throws: DocumentError.self) { try JSONValue(parsing: document) }
      #expect(error?.description.contains("not valid UTF-8 here") == true)
      #expect(error?.description.contains("line 2, column 7") == true)
    }
  }

  @Test("a number that cannot be kept names its path, and so does every other")
  func numberPaths() {
    let text = "{\"local\": {\"batch_size\": 1e400}, \"list\": [0, {\"a b\": 1e-400}]}"
    let error = #expect(throws: DocumentError.self) { try JSONValue(parsing: Data(text.utf8)) }
    #expect(error?.problems.map(\.path) == ["local.batch_size", "list[1][\"a b\"]"])
  }

  @Test("duplicate keys are refused with their path and both lines")
  func duplicates() {
    let text = "{\"a\": {\"b\": 1,\n\"b\": 2},\n\"\\u0061\": 3}"
    let error = #expect(throws: DocumentError.self) { try JSONValue(parsing: Data(text.utf8)) }
    #expect(
      error?.problems.map(\.description) == [
        "a.b: the key is given twice (lines 1 and 2); keep one",
        "a: the key is given twice (lines 1 and 3); keep one",
      ])
  }

  @Test("integers are kept exactly and numbers as their nearest Double")
  func numbers() throws {
    let text = "[9007199254740993, -9223372036854775808, 0.1, 1E2, -0.0, 5e-324, 1.0]"
    #expect(
      try JSONValue(parsing: Data(text.utf8)) == [
        9_007_199_254_740_993, -9_223_372_036_854_775_808, 0.1, 100.0, 0.0,
        .number(.leastNonzeroMagnitude), 1.0,
      ])
  }

  @Test("strings keep every character, escaped or not")
  func strings() throws {
    let text = "\u{FEFF}[\"\\u00e9\\ud83d\\ude00\\\"\\\\\\/\\b\\f\\n\\r\\t\", \"é😀\"]"
    let value = try JSONValue(parsing: Data(text.utf8))
    #expect(value == ["é😀\"\\/\u{8}\u{C}\n\r\t", "é😀"])
    #expect(try JSONValue(parsing: Data(value.text.utf8)) == value)
  }

  @Test("depth 64 is read; a document above 4 MB is not")
  func limits() throws {
    let deep = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
    #expect(try JSONValue(parsing: Data(deep.utf8)).text == deep)
    let large = Data(repeating: 0x20, count: JSONValue.sizeLimit + 1)
    let error = #expect(throws: DocumentError.self) { try JSONValue(parsing: large) }
    #expect(error?.description.contains("limit is 4194304") == true)
  }

  @Test(
    "a file of a million problems is refused soon and in few words", .timeLimit(.minutes(2)))
  func manyProblems() {
    let text = "[" + Array(repeating: "1e999", count: 600_000).joined(separator: ",") + "]"
    let error = #expect(throws: DocumentError.self) { try JSONValue(parsing: Data(text.utf8)) }
    #expect(error?.problems.count == 101)
    #expect(error?.problems.last?.message.contains("599900 more problems") == true)
  }

  @Test("random values come back from both texts, as Foundation reads them too")
  func roundTrip() throws {
    var random = RandomStream(seed: 1, purpose: .test)
    for _ in 0..<500 {
      let value = Self.randomValue(depth: 4, using: &random)
      let text = value.text
      #expect(try JSONValue(parsing: Data(text.utf8)) == value)
      #expect(try JSONValue(parsing: Data(value.prettyText.utf8)) == value)
      let theirs = try JSONSerialization.jsonObject(
        with: Data(text.utf8), options: .fragmentsAllowed)
      let again = try JSONSerialization.data(
        withJSONObject: theirs, options: [.fragmentsAllowed, .sortedKeys])
      #expect(try Self.isSame(JSONValue(parsing: again), value))
    }
  }

  private static func randomValue(depth: Int, using random: inout RandomStream) -> JSONValue {
    switch Int.random(in: 0..<(depth > 0 ? 7 : 5), using: &random) {
    case 0: return .null
    case 1: return .bool(Bool.random(using: &random))
    case 2: return .integer(Int.random(in: -(1 << 53)...(1 << 53), using: &random))
    case 3:
      let exponent = Double.random(in: -30...30, using: &random)
      // A whole number would come back as an integer.
      return .number(0.5 + Double(Int.random(in: 0...9, using: &random)) + 1e-9 * exponent)
    case 4:
      let scalars: [Unicode.Scalar] = ["a", "\"", "\\", "\n", "é", "😀", "\u{1}", "/", "\u{2028}"]
      var text = ""
      for _ in 0..<Int.random(in: 0...6, using: &random) {
        text.unicodeScalars.append(scalars.randomElement(using: &random) ?? "a")
      }
      return .string(text)
    case 5:
      return .array(
        (0..<Int.random(in: 0...4, using: &random)).map { _ in
          randomValue(depth: depth - 1, using: &random)
        })
    default:
      var members: [String: JSONValue] = [:]
      for index in 0..<Int.random(in: 0...4, using: &random) {
        members["k\(index)"] = randomValue(depth: depth - 1, using: &random)
      }
      return .object(members)
    }
  }

  /// Equal but for the last bits, since Foundation's writer may use other digits.
  private static func isSame(_ first: JSONValue, _ second: JSONValue) -> Bool {
    switch (first, second) {
    case (.array(let a), .array(let b)): a.count == b.count && zip(a, b).allSatisfy(isSame)
    case (.object(let a), .object(let b)):
      a.count == b.count && a.allSatisfy { key, value in b[key].map { isSame(value, $0) } ?? false }
    case (.number(let a), .number(let b)): abs(a - b) <= 1e-15 * abs(b)
    default: first == second
    }
  }
}
