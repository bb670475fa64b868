// WordPiece (Schuster and Nakajima, 2012) as BERT uses it: greedy longest match within each word.

import Foundation

/// The tokenizer of BERT models.
public struct WordPiece: Sendable {
  /// `[CLS]` in front and `[SEP]` behind.
  public static let addedTokens = 2
  /// A longer word is one `[UNK]`.
  static let longestWord = 100

  public let vocabularySize: Int
  public let specialInText: Bool
  private let normalization: TextNormalization
  private let beginnings: [ArraySlice<UInt8>: Int32]
  /// Without their `##`.
  private let continuations: [ArraySlice<UInt8>: Int32]
  /// Bytes of the longest entry of either.
  private let longestEntry: Int
  private let specials: SpecialTokens
  private let unknown: Int32
  private let start: Int32
  private let end: Int32

  /// - Parameters:
  ///   - vocabulary: one word a line; its number is that of the line, from 0.
  ///   - name: what error messages call the vocabulary.
  ///   - lowercases: an uncased model.
  ///   - stripsAccents: nil as `lowercases` says.
  ///   - specialInText: whether `[UNK]`, `[SEP]`, `[PAD]`, `[CLS]` and `[MASK]` written in a text are those
  ///     tokens.
  /// - Throws: `VocabularyError` for text that is not UTF-8, empty and repeated words, and a vocabulary without
  ///   `[UNK]`, `[CLS]` or `[SEP]`.
  public init(
    vocabulary: [UInt8], name: String, lowercases: Bool = true, stripsAccents: Bool? = nil,
    specialInText: Bool = true
  ) throws(VocabularyError) {
    let lines = try VocabularyFile.lines(of: vocabulary, name: name)
    guard lines.count <= VocabularyFile.mostWords else {
      throw VocabularyError(
        .malformed, at: name, "has \(lines.count) words; use a smaller vocabulary")
    }
    var beginnings: [ArraySlice<UInt8>: Int32] = [:]
    var continuations: [ArraySlice<UInt8>: Int32] = [:]
    for (index, line) in lines.enumerated() {
      guard !line.isEmpty else {
        throw VocabularyError(
          .malformed, at: "\(name), line \(index + 1)", "is empty; fetch the model again")
      }
      let isInside = line.starts(with: Self.inside) && line.count > Self.inside.count
      let earlier =
        isInside
        ? continuations.updateValue(Int32(index), forKey: line.dropFirst(Self.inside.count))
        : beginnings.updateValue(Int32(index), forKey: line)
      if let earlier {
        throw VocabularyError(
          .malformed, at: "\(name), line \(index + 1)",
          "repeats the word of line \(earlier + 1); fetch the model again")
      }
    }
    func number(_ word: String) throws(VocabularyError) -> Int32 {
      guard let id = beginnings[Array(word.utf8)[...]] else {
        throw VocabularyError(
          .malformed, at: name, "has no \(word); give the vocabulary of a BERT model")
      }
      return id
    }
    unknown = try number("[UNK]")
    start = try number("[CLS]")
    end = try number("[SEP]")
    specials = SpecialTokens(
      specialInText
        ? ["[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"].compactMap { word in
          beginnings[Array(word.utf8)[...]].map { (word, $0) }
        } : [])
    vocabularySize = lines.count
    longestEntry = lines.reduce(0) { max($0, $1.count) }
    normalization = TextNormalization(
      lowercases: lowercases, stripsAccents: stripsAccents ?? lowercases)
    self.beginnings = beginnings
    self.continuations = continuations
    self.specialInText = specialInText
  }

  private static let inside = Array("##".utf8)

  /// The tokens of a text between `[CLS]` and `[SEP]`, cut before `[SEP]`.
  ///
  /// - Precondition: `maximum` is at least 2.
  public func encode(_ text: String, maximum: Int) -> EncodedText {
    precondition(maximum >= Self.addedTokens, "there must be room for [CLS] and [SEP]")
    var ids = [start]
    for part in specials.parts(of: text) {
      switch part {
      case .special(let id): ids.append(id)
      case .text(let text):
        for word in normalization.words(of: text) { appendPieces(of: word, to: &ids) }
      }
    }
    let whole = ids.count + 1
    if whole > maximum { ids.removeLast(whole - maximum) }
    ids.append(end)
    return EncodedText(ids: ids, tokensBeforeCut: whole)
  }

  private func appendPieces(of word: [UInt8], to ids: inout [Int32]) {
    let scalars = word.count { $0 & 0xC0 != 0x80 }
    let first = ids.count
    var position = 0
    while scalars <= Self.longestWord, position < word.count {
      let table = position == 0 ? beginnings : continuations
      var last = min(word.count, position + longestEntry)
      while last > position {
        // A piece ends where a scalar does.
        if last == word.count || word[last] & 0xC0 != 0x80, let id = table[word[position..<last]] {
          ids.append(id)
          break
        }
        last -= 1
      }
      if last == position { break }
      position = last
    }
    guard position < word.count else { return }
    ids.removeLast(ids.count - first)
    ids.append(unknown)
  }
}
