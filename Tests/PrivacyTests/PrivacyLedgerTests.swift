import Foundation
import Privacy
import Testing

@Suite("Privacy ledger")
struct PrivacyLedgerTests {
  private static func step(round: Int, client: Int = 0, count: Int = 1) -> LedgerEntry {
    .gaussian(
      round: round, client: client, noiseMultiplier: 1.1, sampleRate: 0.02, maxGradNorm: 0.5,
      sensitivity: 0.5, count: count)
  }

  private static func ledger() -> PrivacyLedger {
    var ledger = PrivacyLedger()
    ledger.append(
      .gaussian(
        round: 0, client: 0, noiseMultiplier: 3, maxGradNorm: 0.5, sensitivity: 0.5))
    for round in 1...3 {
      for _ in 0..<50 { ledger.append(step(round: round)) }
      ledger.append(
        .exponentialMechanism(round: round, client: 0, epsilon: 0.05, sensitivity: 1 / 2000))
    }
    ledger.append(step(round: 3, client: 1, count: 50))
    return ledger
  }

  @Test("repetitions of the last release are counted, not listed")
  func merging() {
    let ledger = Self.ledger()
    #expect(ledger.entries.count == 8)
    #expect(ledger.entries[1].count == 50)
    #expect(ledger.clients == [0, 1])
    var copy = ledger
    copy.append(Self.step(round: 3, client: 1, count: 0))
    #expect(copy == ledger)
    copy.append(Self.step(round: 4, client: 1))
    #expect(copy.entries.count == 9)
  }

  @Test("epsilon is that of the events, per client and per purpose")
  func event() throws {
    let ledger = Self.ledger()
    let training: PrivacyEvent = .composed([
      .gaussian(noiseMultiplier: 3),
      .trainingSteps(sampleRate: 0.02, noiseMultiplier: 1.1, count: 150),
    ])
    let selections: PrivacyEvent = .selfComposed(
      event: .exponentialMechanism(epsilon: 0.05), count: 3)
    for kind in [AccountantKind.rdp, .pld] {
      let accountant = kind.accountant
      let client = try accountant.epsilon(of: ledger.event(client: 0), delta: 1e-5)
      #expect(
        client == (try accountant.epsilon(of: .composed([selections, training]), delta: 1e-5)))
      let selected = try accountant.epsilon(
        of: ledger.event(purpose: .clusterSelection), delta: 1e-5)
      #expect(selected == (try accountant.epsilon(of: selections, delta: 1e-5)))
    }
  }

  @Test("JSON Lines carry every field and come back the same")
  func jsonLines() throws {
    var ledger = Self.ledger()
    ledger.append(.nonPrivate(round: 4, client: nil, purpose: .evaluation))
    ledger.append(.noiseFreeLowRank(round: 4, client: 2, rank: 8))
    let data = try ledger.jsonLines()
    #expect(try PrivacyLedger(jsonLines: data) == ledger)
    let lines = String(decoding: data, as: UTF8.self).split(separator: "\n")
    #expect(lines.count == ledger.entries.count)
    #expect(
      lines[1]
        == """
        {"client":0,"count":50,"max_grad_norm":0.5,"mechanism":"poisson-sampled-gaussian",\
        "noise_multiplier":1.1,"purpose":"training","round":1,"sample_rate":0.02,"sensitivity":0.5}
        """)
    let coded = try JSONDecoder().decode(
      PrivacyLedger.self, from: try JSONEncoder().encode(ledger))
    #expect(coded == ledger)
  }

  @Test(
    "a damaged line is named",
    arguments: [
      "not json", #"{"round":1}"#,
      #"{"round":1,"client":0,"purpose":"training","mechanism":"gaussian","sample_rate":1,"sensitivity":1,"count":1}"#,
      #"{"round":1,"client":0,"purpose":"training","mechanism":"non-private","sample_rate":1,"sensitivity":1,"count":-1}"#,
    ])
  func damage(line: String) throws {
    var data = try Self.ledger().jsonLines()
    data.append(Data(line.utf8))
    #expect {
      try PrivacyLedger(jsonLines: data)
    } throws: { error in
      (error as? LedgerFormatError)?.line == 9
    }
  }

  @Test("the budget admits exactly as many steps as it pays for")
  func budget() throws {
    let ledger = Self.ledger()
    let step = PrivacyEvent.trainingSteps(sampleRate: 0.02, noiseMultiplier: 1.1, count: 1)
    let accountant = RDPAccountant()
    let spent = try ledger.bound(delta: 1e-5, accountant: accountant).epsilon
    let budget = PrivacyBudget(epsilon: spent + 0.1, delta: 1e-5)
    let admitted = try ledger.admissibleCount(
      of: step, upTo: 100_000, within: budget, accountant: accountant)
    #expect(admitted > 0 && admitted < 100_000)
    func admits(_ count: Int) throws -> Bool {
      try ledger.admits(
        .selfComposed(event: step, count: count), within: budget, accountant: accountant)
    }
    #expect(try admits(admitted))
    #expect(try !admits(admitted + 1))
    let none = PrivacyBudget(epsilon: spent / 2, delta: 1e-5)
    #expect(
      try ledger.admissibleCount(of: step, upTo: 10, within: none, accountant: accountant) == 0)
    let ample = PrivacyBudget(epsilon: 100, delta: 1e-5)
    #expect(
      try ledger.admissibleCount(of: step, upTo: 10, within: ample, accountant: accountant) == 10)
  }
}
