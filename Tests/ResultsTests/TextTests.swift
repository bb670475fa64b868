// Widths, cuts, numbers and tables as a terminal shows them.

import Analysis
import Federation
import Formatting
import Foundation
import Presentation
import Store
import Testing

@Suite("Text for a terminal")
struct TextTests {
  @Test(
    "the width of a text",
    arguments: [
      ("", 0), ("abc", 3), ("é", 1), ("e\u{301}", 1), ("名前", 4), ("ｆｕｌｌ", 8), ("한글", 4),
      ("🦄", 2), ("👩‍🔬", 2), ("🇩🇪", 2), ("☀\u{FE0F}", 2), ("☀", 1), ("ε ≤ 5", 5), ("a\u{200D}b", 2),
      ("█░", 2),
    ])
  func width(_ text: String, _ width: Int) {
    #expect(text.displayWidth == width)
  }

  @Test(
    "text from outside can do nothing to the terminal",
    arguments: [
      ("plain ü 名 👩‍🔬", "plain ü 名 👩‍🔬"), ("\u{1B}[2J", "\\u{1b}[2J"), ("a\r\nb", "a\\u{d}\\u{a}b"),
      ("\u{202E}abc", "\\u{202e}abc"), ("\u{9B}31m", "\\u{9b}31m"), ("\u{7F}", "\\u{7f}"),
      ("\u{2028}", "\\u{2028}"), ("\0", "\\u{0}"),
    ])
  func printable(_ text: String, _ expected: String) {
    #expect(text.printable == expected)
  }

  @Test("columns line up with wide and combining characters")
  func table() {
    var table = TextTable([("name", .left), ("value", .right)])
    table.add(["名前", "1"])
    table.add(["e\u{301}", "22"])
    table.add(["\u{1B}x", "3"])
    let lines = table.lines(colors: false)
    #expect(
      lines == [
        "  name     value", "  名前         1", "  e\u{301}           22", "  \\u{1b}x      3",
      ])
    #expect(lines.dropFirst().allSatisfy { $0.displayWidth == 16 })
    #expect(table.lines(colors: true)[1] == "  名前         1")
  }

  @Test(
    "an ε is only ever rounded up",
    arguments: [
      (4.9987, "4.999"), (4.99901, "5.000"), (5, "5.000"), (0.0001, "0.0001"), (1e-12, "1e-12"),
      (9.999_99e-10, "1e-09"), (1.2341e-5, "1.24e-05"), (0.000_999_9, "0.001"), (0.001, "0.001"),
      (0.001_001, "0.002"), (0, "0.000"), (.infinity, "∞"), (nil, "∞"), (12.3450000001, "12.346"),
    ] as [(Double?, String)])
  func epsilon(_ value: Double?, _ text: String) {
    #expect(NumberText.epsilon(value) == text)
  }

  @Test("digits of a small ε are never below it, and none passes the target that it keeps")
  func small() throws {
    for step in 0..<2000 {
      let value = pow(10, -3 - 0.005 * Double(step)) * 0.999
      let shown = try #require(Double(NumberText.epsilon(value)))
      #expect(shown >= value && shown <= value * 1.0101, "\(value)")
    }
    #expect(NumberText.epsilon(9.999_99e-10, within: 1e-9) == "1e-09")
    #expect(NumberText.epsilon(0.123_449, within: 0.12345) == "0.12345")
    #expect(NumberText.epsilon(2.999_99, within: 3) == "3.000")
    // What is above its target stays above.
    #expect(NumberText.epsilon(3.0001, within: 3) == "3.001")
  }

  @Test(
    "a lower bound of an ε is only ever rounded down",
    arguments: [
      (4.9987, "4.998"), (0.0009, "0.000"), (5, "5.000"), (0, "0.000"), (nil, "–"),
    ] as [(Double?, String)])
  func lowerBound(_ value: Double?, _ text: String) {
    #expect(NumberText.lowerBound(value) == text)
  }

  @Test("numbers for people")
  func numbers() {
    #expect(NumberText.percent(0.6543) == "65.4 %")
    #expect(NumberText.percent(nil) == "–")
    #expect(NumberText.percent(.nan) == "undefined")
    #expect(
      [0, 999, 1000, 1_234_567, -12_345].map(NumberText.grouped) == [
        "0", "999", "1,000", "1,234,567", "-12,345",
      ])
    #expect(
      [0, 999, 1500, 99_400, 310_000_000, 2_000_000_000].map(NumberText.bytes) == [
        "0 B", "999 B", "1.5 kB", "99.4 kB", "310 MB", "2.0 GB",
      ])
    #expect(
      [0.04, 59.9, 59.96, 245, 12_000].map(NumberText.duration) == [
        "0.0 s", "59.9 s", "1 min 00 s", "4 min 05 s", "3 h 20 min",
      ])
    #expect(NumberText.duration(.nan) == "?")
    #expect(NumberText.list(Array(0..<15), limit: 3) == "0, 1, 2 and 12 more")
    #expect([5, 0.5, 1e-4, 1e20].map { NumberText.exact($0) } == ["5", "0.5", "0.0001", "1e+20"])
  }
}

@Suite("Progress")
struct ProgressTextTests {
  @Test("a line a round")
  func lines() {
    var text = ProgressText(rounds: 4, clusterNames: ["few", "many"])
    text.receive(.preparing("loading synthetic"))
    #expect(text.line == "loading synthetic")
    text.receive(.finishedRound(Sample.round(1, seconds: 2)))
    var text2 = text
    #expect(text2.secondsLeft == 6)
    text2.receive(.finishedRound(Sample.round(2, seconds: 1)))
    #expect(
      text2.line
        == "round 2/4, selection, mean 68.0 %, worst cluster 50.0 % (few), 1.0 s, 3.0 s left")
  }

  @Test("where all clients are of one cluster, the worst client is said")
  func oneCluster() {
    var text = ProgressText(
      rounds: 4, clusterNames: ["all"], clientNames: ["A", "B", "C", "D", "E"])
    var report = Sample.round(2, seconds: 1)
    report.clusters = [ClusterRound(cluster: 0, testAccuracy: 0.68, testLoss: 1)]
    text.receive(.finishedRound(report))
    #expect(text.line.contains("mean 68.0 %, worst client 40.0 % (A)"))
  }

  @Test("figures of an earlier round are said with their round")
  func oldFigures() {
    var text = ProgressText(rounds: 4, clusterNames: ["few", "many"])
    for round in 1...3 { text.receive(.finishedRound(Sample.round(round, seconds: 1))) }
    #expect(
      text.line
        == "round 3/4, selection, mean 68.0 % (round 2), worst cluster 50.0 % (few, round 2), 1.0 s, 1.0 s left"
    )
    #expect(
      text.bar(width: 120, colors: false)
        .hasSuffix("░, mean 68.0 %, worst cluster 50.0 % (few, round 2), 1.0 s left"))
    #expect(
      text.bar(width: 79, colors: false)
        .hasSuffix("░, mean 68.0 %, worst cluster 50.0 % (few, round 2), 1.0 s left"))
  }

  @Test("a bar fits its terminal", arguments: [10, 20, 40, 65, 79, 120])
  func bar(_ width: Int) {
    var text = ProgressText(rounds: 4, clusterNames: ["few", "many"])
    text.receive(.preparing("pretraining the base model: epoch 2 of 3"))
    #expect(text.bar(width: width, colors: false).displayWidth <= width)
    for round in 1...2 { text.receive(.finishedRound(Sample.round(round, seconds: 1))) }
    let bar = text.bar(width: width, colors: false)
    #expect(bar.displayWidth <= width)
    #expect(bar.hasPrefix("round 2/4".prefix(width - 1)))
    // Names and times are cut before the line is.
    #expect(bar.contains("left") == (width >= 65))
    #expect(bar.contains("(few)") == (width >= 79))
    if width == 120 {
      #expect(
        bar
          == "round 2/4 ████████████░░░░░░░░░░░░, mean 68.0 %, worst cluster 50.0 % (few), 2.0 s left"
      )
      #expect(text.bar(width: width, colors: true).replacing(/\u{1B}\[[0-9]+m/, with: "") == bar)
    }
  }
}
