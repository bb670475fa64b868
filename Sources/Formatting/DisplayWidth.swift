// How wide a text is on a terminal, and how a text from outside is made harmless for one.

extension String {
  /// Columns that the text takes on a terminal: two for East Asian wide characters and emoji, none for
  /// combining marks. (Unicode Standard Annex 11; what is ambiguous there counts as narrow.)
  public var displayWidth: Int { reduce(0) { $0 + $1.displayWidth } }

  /// The same text with control characters and changes of writing direction made visible, so that a
  /// name in a scenario can neither move the cursor nor colour the screen.
  public var printable: String {
    guard unicodeScalars.contains(where: \.isUnprintable) else { return self }
    var text = ""
    for scalar in unicodeScalars {
      if scalar.isUnprintable {
        text += "\\u{\(String(scalar.value, radix: 16))}"
      } else {
        text.unicodeScalars.append(scalar)
      }
    }
    return text
  }

  /// The text cut to a width, with an ellipsis in place of what is left out.
  package func shortened(to width: Int) -> String {
    guard displayWidth > width else { return self }
    var text = ""
    var used = 0
    for character in self {
      guard used + character.displayWidth <= width - 1 else { break }
      text.append(character)
      used += character.displayWidth
    }
    return width > 0 ? text + "…" : ""
  }
}

extension Character {
  fileprivate var displayWidth: Int {
    // What follows the first scalar combines with it; only a variation selector can widen it.
    guard let first = unicodeScalars.first else { return 0 }
    if unicodeScalars.contains("\u{FE0F}"), first.properties.isEmoji, !first.isASCII { return 2 }
    return first.displayWidth
  }
}

extension Unicode.Scalar {
  fileprivate var isUnprintable: Bool {
    switch properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator, .surrogate: true
    case .format:
      // Joiners belong to the spelling of some scripts and of emoji; marks of direction do not.
      self != "\u{200C}" && self != "\u{200D}"
    default: false
    }
  }

  fileprivate var displayWidth: Int {
    switch properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format, .control: return 0
    default: break
    }
    if properties.isEmojiPresentation { return 2 }
    return Self.wide.contains { $0.contains(value) } ? 2 : 1
  }

  /// East Asian wide and full-width characters.
  private static let wide: [ClosedRange<UInt32>] = [
    0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF,
    0xA000...0xA4CF, 0xA960...0xA97C, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F,
    0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x20000...0x3FFFD,
  ]
}
