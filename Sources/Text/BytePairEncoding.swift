// Byte-level byte-pair encoding (Sennrich et al., 2016; Radford et al., 2019), the tokenizer of GPT-2.

import Foundation
import JSON

/// The tokenizer of GPT-2 models: every text has tokens, since every byte is one.
public struct BytePairEncoding: Sendable {
  static let endName = "<|endoftext|>"

  public let vocabularySize: Int
  public let specialInText: Bool
  /// The number of `<|endoftext|>`, if the vocabulary has it.
  public let endOfText: Int32?
  private let idOfByte: [Int32]
  private let merges: [Pair: Merge]
  private let specials: SpecialTokens

  private struct Pair: Hashable {
    let first: Int32
    let second: Int32
  }

  private struct Merge {
    let rank: Int32
    let id: Int32
  }

  /// - Parameters:
  ///   - vocabulary: a JSON object from tokens to numbers, in which bytes are written as GPT-2 does.
  ///   - merges: one pair a line, the first to be joined first; a line that begins with `#version` is none.
  ///   - name: what error messages call the folder of the two.
  ///   - specialInText: whether `<|endoftext|>` written in a text is that token.
  /// - Throws: `VocabularyError` for broken files, numbers that are not 0 to the number of tokens − 1, bytes
  ///   without a token, and pairs whose parts or sum are no tokens.
  public init(
    vocabulary: [UInt8], merges: [UInt8], name: String, specialInText: Bool = true
  ) throws(VocabularyError) {
    let ids = try Self.ids(vocabulary, name: "\(name)/vocab.json")
    var idOfByte: [Int32] = []
    for symbol in ByteSymbols.symbolOfByte {
      guard let id = ids[String(symbol)] else {
        throw VocabularyError(
          .malformed, at: "\(name)/vocab.json",
          "has no token for the byte \(idOfByte.count), \"\(symbol)\"; give a byte-level vocabulary"
        )
      }
      idOfByte.append(id)
    }
    self.idOfByte = idOfByte
    self.merges = try Self.merges(merges, ids, name: "\(name)/merges.txt")
    vocabularySize = ids.count
    endOfText = ids[Self.endName]
    specials = SpecialTokens(
      specialInText ? endOfText.map { [(Self.endName, $0)] } ?? [] : [])
    self.specialInText = specialInText
  }

  private static func ids(
    _ vocabulary: [UInt8], name: String
  ) throws(VocabularyError) -> [String: Int32] {
    let document: JSONValue
    do throws(DocumentError) {
      document = try JSONValue(
        parsing: Data(vocabulary), sizeLimit: VocabularyFile.largestFile)
    } catch {
      throw VocabularyError(
        .malformed, at: name, error.problems.first?.description ?? "is no JSON")
    }
    guard case .object(let members) = document, members.count <= VocabularyFile.mostWords else {
      throw VocabularyError(
        .malformed, at: name,
        "is no object of at most \(VocabularyFile.mostWords) tokens; give a vocabulary")
    }
    var taken = [Bool](repeating: false, count: members.count)
    var ids: [String: Int32] = [:]
    for (token, value) in members {
      guard case .integer(let id) = value, taken.indices.contains(id), !taken[id] else {
        throw VocabularyError(
          .malformed, at: name,
          "gives the token \(JSONValue.shortened(token)) the number \(value.described); "
            + "numbers must be 0 to \(members.count - 1), each once")
      }
      taken[id] = true
      ids[token] = Int32(id)
    }
    return ids
  }

  private static func merges(
    _ bytes: [UInt8], _ ids: [String: Int32], name: String
  ) throws(VocabularyError) -> [Pair: Merge] {
    let lines = try VocabularyFile.lines(of: bytes, name: name)
    guard lines.count <= VocabularyFile.mostWords else {
      throw VocabularyError(.malformed, at: name, "has \(lines.count) lines; use fewer merges")
    }
    var merges: [Pair: Merge] = [:]
    for (index, line) in lines.enumerated() {
      let text = String(decoding: line, as: UTF8.self)
      if text.isEmpty || (index == 0 && text.hasPrefix("#version")) { continue }
      let parts = text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
      guard parts.count == 2, let first = ids[parts[0]], let second = ids[parts[1]],
        let id = ids[parts[0] + parts[1]]
      else {
        throw VocabularyError(
          .malformed, at: "\(name), line \(index + 1)",
          "\(JSONValue.shortened(text)) is no pair of tokens whose sum is a token; "
            + "give both files of the same model")
      }
      let merge = Merge(rank: Int32(index), id: id)
      guard merges.updateValue(merge, forKey: Pair(first: first, second: second)) == nil else {
        throw VocabularyError(
          .malformed, at: "\(name), line \(index + 1)",
          "repeats the pair \(JSONValue.shortened(text)); fetch the model again")
      }
    }
    return merges
  }

  /// The tokens of a text, cut at the end; nothing is added.
  ///
  /// - Precondition: `maximum` is at least 1.
  public func encode(_ text: String, maximum: Int) -> EncodedText {
    precondition(maximum >= 1, "there must be room for a token")
    var ids: [Int32] = []
    for part in specials.parts(of: text) {
      switch part {
      case .special(let id): ids.append(id)
      case .text(let text):
        for word in Pretokenization.words(of: text) { appendTokens(of: word, to: &ids) }
      }
    }
    let whole = ids.count
    if whole > maximum { ids.removeLast(whole - maximum) }
    return EncodedText(ids: ids, tokensBeforeCut: whole)
  }

  /// Joins the pair of the lowest rank, of equal ones the first, until there is none: a heap of candidates over
  /// a linked list, so that a word of a million letters takes no million passes.
  private func appendTokens(of word: Substring, to ids: inout [Int32]) {
    var tokens = word.utf8.map { idOfByte[Int($0)] }
    let count = tokens.count
    var previous = Array(-1..<count - 1)
    var next = Array(1..<count + 1)
    var heap = MergeHeap()
    func propose(_ left: Int) {
      guard left >= 0, next[left] < count,
        let merge = merges[Pair(first: tokens[left], second: tokens[next[left]])]
      else { return }
      heap.insert(
        MergeHeap.Candidate(
          rank: merge.rank, left: left, id: merge.id, first: tokens[left],
          second: tokens[next[left]]))
    }
    for left in 0..<count { propose(left) }
    while let candidate = heap.popFirst() {
      let left = candidate.left
      let right = next[left]
      // One of the two may have been joined with another token since.
      guard right < count, tokens[left] == candidate.first, tokens[right] == candidate.second
      else { continue }
      tokens[left] = candidate.id
      tokens[right] = -1
      next[left] = next[right]
      if next[right] < count { previous[next[right]] = left }
      propose(previous[left])
      propose(left)
    }
    for token in tokens where token >= 0 { ids.append(token) }
  }
}

/// Candidates for joining, the lowest rank and then the leftmost first.
private struct MergeHeap {
  struct Candidate {
    let rank: Int32
    let left: Int
    let id: Int32
    let first: Int32
    let second: Int32

    func comes(before other: Candidate) -> Bool { (rank, left) < (other.rank, other.left) }
  }

  private var entries: [Candidate] = []

  mutating func insert(_ candidate: Candidate) {
    entries.append(candidate)
    var child = entries.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard entries[child].comes(before: entries[parent]) else { return }
      entries.swapAt(child, parent)
      child = parent
    }
  }

  mutating func popFirst() -> Candidate? {
    guard let last = entries.popLast() else { return nil }
    guard let first = entries.first else { return last }
    entries[0] = last
    var parent = 0
    while true {
      var child = 2 * parent + 1
      guard child < entries.count else { break }
      if child + 1 < entries.count, entries[child + 1].comes(before: entries[child]) { child += 1 }
      guard entries[child].comes(before: entries[parent]) else { break }
      entries.swapAt(child, parent)
      parent = child
    }
    return first
  }
}

/// How GPT-2's vocabulary writes bytes: printable ones as themselves, the others as letters from U+0100 on.
enum ByteSymbols {
  static let symbolOfByte: [Unicode.Scalar] = {
    var unprintable: UInt32 = 0x100
    return (UInt8.min...UInt8.max).map { byte in
      switch byte {
      case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: return Unicode.Scalar(byte)
      default:
        defer { unprintable += 1 }
        return Unicode.Scalar(unprintable) ?? "?"
      }
    }
  }()
}
