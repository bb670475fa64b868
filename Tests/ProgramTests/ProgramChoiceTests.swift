// Which program goes on: by what the processor has, what stands beside this one, and DPFLSIM_CPU.

import Kernels
import Testing
import dpflsim

@Suite("The choice of the program")
struct ProgramChoiceTests {
  private func level(
    compiled: ProcessorLevel = .v2, available: ProcessorLevel, wanted: String? = nil,
    there: [ProcessorLevel]
  ) throws -> ProcessorLevel? {
    try ProgramChoice(
      compiled: compiled, available: available, wanted: wanted, isThere: { there.contains($0) }
    ).level()
  }

  @Test("the best that the processor can run and that is there")
  func best() throws {
    #expect(try level(available: .v4, there: [.v3, .v4]) == .v4)
    #expect(try level(available: .v3, there: [.v3, .v4]) == .v3)
    #expect(try level(available: .v4, there: [.v3]) == .v3)
    #expect(try level(available: .v2, there: [.v3, .v4]) == nil)
    #expect(try level(available: .v4, there: []) == nil)
    #expect(try level(compiled: .v3, available: .v3, there: [.v3, .v4]) == nil)
  }

  @Test("a wish is met or refused")
  func wishes() throws {
    #expect(try level(available: .v4, wanted: "v3", there: [.v3, .v4]) == .v3)
    #expect(try level(available: .v4, wanted: "v2", there: [.v3, .v4]) == nil)
    for (available, wanted, there, status) in [
      (.v3, "v4", [.v3, .v4], .unavailable), (.v4, "v4", [.v3], .unavailable),
      (.v4, "base", [.base], .usage), (.v4, "avx2", [], .usage),
    ] as [(ProcessorLevel, String, [ProcessorLevel], dpflsim.ExitStatus)] {
      let failure = #expect(throws: Failure.self) {
        try level(available: available, wanted: wanted, there: there)
      }
      #expect(failure?.status == status && failure?.message.contains("DPFLSIM_CPU") == true)
    }
  }
}
