// The attacks against counted answers, and whole experiments in small.

import Kernels
import Laboratory
import Learning
import Scenarios
import Testing

/// Two noisy classes.
private struct Blobs: ExampleSource {
  let values: [[Float]]
  let labels: [Int]
  var count: Int { labels.count }

  init(_ count: Int, inputs: Int, seed: UInt64) {
    var stream = RandomStream(seed: seed, purpose: .test)
    var (values, labels) = ([[Float]](), [Int]())
    for i in 0..<count {
      labels.append(Int(stream.next() % 3))
      let label = labels[i]
      values.append(
        (0..<inputs).map { Float(stream.nextGaussian()) + ($0 % 3 == label ? 1 : 0) })
    }
    self.values = values
    self.labels = labels
  }

  func label(at position: Int) -> Int { labels[position] }
  func write(_ position: Int, into destination: inout MutableSpan<Float>) {
    for i in values[position].indices { destination[i] = values[position][i] }
  }
}

@Suite("Attack curves")
struct AttackCurveTests {
  @Test("the area is the share of pairs in the right order, ties counting half")
  func area() {
    var stream = RandomStream(seed: 1, purpose: .test)
    let members = (0..<60).map { _ in (stream.nextGaussian() * 4).rounded() + 1 }
    let others = (0..<90).map { _ in (stream.nextGaussian() * 4).rounded() }
    var pairs = 0.0
    for m in members { for o in others { pairs += m > o ? 1 : m == o ? 0.5 : 0 } }
    let curve = AttackCurve(members: members, others: others)
    #expect(abs(curve.area - pairs / (60 * 90)) < 1e-12)
    #expect(curve.areaMargin > 0.05 && curve.areaMargin < 0.15)
  }

  @Test("hits are counted above the threshold that the allowed share of others passes")
  func hits() {
    let curve = AttackCurve(
      members: [9, 8, 7.5, 1], others: (0..<100).map { Double($0) / 100 * 8 })
    // One of a hundred may pass: the threshold is the second largest, 7.84.
    let found = curve.hits(atFalseAlarms: 0.01)
    #expect(found.rate == 0.5)
    #expect(found.low > 0.05 && found.low < 0.1 && found.high > 0.9 && found.high < 0.95)
    // Scores that are all equal find nobody.
    let flat = AttackCurve(members: [1, 1], others: [1, 1, 1])
    #expect(flat.hits(atFalseAlarms: 0.01).rate == 0)
    #expect(flat.area == 0.5)
  }
}

@Suite("Experiments")
struct ExperimentTests {
  @Test("the noise laboratory's expectations hold in small, on a trained network too")
  func noise() throws {
    let examples = Blobs(400, inputs: 30, seed: 2)
    let network = try TrainedNetwork(
      architecture: .mlp(inputs: 30, hidden: [24], classes: 3), examples: examples, steps: 60,
      batchSize: 16, learningRate: 0.1, seed: 3)
    var settings = NoiseLaboratory.Settings(seed: 1, ranks: [1, 4, 16])
    settings.lossDraws = 100_000
    let report = try NoiseLaboratory(settings: settings, network: network).run { _ in }
    #expect(report.findings.map(\.experiment) == ["E1", "E2", "E3", "E4", "E5", "E6", "E8"])
    for finding in report.findings { #expect(finding.holds, "\(finding)") }
    #expect(report.tables.count == 7 && report.tables.allSatisfy { !$0.rows.isEmpty })
    let again = try NoiseLaboratory(settings: settings, network: network).run { _ in }
    #expect(again == report)
  }

  @Test("energies of federated noise follow the formulas: K² apart, K exact")
  func federated() throws {
    let report = try FederatedNoiseLaboratory(
      settings: .init(seed: 4, clients: [2, 8], ranks: [4], deviations: [0.1, 1], trials: 80)
    ).run { _ in }
    for finding in report.findings { #expect(finding.holds, "\(finding)") }
  }

  @Test(
    "the attacker who knows the rest is always right without noise, and never beats the claim with it"
  )
  func membership() async throws {
    let pool = Blobs(40, inputs: 30, seed: 5)
    let architecture = Architecture.mlp(inputs: 30, hidden: [16], classes: 3)
    let settings = MembershipLaboratory.Settings(
      seed: 6, ranks: [1, 4], models: 8, pool: 40, steps: 15, noiseMultiplier: 8)
    let laboratory = MembershipLaboratory(
      settings: settings, architecture: architecture,
      base: architecture.initialParameters(seed: 7), examples: pool)
    let report = try await laboratory.run { _ in }
    let strong = try #require(report.findings.first { $0.expectation.contains("knows the rest") })
    #expect(strong.holds, "\(strong)")
    let bounded = try #require(report.findings.first { $0.expectation.contains("ceiling") })
    #expect(bounded.holds, "\(bounded)")
    let table = try #require(report.tables.first)
    #expect(table.rows.count == 10)
    // Neither workers nor repetition change a number.
    var alone = settings
    alone.workers = 1
    let again = try await MembershipLaboratory(
      settings: alone, architecture: architecture,
      base: architecture.initialParameters(seed: 7), examples: pool
    ).run { _ in }
    #expect(again.tables == report.tables)
    // No row without noise claims an epsilon.
    for row in table.rows { #expect((row[1] == "none") == (row[13] == "none")) }
  }
}

@Suite("Merging laboratory")
struct MergingLaboratoryTests {
  @Test(
    "experts of three pairs of labels: every kind and rule has its row, and merging one alone changes nothing"
  )
  func small() throws {
    let model = Architecture.mlp(inputs: 6, hidden: [8], classes: 4)
    let laboratory = MergingLaboratory(
      settings: .init(seeds: [1], counts: [1, 2], examples: 40, steps: 10, rank: 1),
      architecture: model, base: model.initialParameters(seed: 1),
      train: Blobs(300, inputs: 6, seed: 1), test: Blobs(120, inputs: 6, seed: 2), classes: 4)
    let report = try laboratory.run { _ in }
    let rows = report.tables[0].rows
    // Factors are merged by themselves, and experts routed, where there are factors: 9 rules for low rank, 6 for others.
    #expect(rows.count == 2 * (9 + 6 + 6))
    for row in rows where row[1] == .integer(1) {
      guard
        ["uniform", "uniform, factors", "sparse overlap", "Arrow, by row", "Arrow, by example"]
          .map({ .string($0) }).contains(row[2])
      else {
        continue
      }
      let alone = report.tables[1].rows.first { $0[0] == row[0] && $0[1] == .integer(1) }
      #expect(row[3] == alone?[2], "one expert merged is the expert: \(row)")
    }
    for row in rows {
      guard case .number(let value) = row[3] else {
        Issue.record("no accuracy in \(row)")
        continue
      }
      #expect((0...1).contains(value))
    }
  }
}
