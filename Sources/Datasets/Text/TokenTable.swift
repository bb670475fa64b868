// The token ids of many texts, two bytes each where the vocabulary allows it.

/// Texts as token ids, one after the other.
public struct TokenTable: Sendable, Hashable {
  private enum Storage: Sendable, Hashable {
    case short([UInt16])
    case long([UInt32])
  }

  /// Ids are below this.
  public let vocabularySize: Int
  /// Tokens of the longest text.
  public private(set) var longest = 0
  private var storage: Storage
  /// Where each text begins, and where the last one ends.
  private var starts: [Int] = [0]

  public init(vocabularySize: Int) {
    self.vocabularySize = vocabularySize
    storage = vocabularySize <= 1 << 16 ? .short([]) : .long([])
  }

  /// Texts.
  public var count: Int { starts.count - 1 }

  /// Tokens of all texts.
  public var tokenCount: Int { starts[count] }

  /// Adds a text.
  /// - Precondition: every id is at least 0 and below `vocabularySize`.
  public mutating func append(_ ids: [Int32]) {
    precondition(
      ids.allSatisfy { $0 >= 0 && Int($0) < vocabularySize }, "an id lies outside the vocabulary")
    switch storage {
    case .short(var values):
      // Not held twice while it grows.
      storage = .short([])
      values.append(contentsOf: ids.lazy.map { UInt16(truncatingIfNeeded: $0) })
      storage = .short(values)
    case .long(var values):
      storage = .long([])
      values.append(contentsOf: ids.lazy.map { UInt32(truncatingIfNeeded: $0) })
      storage = .long(values)
    }
    starts.append(starts[count] + ids.count)
    longest = max(longest, ids.count)
  }

  /// Tokens of one text.
  public func length(of text: Int) -> Int { starts[text + 1] - starts[text] }

  /// Writes the ids of one text.
  /// - Precondition: `output` has `length(of: text)` elements.
  public func write(_ text: Int, into output: inout MutableSpan<Int32>) {
    let start = starts[text]
    precondition(output.count == length(of: text), "the output does not hold exactly one text")
    switch storage {
    case .short(let values):
      for place in output.indices { output[place] = Int32(values[start + place]) }
    case .long(let values):
      for place in output.indices {
        output[place] = Int32(truncatingIfNeeded: values[start + place])
      }
    }
  }

  func hash(into content: inout ContentHash) {
    content.add(starts)
    switch storage {
    case .short(let values): content.add(values.map { Int32($0) })
    case .long(let values): content.add(values.map { Int32(truncatingIfNeeded: $0) })
    }
  }
}
