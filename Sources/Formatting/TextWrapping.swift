// Lines that fit a terminal: prose is cut between words, colours do not count.

extension String {
  /// The width of every text for people.
  public static let terminalWidth = 80

  /// Lines of at most `width` columns. What follows the first is indented two columns deeper than it. A word that is
  /// wider than a line, such as a path, stays whole, and so does a line of JSON.
  public func wrapped(to width: Int = terminalWidth) -> [String] {
    guard shownWidth > width else { return [self] }
    let indent = String(prefix { $0 == " " })
    if let first = first(where: { $0 != " " }), "\"{}[]".contains(first) { return [self] }
    let deeper = indent + "  "
    var lines = [indent]
    var isEmpty = true
    for word in dropFirst(indent.count).split(separator: " ") {
      let last = lines[lines.count - 1]
      if !isEmpty, last.shownWidth + 1 + String(word).shownWidth > width {
        lines.append(deeper + word)
      } else {
        lines[lines.count - 1] += (isEmpty ? "" : " ") + word
      }
      isEmpty = false
    }
    return lines
  }

  /// Columns that the text takes with its colours left out.
  package var shownWidth: Int {
    guard contains("\u{1B}") else { return displayWidth }
    var text = ""
    var isCode = false
    for character in self {
      if character == "\u{1B}" { isCode = true }
      if !isCode { text.append(character) }
      if isCode, character == "m" { isCode = false }
    }
    return text.displayWidth
  }
}
