// Tokens with names of their own, such as [SEP], where they stand in a text.

/// Finds the names of special tokens in texts.
struct SpecialTokens: Sendable {
  enum Part {
    case special(Int32)
    case text(Substring)
  }

  private let names: [(name: [UInt8], id: Int32)]

  /// - Parameter names: in the order in which they are tried.
  init(_ names: [(String, Int32)]) {
    self.names = names.map { (Array($0.0.utf8), $0.1) }
  }

  /// The text from its beginning to its end, cut before and after each name.
  func parts(of text: String) -> [Part] {
    let initials = Set(names.compactMap(\.name.first))
    var parts: [Part] = []
    let bytes = text.utf8
    var start = bytes.startIndex
    var position = start
    while position < bytes.endIndex {
      guard initials.contains(bytes[position]),
        let found = names.first(where: { bytes[position...].starts(with: $0.name) })
      else {
        position = bytes.index(after: position)
        continue
      }
      if start < position { parts.append(.text(text[start..<position])) }
      parts.append(.special(found.id))
      position = bytes.index(position, offsetBy: found.name.count)
      start = position
    }
    if start < bytes.endIndex { parts.append(.text(text[start...])) }
    return parts
  }
}
