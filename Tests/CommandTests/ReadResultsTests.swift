// The script that reads the store without dpflsim says what `compare` says, and draws it.

import Analysis
import Clustering
import Formatting
import Foundation
import Presentation
import Scenarios
import Store
import Testing

@Suite("tools/read-results.py")
struct ReadResultsTests {
  @Test("means of the script are those of compare, and its figure has a point for each")
  func means() async throws {
    try await Program.inFolder { program in
      let sweep = try program.call(
        "sweep", Program.shipped("tiny.json"), "--epsilon", "2,none", "--method", "r-dpcfl,global",
        "--seeds", "0..1", "--quiet")
      #expect(sweep.status == 0, "\(sweep.errors)")
      let figure = program.folder.appendingPathComponent("figure.json")
      let script = Process()
      script.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
      script.arguments = [
        BrowserTests.home.appendingPathComponent("tools/read-results.py").path, program.store.path,
        "--figure", figure.path,
      ]
      let pipe = Pipe()
      script.standardOutput = pipe
      try script.run()
      let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      script.waitUntilExit()
      #expect(script.terminationStatus == 0)
      let rows = text.split(separator: "\n").dropFirst().map {
        $0.split(separator: ",").map(String.init)
      }
      let comparison = try RunStore.openExisting(program.store).comparison()
      #expect(rows.count == comparison.cells.count && rows.count == 4)
      #expect(text.split(separator: "\n").first?.hasSuffix(",allowed") == true)
      for cell in comparison.cells {
        let row = try #require(rows.first { $0[1] == cell.method && $0[2] == cell.epsilon.label })
        let worst = try #require(cell.estimate(.worstClusterAccuracy).mean)
        #expect(row[3] == "2" && row[4] == NumberText.decimal(worst, 6))
      }
      let drawn = try JSONValue(parsing: Data(contentsOf: figure))
      guard case .array(let values)? = drawn["data"]?["values"] else {
        Issue.record("a figure without data")
        return
      }
      #expect(values.count == 4)
    }
  }
}
