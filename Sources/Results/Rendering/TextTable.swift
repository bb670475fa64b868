// Tables for a terminal: columns as wide as they must be, colours only where they are wanted.

/// How a piece of text looks on a terminal with colours.
public enum TextStyle: Sendable, Hashable {
  case plain
  case bold
  case faint
  /// Minority clusters.
  case marked
  case good
  case bad

  private var code: String? {
    switch self {
    case .plain: nil
    case .bold: "1"
    case .faint: "2"
    case .marked: "33"
    case .good: "32"
    case .bad: "31"
    }
  }

  /// The text in this style, or as it is without colours.
  public func applied(to text: String, colors: Bool) -> String {
    guard colors, let code, !text.isEmpty else { return text }
    return "\u{1B}[\(code)m\(text)\u{1B}[0m"
  }
}

/// A table of text with a head line.
public struct TextTable: Sendable {
  public enum Alignment: Sendable {
    case left
    case right
  }

  public struct Cell: Sendable, ExpressibleByStringInterpolation {
    let text: String
    let style: TextStyle

    public init(_ text: String, _ style: TextStyle = .plain) {
      self.text = text.printable
      self.style = style
    }

    public init(stringLiteral value: String) { self.init(value) }
  }

  private let columns: [(title: String, alignment: Alignment)]
  private var rows: [[Cell]] = []

  public init(_ columns: [(title: String, alignment: Alignment)]) {
    self.columns = columns
  }

  /// - Precondition: one cell a column.
  public mutating func add(_ row: [Cell]) {
    precondition(row.count == columns.count, "a row has one cell a column")
    rows.append(row)
  }

  /// One line a row, each indented by two blanks, without blanks at its end.
  public func lines(colors: Bool) -> [String] {
    let head = columns.map { Cell($0.title, .faint) }
    let all = [head] + rows
    let widths = columns.indices.map { column in
      all.map { $0[column].text.displayWidth }.max() ?? 0
    }
    return all.map { row in
      var line = " "
      for (column, cell) in row.enumerated() {
        // Colour the text and not the blanks, so that lines end where their text ends.
        let styled = cell.style.applied(to: cell.text, colors: colors)
        let space = String(repeating: " ", count: widths[column] - cell.text.displayWidth)
        line += " " + (columns[column].alignment == .right ? space + styled : styled + space)
        if column < row.count - 1 { line += " " }
      }
      while line.hasSuffix(" ") { line.removeLast() }
      return line
    }
  }
}
