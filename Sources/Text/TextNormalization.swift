// What happens to a text before WordPiece splits it: cleaning, blanks around ideographs, accents, case.

import Foundation

/// The normalisation of BERT's tokenizer (Devlin et al., 2019; `BertNormalizer` of the reference).
///
/// 1. U+0000, U+FFFD and the categories Cc, Cf, Co vanish, but tab, line feed and return, which become
///    blanks like all of Zs, Zl, Zp.
/// 2. Blanks around ideographs, not around Hangul and kana.
/// 3. Canonical decomposition without nonspacing marks (Mn), if accents are stripped.
/// 4. Lower case, each scalar for itself.
///
/// The Unicode tables are Swift's. Marks and punctuation that are younger than the reference's tables are
/// letters there and what they are here.
struct TextNormalization: Sendable {
  let lowercases: Bool
  let stripsAccents: Bool

  /// The words of a text: what stands between blanks, and every punctuation mark by itself.
  func words(of text: Substring) -> [[UInt8]] {
    var words: [[UInt8]] = []
    var word: [UInt8] = []
    func endWord() {
      guard !word.isEmpty else { return }
      words.append(word)
      word.removeAll(keepingCapacity: true)
    }
    func append(_ scalar: Unicode.Scalar) {
      if scalar == " " {
        endWord()
      } else if Self.isPunctuation(scalar) {
        endWord()
        words.append(Array(UTF8.encode(scalar) ?? UTF8.CodeUnit.replacement))
      } else {
        word.append(contentsOf: UTF8.encode(scalar) ?? UTF8.CodeUnit.replacement)
      }
    }
    for scalar in normalized(text).unicodeScalars { append(scalar) }
    endWord()
    return words
  }

  private func normalized(_ text: Substring) -> String {
    var clean = String.UnicodeScalarView()
    var isASCII = true
    for scalar in text.unicodeScalars {
      isASCII = isASCII && scalar.isASCII
      switch Self.kind(of: scalar) {
      case .dropped: break
      case .blank: clean.append(" ")
      case .ideograph: clean.append(contentsOf: [" ", scalar, " "])
      case .other: clean.append(scalar)
      }
    }
    if isASCII { return lowercases ? String(clean).lowercased() : String(clean) }
    if stripsAccents {
      var plain = String.UnicodeScalarView()
      for scalar in String(clean).decomposedStringWithCanonicalMapping.unicodeScalars
      where scalar.properties.generalCategory != .nonspacingMark {
        plain.append(scalar)
      }
      clean = plain
    }
    guard lowercases else { return String(clean) }
    var lower = String.UnicodeScalarView()
    for scalar in clean {
      lower.append(contentsOf: scalar.properties.lowercaseMapping.unicodeScalars)
    }
    return String(lower)
  }

  // MARK: - Kinds of scalars

  private enum Kind {
    case dropped
    case blank
    case ideograph
    case other
  }

  private static func kind(of scalar: Unicode.Scalar) -> Kind {
    switch scalar.value {
    case 0x09, 0x0A, 0x0D, 0x20: return .blank
    case 0x21...0x7E: return .other
    case 0, 0xFFFD: return .dropped
    case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F,
      0x2B740...0x2B81F, 0x2B920...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F:
      return .ideograph
    default: break
    }
    switch scalar.properties.generalCategory {
    case .control, .format, .privateUse: return .dropped
    case .spaceSeparator, .lineSeparator, .paragraphSeparator: return .blank
    default: return .other
    }
  }

  private static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 33...47, 58...64, 91...96, 123...126: return true
    case 0..<0x80: return false
    default: break
    }
    switch scalar.properties.generalCategory {
    case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation,
      .initialPunctuation, .finalPunctuation, .otherPunctuation:
      return true
    default: return false
    }
  }
}

extension UTF8.CodeUnit {
  /// U+FFFD; never needed, since every scalar has an encoding.
  fileprivate static let replacement = Unicode.UTF8.encodedReplacementCharacter
}
