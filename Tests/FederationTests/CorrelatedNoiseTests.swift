// Noise that is correlated over rounds: the draws behind it, its price in the ledger, and whole runs.

import Datasets
import Federation
import Foundation
import Kernels
import Privacy
import Scenarios
import Testing

@Suite("Correlated noise")
struct CorrelatedNoiseTests {
  private func changes(_ bands: Int, _ more: String...) -> [String] {
    [
      "privacy.unit=\"client\"", "privacy.noise_bands=\(bands)", "privacy.target_epsilon=20",
      "privacy.target_delta=0.01", "method={\"name\": \"global\"}", "rounds=7",
    ] + more
  }

  private func tiny(_ changes: [String]) throws -> Scenario {
    try Scenario(
      json: Data(contentsOf: packageFolder.appendingPathComponent("scenarios/tiny.json")),
      overrides: changes)
  }

  @Test("the server's ledger has one Gaussian release for each turn of the first clients")
  func price() async throws {
    let scenario = try tiny(changes(3))
    let recorder = Recorder()
    let outcome = try await run(scenario, observer: recorder)
    let entries = await recorder.ledger
    #expect(entries.map(\.round) == [1, 4, 7])
    #expect(Set(entries.map(\.sampleRate)) == [1])
    let multiplier = try #require(entries[0].noiseMultiplier)
    // Three Gaussian releases are one with a deviation smaller by √3.
    let delta = 0.01
    let composed = try AccountantKind.gdp.accountant.epsilon(
      of: .gaussian(noiseMultiplier: multiplier / 3.0.squareRoot()), delta: delta)
    #expect(abs(composed - 20) < 0.01)
    let printed = try #require(outcome.result.clients[0].epsilon)
    #expect(printed <= 20 && printed > 19.9)
    #expect(outcome.result.sampling == "cyclic")
  }

  @Test("C times the noise of all rounds are the draws that the price is of")
  func draws() {
    let factorization = BandedFactorization(bands: 3)
    let noise = CorrelatedNoise(factorization, making: NoiseMaking(), seed: 5)
    let rounds = (0..<9).map { round in
      var values = [Float](repeating: 0, count: 40)
      noise.add(to: &values, round: round, standardDeviation: 2)
      return values
    }
    for round in rounds.indices {
      var draw = [Float](repeating: 0, count: 40)
      GaussianNoise.add(
        to: &draw, standardDeviation: 2, seed: 5, purpose: .gradientNoise, round: round, client: 0,
        step: 0)
      for i in draw.indices {
        let mixed = factorization.coefficients.enumerated().reduce(0.0) { sum, term in
          round < term.offset ? sum : sum + term.element * Double(rounds[round - term.offset][i])
        }
        #expect(abs(mixed - Double(draw[i])) < 1e-4)
      }
    }
  }

  @Test("clients take turns: each in every third round, and nobody in two")
  func turns() throws {
    let schedule = CohortSchedule(clients: 8, rounds: 7, turns: 3)
    #expect(schedule.cohort(round: 0) == [0, 3, 6])
    #expect(schedule.cohort(round: 4) == [1, 4, 7])
    #expect((0..<8).map { schedule.participations(of: $0) } == [3, 2, 2, 3, 2, 2, 3, 2])
  }

  @Test("a run has one digest for all workers and wherever it goes on")
  func digests() async throws {
    let scenario = try tiny(changes(3, "rounds=5"))
    let recorder = Recorder()
    let expected = try await run(scenario, workers: 1, observer: recorder).result
    #expect(try await run(scenario, workers: 3).result == expected)
    for checkpoint in await recorder.checkpoints {
      let entries = await recorder.ledger.filter { $0.round <= checkpoint.round }
      let point = ResumePoint(
        checkpoint: try ResumeTests.reread(checkpoint), ledger: entries, of: scenario)
      let resumed = try await ResumeTests.simulation(scenario).run(
        observer: Recorder(), from: point)
      #expect(resumed.result.resultDigest == expected.resultDigest)
    }
  }

  @Test("other bands are other noise, and one band is what was always there")
  func bands() async throws {
    func digest(_ changes: [String]) async throws -> String {
      try await run(tiny(changes)).result.resultDigest
    }
    let independent = changes(1).filter { !$0.contains("noise_bands") }
    #expect(try await digest(changes(1)) == digest(independent))
    #expect(try await digest(changes(2)) != digest(changes(3)))
  }
}
