// Lines that fit: prose between words, tables in blocks, documents for papers.

import Analysis
import Formatting
import Presentation
import Store
import Testing

@Suite("Text that fits")
struct WrappingTests {
  @Test("prose is cut between words, indented, and says the same", arguments: [20, 33, 80])
  func prose(_ width: Int) {
    let text =
      "  a rather long sentence of words, all of which are short enough, ends \u{1B}[32mhere\u{1B}[0m."
    let lines = text.wrapped(to: width)
    let plain = lines.map { $0.replacing(/\u{1B}\[[0-9]+m/, with: "") }
    #expect(plain.allSatisfy { $0.displayWidth <= width })
    #expect(plain.dropFirst().allSatisfy { $0.hasPrefix("    ") })
    #expect(
      lines.map { $0.drop { $0 == " " } }.joined(separator: " ") == text.drop { $0 == " " })
    #expect((lines.count == 1) == (width == 80))
  }

  @Test("a word wider than a line stays whole, and so does JSON")
  func whole() {
    let path = String(repeating: "x", count: 30)
    #expect("see \(path) now".wrapped(to: 20) == ["see", "  \(path)", "  now"])
    let json = "  \"key\": \"" + String(repeating: "word ", count: 20) + "\""
    #expect(json.wrapped(to: 20) == [json])
  }

  private var table: TextTable {
    var table = TextTable([
      ("name", .left), ("first", .right), ("second", .right), ("third", .left),
    ])
    table.add(["a_b", "1", TextTable.Cell("22 %", .good), "x|y"])
    table.add(["c", "3", "4", "ε–δ"])
    return table
  }

  @Test("columns that do not fit follow below, each row under its name again")
  func blocks() {
    #expect(
      table.lines(colors: false, width: 24) == [
        "  name  first  second", "  a_b       1    22 %", "  c         3       4", "",
        "  name  third", "  a_b   x|y", "  c     ε–δ",
      ])
    #expect(table.lines(colors: false).count == 3)
    // Turned only where that fits and the table does not.
    #expect(table.turnedLines(colors: false, width: 24).first == "  name     a_b    c")
    #expect(table.turnedLines(colors: false) == table.lines(colors: false))
  }

  @Test("columns that tell rows apart only together stand in every block")
  func keys() {
    var table = TextTable(
      [("who", .left), ("seen", .left), ("first", .right), ("second", .right)], keys: 2)
    table.add(["all", "steps", "1", "2"])
    table.add(["all", "models", "3", "4"])
    #expect(
      table.lines(colors: false, width: 22) == [
        "  who  seen    first", "  all  steps       1", "  all  models      3", "",
        "  who  seen    second", "  all  steps        2", "  all  models       4",
      ])
  }

  @Test("nothing in a cell is a command of Markdown's or LaTeX's tables")
  func documents() {
    #expect(
      table.markdown == [
        "| name | first | second | third |", "| :--- | ---: | ---: | :--- |",
        "| a_b | 1 | **22 %** | x\\|y |", "| c | 3 | 4 | ε–δ |",
      ])
    #expect(
      table.latex == [
        "\\begin{tabular}{lrrl}", "  \\toprule", "  name & first & second & third \\\\",
        "  \\midrule", "  a\\_b & 1 & \\textbf{22 \\%} & x|y \\\\",
        "  c & 3 & 4 & $\\varepsilon$--$\\delta$ \\\\", "  \\bottomrule", "\\end{tabular}",
      ])
  }
}
