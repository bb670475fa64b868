// Noise and randomness of a scenario: defaults that stay out of the hash, and what is refused.

import Scenarios
import Testing

@Suite("Noise in a scenario")
struct NoiseTests {
  private func tiny(_ overrides: String...) throws -> Scenario {
    try Scenario(json: shippedData("tiny.json"), overrides: overrides)
  }

  @Test("fast and seeded unless said; the other modes draw from the system unless said")
  func defaults() throws {
    let plain = try tiny()
    #expect(plain.privacy.noise == .fast && plain.privacy.randomness == .seeded)
    #expect(plain.resolved["privacy"]?["noise"] == nil)
    #expect(try tiny("privacy.noise=fast", "privacy.randomness=null").hash == plain.hash)
    for mode in ["hardened", "exact"] {
      #expect(try tiny("privacy.noise=\(mode)").privacy.randomness == .system)
      let seeded = try tiny("privacy.noise=\(mode)", "privacy.randomness=seeded")
      #expect(seeded.privacy.randomness == .seeded)
      #expect(try Scenario(document: seeded.resolved) == seeded)
    }
  }

  @Test(
    "what cannot be is refused at its place",
    arguments: [
      (["privacy.randomness=system"], "privacy.randomness"),
      (["privacy.noise=exact", "privacy.accountant=pld"], "privacy.accountant"),
      (["privacy.noise=exact", "privacy.accountant=best"], "privacy.accountant"),
      (["privacy.noise=hardened", "method.variant=as-released"], "privacy.noise"),
      (
        [
          "privacy.noise=hardened", "privacy.unit=client", "cohort_size=3",
          #"method={"name": "global"}"#,
        ], "privacy.randomness"
      ),
      (["privacy.noise=slow"], "privacy.noise"),
    ])
  func refused(_ overrides: [String], _ place: String) throws {
    let text = String(decoding: try shippedData("tiny.json"), as: UTF8.self)
    #expect(problems(of: text, overrides: overrides).map(\.path) == [place])
  }
}
