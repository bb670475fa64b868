// `dpflsim privacy epsilon` and `calibrate` agree with each other and with closed forms.

import Foundation
import Scenarios
import Testing

@Suite("dpflsim privacy")
struct PrivacyCommandTests {
  @Test("calibrated noise costs no more than the target, and little less")
  func inverse() async throws {
    try await Program.inFolder { program in
      let plan = [
        "--sample-rate", "0.05", "--steps", "400", "--delta", "1e-5", "--selections", "2",
        "--selection-epsilon", "0.1", "--format", "json",
      ]
      let noise = try JSONValue(
        parsing: Data(
          program.call(["privacy", "calibrate", "--target-epsilon", "3"] + plan).output.utf8))
      let multiplier = try #require(noise["noise_multiplier"]?.double)
      let answer = try program.call(
        ["privacy", "epsilon", "--noise-multiplier", "\(multiplier)"] + plan)
      #expect(answer.status == 0, "\(answer.errors)")
      let epsilon = try #require(
        JSONValue(parsing: Data(answer.output.utf8))["epsilon"]?.double)
      #expect(epsilon <= 3 && epsilon > 2.999)
    }
  }

  /// δ(ε) = Φ(μ/2 - ε/μ) - e^ε Φ(-μ/2 - ε/μ) with μ = 1/σ (Balle and Wang, 2018, Theorem 8).
  @Test("one full-batch release has the exact ε of the Gaussian mechanism")
  func closedForm() async throws {
    try await Program.inFolder { program in
      let answer = try program.call(
        "privacy", "epsilon", "--noise-multiplier", "2", "--sample-rate", "1", "--steps", "1",
        "--delta", "1e-5", "--accountant", "gdp", "--format", "json")
      let epsilon = try #require(JSONValue(parsing: Data(answer.output.utf8))["epsilon"]?.double)
      func phi(_ x: Double) -> Double { erfc(-x / 2.0.squareRoot()) / 2 }
      let delta = phi(0.25 - epsilon * 2) - exp(epsilon) * phi(-0.25 - epsilon * 2)
      #expect(abs(delta - 1e-5) < 1e-9)
    }
  }

  @Test("full-batch steps need no sampling rate, and forgotten numbers are asked for")
  func fullBatch() async throws {
    try await Program.inFolder { program in
      func epsilon(_ releases: [String]) throws -> JSONValue? {
        let plan = ["--noise-multiplier", "2", "--delta", "1e-5", "--format", "json"]
        let answer = try program.call(["privacy", "epsilon"] + plan + releases)
        #expect(answer.status == 0, "\(answer.errors)")
        return try JSONValue(parsing: Data(answer.output.utf8))["epsilon"]
      }
      let alone = try epsilon(["--full-batch-steps", "1"])
      #expect(try alone == epsilon(["--sample-rate", "1", "--steps", "1"]))
      #expect(try alone == epsilon(["--steps", "0", "--full-batch-steps", "1"]))
      for wrong in [
        ["--steps", "1"], ["--sample-rate", "0.1"], [],
        ["--sample-rate", "0.1", "--full-batch-steps", "1"],
      ] {
        let answer = try program.call(
          ["privacy", "epsilon", "--noise-multiplier", "2", "--delta", "1e-5"] + wrong)
        #expect(answer.status == 64 && answer.errors.contains("--steps"), "\(answer)")
      }
    }
  }

  @Test("a small target is not passed by rounding")
  func smallTarget() async throws {
    try await Program.inFolder { program in
      let answer = try program.call(
        "privacy", "calibrate", "--target-epsilon", "1e-4", "--full-batch-steps", "1", "--delta",
        "1e-6", "--accountant", "gdp")
      #expect(answer.status == 0, "\(answer.errors)")
      let row = try #require(
        answer.output.split(separator: "\n").first { $0.contains("1e-06") })
      let numbers = row.split(separator: " ").compactMap { Double($0) }
      #expect(numbers.contains { $0 > 9e-5 && $0 <= 1e-4 }, "\(row)")
    }
  }

  @Test("comparing lists every accountant that can answer")
  func comparison() async throws {
    try await Program.inFolder { program in
      let arguments = [
        "privacy", "epsilon", "--noise-multiplier", "1.1", "--sample-rate", "1", "--steps", "10",
        "--delta", "1e-5", "--compare", "--format", "json",
      ]
      let answer = try JSONValue(parsing: Data(program.call(arguments).output.utf8))
      guard case .array(let bounds)? = answer["bounds"] else {
        Issue.record("no bounds: \(answer.text)")
        return
      }
      // The answer first, which is exact here, so the others are not below it.
      #expect(bounds.map { $0["accountant"] } == ["gdp", "rdp", "pld"])
      let values = bounds.compactMap { $0["epsilon"]?.double }
      #expect(values.count == 3 && values[1] >= values[0] && values[2] >= values[0] - 1e-6)
      #expect(answer["unit"] == "example" && answer["relation"] == "add-or-remove-one")
    }
  }
}
