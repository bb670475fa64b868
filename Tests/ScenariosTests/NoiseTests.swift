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

@Suite("Noise bands")
struct NoiseBandTests {
  @Test(
    "what correlated noise cannot be combined with is refused with the key that fixes it",
    arguments: [
      (["privacy.unit=\"example\""], "set unit to"),
      (["cohort_size=3"], "leave out cohort_size"),
      (["privacy.noise_bands=500"], "at most the number of clients"),
      (["privacy.noise=\"exact\"", "privacy.randomness=\"seeded\""], "made from the seed"),
    ])
  func refused(_ changes: [String], _ fix: String) throws {
    let usual = [
      "privacy.unit=\"client\"", "privacy.noise_bands=2", "method={\"name\": \"global\"}",
      "privacy.target_delta=0.01",
    ]
    #expect(try Scenario(json: shippedData("tiny.json"), overrides: usual).privacy.noiseBands == 2)
    let error = #expect(throws: ScenarioError.self) {
      try Scenario(json: shippedData("tiny.json"), overrides: usual + changes)
    }
    #expect("\(error as Any)".contains(fix))
  }
}
