// The report of a real sweep in a real browser: every chart draws its marks, the console stays empty, and
// a picture of the page is kept.

import Analysis
import Formatting
import Foundation
import Presentation
import Scenarios
import Store
import Testing

@Suite("Report in a browser")
struct BrowserTests {
  /// The package, where the Vega runtime and the pictures lie.
  static let home = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  static let runtime = home.appendingPathComponent(".dpflsim-tools/vega.js")

  /// Chromium by any of its names, or the one named by `DPFLSIM_BROWSER`.
  static let browser: String? = {
    let own = ProcessInfo.processInfo.environment["DPFLSIM_BROWSER"]
    return
      ([own].compactMap { $0 } + [
        "/usr/bin/chromium-headless-shell", "/usr/bin/chromium", "/usr/bin/google-chrome",
      ]).first { FileManager.default.isExecutableFile(atPath: $0) }
  }()

  private static func find() throws -> String {
    try #require(
      FileManager.default.fileExists(atPath: runtime.path),
      "\(runtime.path) is missing, so reports have no charts; tools/setup makes it")
    return try #require(browser, "there is no Chromium; tools/setup --tests installs it")
  }

  /// Opens a page, lets its scripts come to an end, and gives back what an option makes of it.
  static func open(
    _ page: URL, _ program: Program, _ options: [String]
  ) throws -> (output: String, console: [String]) {
    let process = Process()
    // A browser that hangs must not hang the tests.
    process.executableURL = URL(fileURLWithPath: "/usr/bin/timeout")
    process.arguments =
      ["400", try find(), "--headless", "--disable-gpu", "--no-first-run", "--hide-scrollbars"]
      // Its sandbox cannot be had as root and in most containers; the page is our own.
      + ["--no-sandbox", "--disable-dev-shm-usage", "--enable-logging=stderr"]
      + ["--user-data-dir=\(program.folder.appendingPathComponent("profile").path)"]
      + ["--virtual-time-budget=30000"] + options + [page.absoluteString]
    process.environment = ["PATH": "/usr/bin:/bin", "HOME": program.folder.path]
    process.standardInput = FileHandle.nullDevice
    let files = ["dom", "log"].map { program.folder.appendingPathComponent($0) }
    for file in files { try Data().write(to: file) }
    process.standardOutput = try FileHandle(forWritingTo: files[0])
    process.standardError = try FileHandle(forWritingTo: files[1])
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    let log = String(decoding: try Data(contentsOf: files[1]), as: UTF8.self)
    return (
      String(decoding: try Data(contentsOf: files[0]), as: UTF8.self),
      log.split(separator: "\n").map(String.init).filter { $0.contains(":CONSOLE") }
    )
  }

  /// Marks of a kind in the figure with that name, as the drawn page names them for screen readers.
  static func marks(_ kind: String, in id: String, of page: String) throws -> Int {
    let figure = try #require(
      page.components(separatedBy: "id=\"\(id)\">").dropFirst().first?
        .components(separatedBy: "</figure>").first, "\(id)")
    return figure.components(separatedBy: "aria-roledescription=\"\(kind)\"").count - 1
  }

  /// A copy of a page that writes down, when it is drawn, how wide things are.
  private static func measured(_ page: URL) throws -> URL {
    let copy = page.deletingLastPathComponent().appendingPathComponent("measured.html")
    let script = """
      <script>setTimeout(() => {
        const svgs = [...document.querySelectorAll(".picture .chart-wrapper svg")];
        const sizes = svgs.flatMap((svg) => [...svg.querySelectorAll("text")]
          .filter((text) => text.textContent && text.checkVisibility())
          .map((text) => parseFloat(getComputedStyle(text).fontSize)
            * Math.hypot(text.getScreenCTM().a, text.getScreenCTM().b)));
        const heads = [...document.querySelectorAll(".scroll th:first-child")];
        document.body.dataset.measures = JSON.stringify({
          page: document.documentElement.scrollWidth, charts: svgs.length,
          widest: Math.max(...svgs.map((svg) => svg.getBoundingClientRect().width
            - svg.closest("figure").getBoundingClientRect().width)),
          smallest: Math.min(...sizes),
          kept: heads.every((head) => getComputedStyle(head).position === "sticky"),
        });
      }, 20000)</script></body>
      """
    let text = try String(contentsOf: page, encoding: .utf8)
    // The runtime holds the same words; the page's own are the last.
    let end = try #require(text.range(of: "</body>", options: .backwards))
    try Data(text.replacingCharacters(in: end, with: script).utf8).write(to: copy)
    return copy
  }

  /// At 390 pixels nothing runs out of the page, no chart is wider than its figure, and all text can be read.
  private static func expectFit(_ dom: String) throws {
    let text = try #require(
      dom.components(separatedBy: "data-measures=\"").dropFirst().first?
        .components(separatedBy: "\"").first?.replacingOccurrences(of: "&quot;", with: "\""))
    let measures = try JSONValue(parsing: Data(text.utf8))
    func number(_ key: String) -> Double? { measures[key]?.double }
    #expect(number("page") == 390 && number("charts") == 8, "\(text)")
    #expect(try #require(number("widest")) <= 0.5 && #require(number("smallest")) >= 10, "\(text)")
    #expect(measures["kept"] == .bool(true))
  }

  /// Every table of the page is on paper: each heading, and the last value of each column.
  private static func expectPrinted(_ page: URL, _ paper: URL) throws {
    let reader = Process()
    reader.executableURL = URL(fileURLWithPath: "/usr/bin/pdftotext")
    reader.arguments = [paper.path, "-"]
    let pipe = Pipe()
    reader.standardOutput = pipe
    try reader.run()
    let printed = plain(
      String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self))
    reader.waitUntilExit()
    let tables = try String(contentsOf: page, encoding: .utf8).components(separatedBy: "<table>")
      .dropFirst()
    #expect(tables.count > 10)
    for table in tables {
      let rows = table.components(separatedBy: "</table>")[0].components(separatedBy: "<tr>")
        .dropFirst()
      for row in [rows.first, rows.last].compactMap({ $0 }) {
        let cells = row.components(separatedBy: "</t").compactMap { part in
          ["<th>", "<th ", "<td"].lazy.compactMap { part.range(of: $0) }.first.map {
            String(part[$0.lowerBound...])
          }
        }
        #expect(!cells.isEmpty)
        // Word by word: headings of several lines stand beside one another on paper.
        let words = cells.joined(separator: " ").replacing("<", with: " <").replacing(
          ">", with: "> ")
        for word in Self.words(words) { #expect(printed.contains(word), "\(word)") }
      }
    }
  }

  /// The words of a piece of the page, each as `plain` has it.
  private static func words(_ markup: String) -> [String] {
    let pieces = markup.split(separator: "<").map { piece in
      piece.contains(">") ? String(piece.drop { $0 != ">" }.dropFirst()) : String(piece)
    }
    return pieces.flatMap { $0.split(separator: " ") }.map { plain(String($0)) }
      .filter { !$0.isEmpty }
  }

  /// Letters and digits alone: neither markup nor line breaks, nor ligatures of a font.
  private static func plain(_ text: String) -> String {
    var isMarkup = false
    var result = ""
    for character in text.precomposedStringWithCompatibilityMapping.replacingOccurrences(
      of: "&#39;", with: "")
    {
      if character == "<" { isMarkup = true }
      if !isMarkup, character.isLetter || character.isNumber { result.append(character) }
      if character == ">" { isMarkup = false }
    }
    return result
  }

  @Test("every chart draws all its marks with a clean console; the page is kept as a picture")
  func charts() async throws {
    try await Program.inFolder { program in
      let hostile = #"description="</script><img src=x onerror=console.error(1)>""#
      let sweep = try program.call(
        "sweep", Program.shipped("tiny.json"), "--set", hostile, "--epsilon", "1,4,none",
        "--method", "r-dpcfl,ifca,global", "--seeds", "0..2", "--quiet")
      #expect(sweep.status == 0, "\(sweep.errors)")
      let page = program.folder.appendingPathComponent("report.html")
      let report = try program.call(
        ["report", "-o", page.path], environment: ["DPFLSIM_VEGA": Self.runtime.path])
      #expect(report.status == 0 && report.errors.isEmpty, "\(report.errors)")

      // One browser lays the page out for a telephone, measures it, and prints it.
      let paper = program.folder.appendingPathComponent("report.pdf")
      let (dom, console) = try Self.open(
        try Self.measured(page), program,
        [
          "--dump-dom", "--window-size=390,2400", "--no-pdf-header-footer",
          "--print-to-pdf=\(paper.path)",
        ])
      #expect(console.isEmpty, "\(console)")
      try Self.expectFit(dom)
      try Self.expectPrinted(page, paper)
      let comparison = try RunStore.openExisting(program.store).comparison()
      let ringed = comparison.frontier(settings: "").count
      // Three methods, three budgets, three clusters; without privacy there is no price.
      #expect(try Self.marks("point", in: "frontier", of: dom) == 9 + ringed)
      #expect(try Self.marks("area mark", in: "frontier", of: dom) == 3)
      #expect(try Self.marks("point", in: "clusters", of: dom) == 27)
      // What lies outside of the scale is written at its edge.
      let drawn = try Self.marks("point", in: "prices", of: dom)
      let written = try Self.marks("text mark", in: "prices", of: dom)
      #expect(drawn + written == 18, "\(drawn) \(written)")
      #expect(try Self.marks("line mark", in: "prices", of: dom) == 9)
      // Eight rounds at most, each with the ε up to there.
      #expect(try Self.marks("point", in: "spending", of: dom) == 8)
      // Eight clients in three panels, eight rounds of three clusters, candidates 2 to 6.
      #expect(try Self.marks("point", in: "clustering", of: dom) == 24)
      #expect(try Self.marks("line mark", in: "rounds", of: dom) == 3)
      #expect(try Self.marks("point", in: "rounds", of: dom) == 24)
      #expect(try Self.marks("text mark", in: "rounds", of: dom) == 1)
      #expect(try Self.marks("point", in: "clients", of: dom) == 8)
      #expect(try Self.marks("tick", in: "clients", of: dom) == 8)
      #expect(try Self.marks("point", in: "candidates", of: dom) == 5)
      // Two or more series are told apart by a legend.
      for id in ["frontier", "clusters", "prices", "clustering", "rounds", "clients"] {
        #expect(try Self.marks("legend", in: id, of: dom) >= 1, "\(id)")
      }

      let pictures = Self.home.appendingPathComponent(".build/pictures")
      try FileManager.default.createDirectory(at: pictures, withIntermediateDirectories: true)
      let picture = pictures.appendingPathComponent("report.png")
      try? FileManager.default.removeItem(at: picture)
      _ = try Self.open(
        page, program, ["--window-size=1080,2400", "--screenshot=\(picture.path)"])
      let bytes = try [UInt8](Data(contentsOf: picture))
      #expect(bytes.prefix(4) == [0x89, 0x50, 0x4E, 0x47] && bytes.count > 50_000)
      // Width and height, big-endian, in the head of a PNG.
      #expect(bytes[16..<24].elementsEqual([0, 0, 4, 56, 0, 0, 9, 96]))
    }
  }

  @Test("the eye of this test sees a message on the console, and a chart that cannot be drawn")
  func eye() async throws {
    try await Program.inFolder { program in
      let page = program.folder.appendingPathComponent("page.html")
      try Data("<script>console.warn('seen'); nowhere.at.all</script>".utf8).write(to: page)
      let (_, console) = try Self.open(page, program, ["--dump-dom"])
      #expect(console.contains { $0.contains("seen") })
      #expect(console.contains { $0.contains("ReferenceError") })
    }
  }

  @Test("without the runtime the report says so on standard error and in the page")
  func withoutRuntime() async throws {
    try await Program.inFolder { program in
      #expect(try program.call("run", Program.shipped("tiny.json"), "--quiet").status == 0)
      let page = program.folder.appendingPathComponent("report.html")
      let report = try program.call("report", "-o", page.path)
      #expect(report.status == 0)
      #expect(
        report.errors.contains("there is no Vega runtime") && report.errors.contains("tools/setup"))
      let text = try String(contentsOf: page, encoding: .utf8)
      #expect(text.contains("made without the Vega runtime") && !text.contains("<script"))
    }
  }
}
