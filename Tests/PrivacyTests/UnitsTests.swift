import Foundation
import Privacy
import TestSupport
import Testing

@Suite("Units and relations")
struct UnitsTests {
  let guarantee = PrivacyGuarantee(
    epsilon: 0.8, delta: 1e-6, adjacency: .addOrRemoveOne, unit: .client)

  @Test("names are those of reports")
  func names() {
    #expect(Adjacency.allCases.map(\.rawValue) == ["add-or-remove-one", "replace-one"])
    #expect(PrivacyUnit.allCases.map(\.rawValue) == ["example", "client"])
  }

  @Test("replacing is removing and adding")
  func replacement() {
    let replaced = guarantee.forReplacement()
    #expect(replaced.adjacency == .replaceOne)
    #expect(replaced.epsilon == 1.6)
    #expect(isClose(replaced.delta, 1e-6 * (1 + exp(0.8)), relative: 1e-14))
    #expect(replaced.forReplacement() == replaced)
  }

  @Test("a client's guarantee covers its examples, and k examples' guarantee a client")
  func units() {
    let example = guarantee.forExamples()
    #expect(example.unit == .example && example.adjacency == .replaceOne)
    #expect(example.forExamples() == example)
    let small = PrivacyGuarantee(
      epsilon: 0.1, delta: 1e-9, adjacency: .addOrRemoveOne, unit: .example)
    let client = small.forClients(withAtMost: 20)
    #expect(client.unit == .client)
    #expect(isClose(client.epsilon, 2, relative: 1e-14))
    let factor = (exp(2.0) - 1) / (exp(0.1) - 1)
    #expect(isClose(client.delta, 1e-9 * factor, relative: 1e-12))
    #expect(client.forClients(withAtMost: 20) == client)
    #expect(small.forClients(withAtMost: 10_000).delta == 1)
  }

  @Test("events under replacement: half the multiplier, no shortcut for samples")
  func events() throws {
    let event = PrivacyEvent.composed([
      .selfComposed(event: .gaussian(noiseMultiplier: 3), count: 4), .pure(epsilon: 0.1),
    ])
    #expect(
      try event.underReplacement()
        == .composed([
          .selfComposed(event: .gaussian(noiseMultiplier: 1.5), count: 4), .pure(epsilon: 0.2),
        ]))
    #expect(throws: AccountingError.self) {
      try PrivacyEvent.trainingSteps(sampleRate: 0.1, noiseMultiplier: 1, count: 3)
        .underReplacement()
    }
  }
}
