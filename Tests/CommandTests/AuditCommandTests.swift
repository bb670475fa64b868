// `dpflsim audit`, end to end on the tiny scenario.

import Foundation
import Scenarios
import Testing

@Suite("dpflsim audit")
struct AuditCommandTests {
  @Test(
    "what the check finds critical ends an audit with 65 before anything is trained, unless it is allowed",
    arguments: [["--canaries", "80"], ["--runs", "8"]])
  func refused(_ size: [String]) async throws {
    try await Program.inFolder { program in
      let plan =
        [Program.shipped("tiny.json"), "--set", "privacy.target_delta=0.5", "--set", "rounds=2"]
        + size
      let refused = try program.call(["audit"] + plan + ["--format", "json"])
      #expect(refused.status == 65 && refused.output.isEmpty, "\(refused.errors)")
      #expect(refused.errors.contains("privacy.target_delta: 0.5 is above"))
      #expect(refused.errors.contains("--allow DP102"))
      #expect(!FileManager.default.fileExists(atPath: program.store.path))
      let published = try program.call(
        ["audit", Program.shipped("tiny.json"), "--set", "method.variant=as-released"] + size)
      #expect(published.status == 65 && published.errors.contains("DP101"))

      let allowed = try program.call(["audit"] + plan + ["--allow", "DP102"])
      #expect(allowed.status == 0, "\(allowed.errors)")
      #expect(allowed.errors.components(separatedBy: "allowed: DP102").count == 2)
      #expect(allowed.errors.components(separatedBy: "warning: DP103").count == 2)
      #expect(allowed.output.contains("Allowed, though ε says little then: DP102"))
      let quiet = try program.call(
        ["audit"] + plan
          + ["--set", #"privacy.allow=["DP102"]"#, "--quiet", "--format", "json"])
      #expect(quiet.status == 0 && quiet.errors.isEmpty, "\(quiet.errors)")
      let document = try JSONValue(parsing: Data(quiet.output.utf8))
      #expect(document["allowed"]?[0]?["rule"] == "DP102")
      let unknown = try program.call(["audit"] + plan + ["--allow", "DP103"])
      #expect(unknown.status == 64 && unknown.errors.contains("DP103"), "\(unknown.errors)")
    }
  }
}
