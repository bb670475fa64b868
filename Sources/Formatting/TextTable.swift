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
  private let keys: Int
  private var rows: [[Cell]] = []

  /// - Parameter keys: the first columns, which together tell rows apart.
  public init(_ columns: [(title: String, alignment: Alignment)], keys: Int = 1) {
    self.columns = columns
    self.keys = keys
  }

  /// - Precondition: one cell a column.
  public mutating func add(_ row: [Cell]) {
    precondition(row.count == columns.count, "a row has one cell a column")
    rows.append(row)
  }

  /// One line a row, each indented by two blanks, without blanks at its end. Columns that do not fit the width follow
  /// in a second table below, each row again under the cells that tell it from the others.
  public func lines(colors: Bool, width: Int = String.terminalWidth) -> [String] {
    let all = [columns.map { Cell($0.title, .faint) }] + rows
    let widths = columns.indices.map { column in
      all.map { $0[column].text.displayWidth }.max() ?? 0
    }
    return blocks(widths, width: width).enumerated().flatMap { place, block in
      (place == 0 ? [] : [""]) + all.map { line($0, block, widths, colors: colors) }
    }
  }

  /// The table with its columns as rows where there are so few rows that this fits and the table as it is does not.
  public func turnedLines(colors: Bool, width: Int = String.terminalWidth) -> [String] {
    var turned = TextTable(
      [(columns.first?.title ?? "", .left)] + rows.map { ($0.first?.text ?? "", .right) })
    for column in columns.indices.dropFirst() {
      turned.add([Cell(columns[column].title)] + rows.map { $0[column] })
    }
    let own = lines(colors: false, width: .max)
    let other = turned.lines(colors: false, width: .max)
    let isBetter =
      own.contains { $0.displayWidth > width } && other.allSatisfy { $0.displayWidth <= width }
    return isBetter
      ? turned.lines(colors: colors, width: width) : lines(colors: colors, width: width)
  }

  /// Which columns stand beside each other: the keys in every block.
  private func blocks(_ widths: [Int], width: Int) -> [[Int]] {
    let repeated = Array(widths.indices.prefix(keys))
    guard !repeated.isEmpty else { return [] }
    var blocks = [repeated]
    // Two blanks before each cell.
    let start = repeated.reduce(0) { $0 + 2 + widths[$1] }
    var used = start
    for column in widths.indices.dropFirst(keys) {
      let more = widths[column] == 0 ? 0 : 2 + widths[column]
      if used + more > width, (blocks.last?.count ?? 0) > repeated.count {
        blocks.append(repeated)
        used = start
      }
      blocks[blocks.count - 1].append(column)
      used += more
    }
    return blocks
  }

  private func line(_ row: [Cell], _ block: [Int], _ widths: [Int], colors: Bool) -> String {
    var line = " "
    for column in block {
      let cell = row[column]
      // Colour the text and not the blanks, so that lines end where their text ends.
      let styled = cell.style.applied(to: cell.text, colors: colors)
      let space = String(repeating: " ", count: widths[column] - cell.text.displayWidth)
      line += " " + (columns[column].alignment == .right ? space + styled : styled + space)
      if column != block.last { line += " " }
    }
    while line.hasSuffix(" ") { line.removeLast() }
    return line
  }

  // MARK: - For documents

  /// The table for a Markdown page.
  public var markdown: [String] {
    func row(_ cells: [String]) -> String {
      "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |"
    }
    return [
      row(columns.map(\.title)),
      row(columns.map { $0.alignment == .right ? "---:" : ":---" }),
    ] + rows.map { row($0.map { $0.style == .good ? "**\($0.text)**" : $0.text }) }
  }

  /// The table for LaTeX, with the rules of the package booktabs.
  public var latex: [String] {
    func row(_ cells: [String]) -> String { "  " + cells.joined(separator: " & ") + " \\\\" }
    let alignment = columns.map { $0.alignment == .right ? "r" : "l" }.joined()
    return ["\\begin{tabular}{\(alignment)}", "  \\toprule"]
      + [row(columns.map { $0.title.latex }), "  \\midrule"]
      + rows.map {
        row($0.map { $0.style == .good ? "\\textbf{\($0.text.latex)}" : $0.text.latex })
      } + ["  \\bottomrule", "\\end{tabular}"]
  }
}

extension String {
  /// Text for LaTeX in which nothing is a command.
  package var latex: String {
    reduce(into: "") { text, character in
      switch character {
      case "\\": text += "\\textbackslash{}"
      case "&", "%", "$", "#", "_", "{", "}": text += "\\\(character)"
      case "~": text += "\\textasciitilde{}"
      case "^": text += "\\textasciicircum{}"
      case "ε": text += "$\\varepsilon$"
      case "δ": text += "$\\delta$"
      case "–": text += "--"
      case "∞": text += "$\\infty$"
      case "±": text += "$\\pm$"
      case "−": text += "$-$"
      default: text.append(character)
      }
    }
  }
}
