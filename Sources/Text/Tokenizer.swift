// From text to the numbers of a pretrained model's vocabulary.

public import Foundation
import JSON

/// A text as tokens.
public struct EncodedText: Sendable, Hashable {
  /// At most as many as were asked for.
  public let ids: [Int32]
  /// How many tokens the whole text has, those that are added included.
  public let tokensBeforeCut: Int

  public init(ids: [Int32], tokensBeforeCut: Int) {
    self.ids = ids
    self.tokensBeforeCut = tokensBeforeCut
  }

  /// Whether something of the text was left out.
  public var isCut: Bool { ids.count < tokensBeforeCut }
}

/// The tokenizer of a model, as its folder describes it.
public enum Tokenizer: Sendable {
  case wordPiece(WordPiece)
  case bytePair(BytePairEncoding)
  /// The bytes of a text (UTF-8) behind a token that begins it: for models that have no vocabulary.
  case bytes

  /// The token that begins a text of bytes.
  public static let begin: Int32 = 256

  /// Words of the vocabulary; ids are below this.
  public var vocabularySize: Int {
    switch self {
    case .wordPiece(let wordPiece): wordPiece.vocabularySize
    case .bytePair(let bytePair): bytePair.vocabularySize
    case .bytes: 257
    }
  }

  /// What the tokenizer adds to every text.
  public var addedTokens: Int {
    switch self {
    case .wordPiece: WordPiece.addedTokens
    case .bytePair: 0
    case .bytes: 1
    }
  }

  /// Encodes a text and cuts it at its end.
  ///
  /// - Precondition: `maximum` is at least 1 and at least `addedTokens`.
  public func encode(_ text: String, maximum: Int) -> EncodedText {
    switch self {
    case .wordPiece(let wordPiece): wordPiece.encode(text, maximum: maximum)
    case .bytePair(let bytePair): bytePair.encode(text, maximum: maximum)
    case .bytes:
      EncodedText(
        ids: [Self.begin] + text.utf8.prefix(maximum - 1).map(Int32.init),
        tokensBeforeCut: text.utf8.count + 1)
    }
  }

  /// Reads the tokenizer of a Hugging Face folder: WordPiece from `vocab.txt`, or byte-level BPE from
  /// `vocab.json` and `merges.txt`; settings in `tokenizer_config.json` are heeded where it is there.
  ///
  /// - Parameter specialInText: whether the names of special tokens written in a text (`[SEP]`) are those
  ///   tokens, as the reference does it, and not text.
  /// - Throws: `VocabularyError`.
  public init(folder: URL, specialInText: Bool = true) throws(VocabularyError) {
    let settings = try TokenizerSettings(folder: folder)
    let words = folder.appendingPathComponent("vocab.txt")
    let symbols = folder.appendingPathComponent("vocab.json")
    if FileManager.default.fileExists(atPath: words.path) {
      self = .wordPiece(
        try WordPiece(
          vocabulary: try VocabularyFile.bytes(of: words), name: words.path,
          lowercases: settings.lowercases, stripsAccents: settings.stripsAccents,
          specialInText: specialInText))
    } else if FileManager.default.fileExists(atPath: symbols.path) {
      let merges = folder.appendingPathComponent("merges.txt")
      self = .bytePair(
        try BytePairEncoding(
          vocabulary: try VocabularyFile.bytes(of: symbols),
          merges: try VocabularyFile.bytes(of: merges), name: folder.path,
          specialInText: specialInText))
    } else {
      throw VocabularyError(
        .missing, at: folder.path,
        "has neither vocab.txt nor vocab.json; give the folder of a model with its vocabulary")
    }
  }
}

/// What `tokenizer_config.json` says that changes the numbers.
private struct TokenizerSettings {
  var lowercases = true
  var stripsAccents = true

  init(folder: URL) throws(VocabularyError) {
    let file = folder.appendingPathComponent("tokenizer_config.json")
    guard FileManager.default.fileExists(atPath: file.path) else { return }
    let members: [String: JSONValue]
    do throws(DocumentError) {
      guard
        case .object(let object) = try JSONValue(
          parsing: Data(try Self.bytes(of: file)))
      else { throw DocumentError(JSONPath(), "must be one JSON object") }
      members = object
    } catch {
      throw VocabularyError(
        .malformed, at: file.path, error.problems.first?.description ?? "is no JSON")
    }
    func flag(_ key: String, _ otherwise: Bool) throws(VocabularyError) -> Bool {
      switch members[key] {
      case nil, .null?: return otherwise
      case .bool(let flag)?: return flag
      case let other?:
        throw VocabularyError(
          .malformed, at: file.path, "\(key): must be true or false, got \(other.described)")
      }
    }
    lowercases = try flag("do_lower_case", true)
    stripsAccents = try flag("strip_accents", lowercases)
    for (key, wanted) in [("tokenize_chinese_chars", true), ("add_prefix_space", false)]
    where try flag(key, wanted) != wanted {
      throw VocabularyError(
        .unsupported, at: file.path,
        "\(key): is \(!wanted), which is not done here; use a model with \(wanted)")
    }
    for (key, wanted) in [
      ("unk_token", "[UNK]"), ("cls_token", "[CLS]"), ("sep_token", "[SEP]"),
      ("pad_token", "[PAD]"), ("mask_token", "[MASK]"),
    ] {
      guard case .string(let name)? = members[key], name != wanted, name != BytePairEncoding.endName
      else { continue }
      throw VocabularyError(
        .unsupported, at: file.path,
        "\(key): is \(JSONValue.shortened(name)), which is not done here; use a model with \(wanted)"
      )
    }
  }

  private static func bytes(of file: URL) throws(DocumentError) -> [UInt8] {
    do throws(VocabularyError) {
      return try VocabularyFile.bytes(of: file)
    } catch {
      throw DocumentError(JSONPath(), error.problem)
    }
  }
}

/// The files of a vocabulary.
enum VocabularyFile {
  /// Larger files, and vocabularies of more words, are refused.
  static let largestFile = 64 << 20
  static let mostWords = 4_194_304

  /// All bytes of a regular file of at most `largestFile` bytes.
  static func bytes(of file: URL) throws(VocabularyError) -> [UInt8] {
    let path = file.resolvingSymlinksInPath().path
    guard let attributes = try? FileManager.default.attributesOfItem(atPath: path) else {
      throw VocabularyError(
        .missing, at: file.path, "is not there; give the folder of a model with its vocabulary")
    }
    guard attributes[.type] as? FileAttributeType == .typeRegular,
      let size = attributes[.size] as? NSNumber, size.intValue <= largestFile,
      let data = try? Data(contentsOf: file)
    else {
      throw VocabularyError(
        .unreadable, at: file.path,
        "is no regular file of at most \(largestFile) bytes that can be read; fetch the model again"
      )
    }
    return [UInt8](data)
  }

  /// The lines of a text, without their ends; an end at the very end begins no further line.
  ///
  /// - Throws: `malformed` for bytes that are not UTF-8.
  static func lines(
    of bytes: [UInt8], name: String
  ) throws(VocabularyError) -> [ArraySlice<UInt8>] {
    guard String(validating: bytes, as: UTF8.self) != nil else {
      throw VocabularyError(.malformed, at: name, "is not UTF-8 text; fetch the model again")
    }
    var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    if lines.last?.isEmpty == true { lines.removeLast() }
    return lines.map { $0.last == UInt8(ascii: "\r") ? $0.dropLast() : $0 }
  }
}
