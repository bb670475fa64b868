// WordPiece: the reference's ids on awkward texts, the rules one by one, and vocabularies that are refused.

import Foundation
import Testing
import Text

@Suite("WordPiece")
struct WordPieceTests {
  static let words = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "un", "##aff", "##able", "##a", "##ff",
    "cafe", "##s", "!", ",", "'", "-", "a", "b", "漢", "字", "한", "グ", "ß", "##ß", "straße", "i",
    "##b",
    "ab", "x", "##x", "[", "]", "sep", "mask",
  ]

  static func tokenizer(
    _ words: [String] = words, lowercases: Bool = true, specialInText: Bool = true
  ) throws -> WordPiece {
    try WordPiece(
      vocabulary: Array((words.joined(separator: "\n") + "\n").utf8), name: "vocab.txt",
      lowercases: lowercases, specialInText: specialInText)
  }

  /// The words of a text, without [CLS] and [SEP].
  static func pieces(
    _ text: String, lowercases: Bool = true, specialInText: Bool = true
  ) throws -> [String] {
    let encoded = try tokenizer(lowercases: lowercases, specialInText: specialInText)
      .encode(text, maximum: 1000)
    #expect(encoded.ids.first == 2 && encoded.ids.last == 3)
    #expect(encoded.tokensBeforeCut == encoded.ids.count && !encoded.isCut)
    return encoded.ids.dropFirst().dropLast().map { words[Int($0)] }
  }

  @Test(
    "all reference texts have the reference's ids", .enabled(if: hasMiniLM, "run tools/data minilm")
  )
  func reference() throws {
    let tokenizer = try Tokenizer(folder: miniLMFolder)
    #expect(tokenizer.vocabularySize == 30_522 && tokenizer.addedTokens == 2)
    let cases = try goldenTexts("wordpiece.json")
    #expect(cases.count == 45)
    for text in cases {
      let encoded = tokenizer.encode(text.text, maximum: 32)
      #expect(encoded.ids == text.ids, "\(text.text.debugDescription)")
      #expect(encoded.tokensBeforeCut == text.tokensBeforeCut)
    }
  }

  static let rules: [(text: String, pieces: [String])] = [
    ("", []), (" \t\n\r ", []),
    ("the THE The", ["the", "the", "the"]),
    ("unaffable", ["un", "##aff", "##able"]),
    ("unaffq", ["[UNK]"]), ("q the", ["[UNK]", "the"]),
    ("cafés!", ["cafe", "##s", "!"]), ("cafe\u{301}s", ["cafe", "##s"]),
    ("the,the", ["the", ",", "the"]), ("a'b-a", ["a", "'", "b", "-", "a"]),
    // Cc, Cf and Co vanish without splitting a word; Zs, Zl and Zp split it.
    (
      "a\u{200B}b a\u{AD}b a\u{85}b \u{FEFF}ab a\u{E000}b a\u{0}b a\u{FFFD}b",
      Array(repeating: "ab", count: 7)
    ),
    ("a\u{A0}b\u{3000}a\u{2028}b\u{2029}a", ["a", "b", "a", "b", "a"]),
    ("漢字", ["漢", "字"]), ("a漢b", ["a", "漢", "b"]),
    // The dotted capital I loses its dot with the accents; sharp s has no lower case of its own.
    ("\u{130}", ["i"]), ("STRASSE straße ẞ", ["[UNK]", "straße", "ß"]),
    // A scalar of several bytes is never split.
    ("xß", ["x", "##ß"]), ("グ", ["[UNK]"]),
    ("a«b»", ["a", "[UNK]", "b", "[UNK]"]), ("a_b", ["a", "[UNK]", "b"]),
    ("the[SEP]the [MASK]", ["the", "[SEP]", "the", "[MASK]"]), ("[UNK][PAD]", ["[UNK]", "[PAD]"]),
    ("[sep]", ["[", "sep", "]"]), ("[[SEP]", ["[", "[SEP]"]), ("[SEP", ["[", "sep"]),
  ]

  @Test("each rule of the reference", arguments: rules)
  func rule(_ text: String, _ pieces: [String]) throws {
    #expect(try Self.pieces(text) == pieces)
  }

  @Test("names of special tokens can be text, and case and accents can count")
  func settings() throws {
    #expect(
      try Self.pieces("a[SEP]b[MASK]", specialInText: false)
        == ["a", "[", "sep", "]", "b", "[", "mask", "]"])
    #expect(try Self.pieces("the The cafés", lowercases: false) == ["the", "[UNK]", "[UNK]"])
  }

  @Test("a word of 100 characters is split, one of 101 is unknown")
  func longWords() throws {
    let hundred = String(repeating: "x", count: 100)
    #expect(try Self.pieces(hundred).count == 100)
    #expect(try Self.pieces(hundred + "x") == ["[UNK]"])
    // Characters, not bytes.
    let sharp = String(repeating: "ß", count: 100)
    #expect(try Self.pieces(sharp).count == 100)
    #expect(try Self.pieces(sharp + "ß" + " a") == ["[UNK]", "a"])
  }

  @Test("a text is cut before [SEP], and says how long it was", arguments: 2...9)
  func cut(_ maximum: Int) throws {
    let encoded = try Self.tokenizer().encode("a b a b a", maximum: maximum)
    let whole: [Int32] = [2, 17, 18, 17, 18, 17, 3]
    #expect(encoded.tokensBeforeCut == 7)
    #expect(encoded.isCut == (maximum < 7))
    #expect(encoded.ids == (maximum < 7 ? Array(whole.prefix(maximum - 1)) + [3] : whole))
  }

  // MARK: - Vocabularies

  @Test("lines may end as Windows ends them, and the last without an end")
  func lineEnds() throws {
    for text in ["[UNK]\r\n[CLS]\r\n[SEP]\r\na\r\n", "[UNK]\n[CLS]\n[SEP]\na"] {
      let tokenizer = try WordPiece(vocabulary: Array(text.utf8), name: "v")
      #expect(tokenizer.vocabularySize == 4)
      #expect(tokenizer.encode("a", maximum: 5).ids == [1, 3, 2])
    }
  }

  @Test(
    "a broken vocabulary is refused with its line",
    arguments: [
      ("", "has no [UNK]"), ("[UNK]\n[CLS]\n", "has no [SEP]"),
      ("[UNK]\n[SEP]\na\n", "has no [CLS]"),
      ("[UNK]\n[CLS]\n[SEP]\na\nb\na\n", "line 6: repeats the word of line 4"),
      ("[UNK]\n[CLS]\n[SEP]\n##a\n##a\n", "line 5: repeats the word of line 4"),
      ("[UNK]\n\n[CLS]\n[SEP]\n", "line 2: is empty"),
    ])
  func broken(_ text: String, _ words: String) {
    let error = #expect(throws: VocabularyError.self) {
      try WordPiece(vocabulary: Array(text.utf8), name: "vocab.txt")
    }
    #expect(told(error).hasPrefix("vocab.txt") && told(error).contains(words), "\(told(error))")
  }

  @Test("words are told apart by their bytes: composed and decomposed letters are two")
  func bytes() throws {
    let words = ["[UNK]", "[CLS]", "[SEP]", "\u{E9}", "e\u{301}"]
    let tokenizer = try WordPiece(
      vocabulary: Array(words.joined(separator: "\n").utf8), name: "v", lowercases: false)
    #expect(tokenizer.encode("\u{E9} e\u{301}", maximum: 9).ids == [1, 3, 4, 2])
  }

  @Test("bytes that are no text, and what is no file")
  func noText() throws {
    let error = #expect(throws: VocabularyError.self) {
      try WordPiece(vocabulary: [0x5B, 0xFF, 0x0A], name: "v")
    }
    #expect(told(error).contains("not UTF-8"))
    try withFolder { folder in
      let none = #expect(throws: VocabularyError.self) { try Tokenizer(folder: folder) }
      #expect(none?.kind == .missing && told(none).contains("neither vocab.txt nor vocab.json"))
      let words = folder.appendingPathComponent("vocab.txt")
      try FileManager.default.createDirectory(at: words, withIntermediateDirectories: true)
      let directory = #expect(throws: VocabularyError.self) { try Tokenizer(folder: folder) }
      #expect(directory?.kind == .unreadable)
    }
  }

  @Test("what tokenizer_config.json says is done, or refused by its name")
  func settingsFile() throws {
    try withFolder { folder in
      try Data(Self.words.joined(separator: "\n").utf8)
        .write(to: folder.appendingPathComponent("vocab.txt"))
      let config = folder.appendingPathComponent("tokenizer_config.json")
      func ids(_ json: String) throws -> [Int32] {
        try Data(json.utf8).write(to: config)
        return try Tokenizer(folder: folder).encode("The", maximum: 9).ids
      }
      #expect(
        try ids(#"{"do_lower_case": true, "unk_token": "[UNK]", "strip_accents": null}"#) == [
          2, 5, 3,
        ])
      #expect(try ids(#"{"do_lower_case": false}"#) == [2, 1, 3])
      for (json, words) in [
        (#"{"tokenize_chinese_chars": false}"#, "tokenize_chinese_chars: is false"),
        (#"{"unk_token": "<unk>"}"#, "unk_token"), (#"{"do_lower_case": 1}"#, "true or false"),
        ("[]", "must be one JSON object"), ("{", "close it"),
      ] {
        let error = #expect(throws: VocabularyError.self) { try ids(json) }
        #expect(told(error).contains(words), "\(told(error))")
      }
    }
  }
}
