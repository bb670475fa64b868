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

  @Test("epsilon is that of the events")
  func cost() throws {
    let ledger = PrivacyLedger(Self.ledger().entries.filter { $0.client == 0 })
    let events: PrivacyEvent = .composed([
      .gaussian(noiseMultiplier: 3),
      .trainingSteps(sampleRate: 0.02, noiseMultiplier: 1.1, count: 150),
      .selfComposed(event: .exponentialMechanism(epsilon: 0.05), count: 3),
    ])
    for kind in [AccountantKind.rdp, .pld] {
      let accountant = kind.accountant
      let epsilon = try ledger.bound(delta: 1e-5, accountant: accountant).epsilon
      #expect(epsilon == (try accountant.epsilon(of: events, delta: 1e-5)))
    }
  }

  @Test("the cost is one for every order and grouping of the same releases", arguments: 0..<20)
  func canonicalCost(seed: UInt64) throws {
    var generator = TestGenerator(seed: seed)
    let kinds: [(Int, Int) -> LedgerEntry] = [
      {
        .gaussian(
          round: $0, client: 1, noiseMultiplier: 3, maxGradNorm: 1, sensitivity: 1, count: $1)
      },
      { Self.step(round: $0, count: $1) },
      { Self.step(round: $0, client: 4, count: $1) },
      { .exponentialMechanism(round: $0, client: 0, epsilon: 0.05, sensitivity: 0.5, count: $1) },
      { .exponentialMechanism(round: $0, client: 0, epsilon: 0.07, sensitivity: 0.5, count: $1) },
    ]
    var singles: [LedgerEntry] = []
    for kind in kinds {
      for _ in 0..<Int.random(in: 1...30, using: &generator) {
        singles.append(kind(Int.random(in: 0...9, using: &generator), 1))
      }
    }
    let cost = PrivacyLedger(singles).cost
    #expect(PrivacyLedger(singles.shuffled(using: &generator)).cost == cost)
    // Together where they can be: the steps of two clients cost the same.
    var grouped = PrivacyLedger()
    for (index, kind) in kinds.enumerated() {
      let count = singles.count { $0 == kind($0.round, 1) }
      let first = Int.random(in: 0...count, using: &generator)
      grouped.append(kind(20 + index, first))
      grouped.append(kind(30 + index, count - first))
    }
    #expect(grouped.cost == cost)
    // And another release more is another cost.
    grouped.append(kinds[2](50, 1))
    #expect(grouped.cost != cost)
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

  /// The fields of a sound entry of each mechanism, for the reader of what was stored.
  private static var sound: [[String: Any]] {
    func fields(_ mechanism: String, _ own: [String: Any]) -> [String: Any] {
      [
        "round": 1, "client": 0, "purpose": "training", "mechanism": mechanism, "sample_rate": 1.0,
        "sensitivity": 1.0, "count": 2,
      ].merging(own) { $1 }
    }
    return [
      fields("gaussian", ["noise_multiplier": 1.5, "max_grad_norm": 1.0]),
      fields("poisson-sampled-gaussian", ["noise_multiplier": 1.5, "sample_rate": 0.25]),
      fields("exponential-mechanism", ["selection_epsilon": 0.1]),
      fields("non-private", [:]), fields("noise-free-low-rank", ["rank": 4]),
    ]
  }

  private static func read(_ fields: [String: Any]) throws -> LedgerEntry {
    try JSONDecoder().decode(
      LedgerEntry.self, from: JSONSerialization.data(withJSONObject: fields))
  }

  @Test("an entry is valid with the parameters of its mechanism and with no others")
  func validity() throws {
    for fields in Self.sound {
      let entry = try Self.read(fields)
      #expect(entry.count == 2 && entry.mechanism.rawValue == fields["mechanism"] as? String)
      for key in fields.keys where key != "client" && key != "max_grad_norm" {
        var less = fields
        less[key] = nil
        #expect(throws: DecodingError.self) { try Self.read(less) }
      }
      let parameters: [String: Any] = [
        "noise_multiplier": 1.0, "selection_epsilon": 1.0, "rank": 1,
      ]
      for (key, value) in parameters where fields[key] == nil {
        #expect(throws: DecodingError.self) { try Self.read(fields.merging([key: value]) { $1 }) }
      }
      let wrong: [(String, Any)] = [
        ("count", 0), ("count", -1), ("round", -1), ("client", -1), ("sample_rate", 1.5),
        ("sample_rate", -0.1), ("sensitivity", -1.0), ("purpose", "fun"), ("mechanism", "magic"),
        // Sampling with certainty is no sampling.
        ("sample_rate", fields["sample_rate"] as? Double == 1 ? 0.5 : 1.0),
      ]
      for (key, value) in wrong {
        #expect(throws: DecodingError.self) { try Self.read(fields.merging([key: value]) { $1 }) }
      }
    }
  }
}
