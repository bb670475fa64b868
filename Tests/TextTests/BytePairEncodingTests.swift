// Byte-level BPE: the reference's ids, a slow twin of the joining, every byte, and broken files.

import Foundation
import Testing
import Text

@Suite("Byte-pair encoding")
struct BytePairEncodingTests {
  static func tokenizer(specialInText: Bool = true) throws -> BytePairEncoding {
    try BytePairEncoding(
      vocabulary: Array(try golden("bpe/vocab.json")), merges: Array(try golden("bpe/merges.txt")),
      name: "bpe", specialInText: specialInText)
  }

  @Test("all reference texts have the reference's ids")
  func reference() throws {
    let tokenizer = try Self.tokenizer()
    #expect(tokenizer.vocabularySize == 420 && tokenizer.endOfText == 0)
    let cases = try goldenTexts("bpe/cases.json")
    #expect(cases.count == 40)
    for text in cases {
      let encoded = tokenizer.encode(text.text, maximum: 1000)
      #expect(encoded.ids == text.ids, "\(text.text.debugDescription)")
      #expect(encoded.tokensBeforeCut == text.ids.count)
    }
  }

  /// A vocabulary of all bytes and the given joinings, with numbers in this order.
  static func files(_ merges: [(String, String)]) -> (vocabulary: [UInt8], merges: [UInt8]) {
    var symbols: [String] = []
    var unprintable: UInt32 = 0x100
    for byte in UInt8.min...UInt8.max {
      let isPrintable =
        (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || (0xAE...0xFF).contains(byte)
      symbols.append(String(Unicode.Scalar(isPrintable ? UInt32(byte) : unprintable) ?? "?"))
      if !isPrintable { unprintable += 1 }
    }
    symbols += merges.map { $0.0 + $0.1 }
    let members = symbols.enumerated().map { index, symbol in
      let escaped = symbol.replacingOccurrences(of: "\\", with: "\\\\")
        .replacingOccurrences(of: "\"", with: "\\\"")
      return "\"\(escaped)\": \(index)"
    }
    let lines = merges.map { "\($0.0) \($0.1)" }
    return (
      Array("{\(members.joined(separator: ","))}".utf8), Array(lines.joined(separator: "\n").utf8)
    )
  }

  /// By the definition: look for the pair of the lowest rank and join its first occurrence, until none is left.
  private static func slowly(_ text: String, _ merges: [(String, String)]) -> [String] {
    var parts = text.map { String($0) }
    while true {
      let ranks = zip(parts, parts.dropFirst()).map { pair in
        merges.firstIndex { $0 == pair } ?? .max
      }
      guard let lowest = ranks.min(), lowest < .max, let place = ranks.firstIndex(of: lowest) else {
        return parts
      }
      parts.replaceSubrange(place...place + 1, with: [parts[place] + parts[place + 1]])
    }
  }

  @Test("joining by heap equals joining by looking through all pairs")
  func twin() throws {
    let merges = [
      ("a", "b"), ("ab", "a"), ("b", "b"), ("a", "a"), ("aba", "ab"), ("aa", "a"), ("bb", "a"),
      ("abaab", "b"), ("aa", "bb"), ("c", "a"), ("ca", "ca"),
    ]
    let files = Self.files(merges)
    let tokenizer = try BytePairEncoding(
      vocabulary: files.vocabulary, merges: files.merges, name: "x")
    var state: UInt64 = 88_172_645_463_325_252
    for _ in 0..<600 {
      var text = ""
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      var bits = state
      for _ in 0..<Int(state % 40) {
        text += ["a", "b", "a", "c"][Int(bits & 3)]
        bits = bits >> 2 | bits << 62
      }
      let expected = Self.slowly(text, merges).map { part in
        part.count == 1
          ? Int32(part.utf8.first ?? 0)
          : Int32(256 + (merges.firstIndex { $0.0 + $0.1 == part } ?? 0))
      }
      #expect(tokenizer.encode(text, maximum: 100).ids == expected, "\(text)")
    }
  }

  @Test("every byte of every text is kept: without joinings the tokens are the bytes")
  func bytes() throws {
    let files = Self.files([])
    let tokenizer = try BytePairEncoding(
      vocabulary: files.vocabulary, merges: files.merges, name: "x")
    let text = "a \u{0}\u{7F}\u{80}\u{FF}\u{7FF}\u{FFFF}\u{10FFFF} ' don't\n\n x"
    #expect(tokenizer.encode(text, maximum: 1000).ids == text.utf8.map(Int32.init))
    #expect(tokenizer.endOfText == nil)
  }

  @Test("a text is cut at its end, and a special token can be text")
  func cut() throws {
    let tokenizer = try Self.tokenizer()
    let whole = tokenizer.encode("the dog and the fox", maximum: 1000)
    let cut = tokenizer.encode("the dog and the fox", maximum: 3)
    #expect(cut.ids == Array(whole.ids.prefix(3)) && cut.isCut && !whole.isCut)
    #expect(cut.tokensBeforeCut == whole.ids.count)
    #expect(tokenizer.encode("<|endoftext|>", maximum: 9).ids == [0])
    #expect(
      try Self.tokenizer(specialInText: false).encode("<|endoftext|>", maximum: 99).ids.count > 5)
  }

  @Test("a word of 300,000 letters takes no minutes", .timeLimit(.minutes(1)))
  func longWord() throws {
    let text = String(repeating: "abcab", count: 60_000)
    let files = Self.files([("a", "b"), ("ab", "c"), ("abc", "ab"), ("abcab", "abcab")])
    let tokenizer = try BytePairEncoding(
      vocabulary: files.vocabulary, merges: files.merges, name: "x")
    #expect(tokenizer.encode(text, maximum: 5).tokensBeforeCut == 30_000)
  }

  // MARK: - Broken files

  @Test("broken vocabularies are refused")
  func vocabularies() throws {
    let files = Self.files([("a", "b")])
    let vocabulary = String(decoding: files.vocabulary, as: UTF8.self)
    let cases: [(String, String)] = [
      ("", "empty"), ("[]", "is no object"), ("{\"a\": 0, \"a\": 1}", "given twice"),
      ("{\"a\": 0}", "no token for the byte 0"),
      (vocabulary.replacingOccurrences(of: ": 97,", with: ": 98,"), "each once"),
      (vocabulary.replacingOccurrences(of: ": 97,", with: ": 9700,"), "each once"),
      (vocabulary.replacingOccurrences(of: ": 97,", with: ": -1,"), "each once"),
      (vocabulary.replacingOccurrences(of: ": 97,", with: ": 97.0,"), "each once"),
      (vocabulary.replacingOccurrences(of: ": 97,", with: ": null,"), "each once"),
    ]
    for (text, words) in cases {
      let error = #expect(throws: VocabularyError.self) {
        try BytePairEncoding(vocabulary: Array(text.utf8), merges: files.merges, name: "m")
      }
      #expect(
        told(error).hasPrefix("m/vocab.json") && told(error).contains(words), "\(told(error))")
    }
  }

  @Test(
    "broken joinings are refused with their line",
    arguments: [
      ("a", "line 1"), ("a b c", "line 1"), ("a b\nb a", "line 2"),
      ("a b\na b", "repeats the pair"),
      ("a  b", "line 1"), ("#version: 0.2\na b\n#x y", "line 3"),
    ])
  func joinings(_ text: String, _ words: String) {
    let error = #expect(throws: VocabularyError.self) {
      try BytePairEncoding(
        vocabulary: Self.files([("a", "b")]).vocabulary, merges: Array(text.utf8), name: "m")
    }
    #expect(told(error).hasPrefix("m/merges.txt") && told(error).contains(words), "\(told(error))")
  }

  @Test("a folder with vocab.json and merges.txt is byte-level, and needs both")
  func folder() throws {
    try withFolder { folder in
      try golden("bpe/vocab.json").write(to: folder.appendingPathComponent("vocab.json"))
      let error = #expect(throws: VocabularyError.self) { try Tokenizer(folder: folder) }
      #expect(told(error).contains("merges.txt: is not there"))
      try golden("bpe/merges.txt").write(to: folder.appendingPathComponent("merges.txt"))
      let tokenizer = try Tokenizer(folder: folder)
      #expect(tokenizer.vocabularySize == 420 && tokenizer.addedTokens == 0)
      #expect(tokenizer.encode("The dog", maximum: 1).isCut)
      let config = folder.appendingPathComponent("tokenizer_config.json")
      try Data(#"{"add_prefix_space": true, "unk_token": "<|endoftext|>"}"#.utf8).write(to: config)
      let prefix = #expect(throws: VocabularyError.self) { try Tokenizer(folder: folder) }
      #expect(prefix?.kind == .unsupported && told(prefix).contains("add_prefix_space"))
    }
  }
}
