// How GPT-2 splits a text before bytes are joined: no token goes across these borders.

/// The matches of GPT-2's pattern, one after the other, without gaps:
///
///     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
enum Pretokenization {
  static func words(of text: Substring) -> [Substring] {
    let scalars = text.unicodeScalars
    var words: [Substring] = []
    var position = scalars.startIndex
    while position < scalars.endIndex {
      let end = endOfWord(at: position, in: scalars)
      words.append(text[position..<end])
      position = end
    }
    return words
  }

  private static let contractions = ["s", "t", "re", "ve", "m", "ll", "d"].map {
    Array($0.unicodeScalars)
  }

  private static func endOfWord(
    at start: Substring.Index, in scalars: Substring.UnicodeScalarView
  ) -> Substring.Index {
    let first = scalars[start]
    let second = scalars.index(after: start)
    if first == "'",
      let ending = contractions.first(where: { scalars[second...].starts(with: $0) })
    {
      return scalars.index(second, offsetBy: ending.count)
    }
    // A single blank belongs to the word behind it.
    let begin = first == " " && second < scalars.endIndex ? second : start
    let kind = Kind(scalars[begin])
    if kind != .blank {
      return scalars[begin...].firstIndex { Kind($0) != kind } ?? scalars.endIndex
    }
    guard let end = scalars[start...].firstIndex(where: { Kind($0) != .blank }) else {
      return scalars.endIndex
    }
    // The last of several blanks before a word is left to that word, or stands alone.
    let last = scalars.index(before: end)
    return last > start ? last : end
  }

  private enum Kind {
    case blank
    case letter
    case number
    case other

    init(_ scalar: Unicode.Scalar) {
      if scalar.properties.isWhitespace {
        self = .blank
        return
      }
      switch scalar.properties.generalCategory {
      case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
        self = .letter
      case .decimalNumber, .letterNumber, .otherNumber: self = .number
      default: self = .other
      }
    }
  }
}
