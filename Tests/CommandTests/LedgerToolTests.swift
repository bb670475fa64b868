// tools/ledger-epsilon on the store of a run: dp-accounting comes to what the run states.

import Foundation
import Testing

@Suite(
  "tools/ledger-epsilon",
  .enabled(
    if: FileManager.default.fileExists(
      atPath: BrowserTests.home.appendingPathComponent(".venv-ledger/.ready").path),
    "dp-accounting is not installed: tools/ledger-epsilon --setup"))
struct LedgerToolTests {
  @Test(
    "what a stored run states is recomputed, client by client",
    arguments: [
      [], ["--set", "privacy.accountant=pld"],
      [
        "--set", #"adapter={"type": "random-projection", "r": 2, "modules_to_save": ["fc"]}"#,
      ],
    ])
  func store(_ changes: [String]) async throws {
    try await Program.inFolder { program in
      let run = try program.call(["run", Program.shipped("tiny.json"), "--quiet"] + changes)
      #expect(run.status == 0, "\(run.errors)")
      let script = Process()
      script.executableURL = BrowserTests.home.appendingPathComponent("tools/ledger-epsilon")
      script.arguments = [program.store.path]
      let pipe = Pipe()
      script.standardOutput = pipe
      try script.run()
      let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      #expect(Program.status(of: script) == 0, "\(text)")
      let lines = text.split(separator: "\n")
      #expect(lines.count == 8 && lines.allSatisfy { $0.contains("  stated ") }, "\(text)")
    }
  }
}
