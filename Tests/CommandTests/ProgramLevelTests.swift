// Which program goes on, seen from outside; ProgramChoiceTests has the rule.

import Kernels
import Testing

@Suite("The level of the program")
struct ProgramLevelTests {
  @Test("this program was compiled for no more than this processor has")
  func here() async throws {
    #expect(ProcessorLevel.compiled <= .available)
    try await Program.inFolder { program in
      let call = try program.call("--version", environment: ["DPFLSIM_CPU": "v1"])
      #expect(call.status == 64 && call.errors.contains("must be v2, v3 or v4"))
    }
  }
}
