// Runs whose noisy gradients leave through a random projection: what leaves, what it costs, and what is refused.

import Federation
import Foundation
import Privacy
import Scenarios
import Testing

/// Keeps the released updates and the entries of a run.
private actor Keeper: RunObserver {
  private(set) var released: [ReleasedUpdates] = []
  private(set) var ledger: [LedgerEntry] = []

  func receive(_ event: RunEvent) {
    if case .released(let updates) = event { released.append(updates) }
    if case .finishedRound(let report) = event { ledger += report.ledger }
  }
}

@Suite("Noise before a random projection, in runs")
struct ProjectedRunTests {
  /// 4 classes of 12 features: a matrix of 4 × 13 with its biases.
  private static func adapter(_ rank: Int) -> String {
    #"adapter={"type": "random-projection", "r": \#(rank), "modules_to_save": ["fc"]}"#
  }

  private static func kept(_ changes: [String]) async throws -> (Keeper, RunResult) {
    let keeper = Keeper()
    var options = SimulationOptions(workers: 2)
    options.handsOutUpdates = true
    let outcome = try await Simulation(
      scenario: Sound.scenario(changes), catalog: Sound.catalog, options: options
    ).run(observer: keeper)
    return (keeper, outcome.result)
  }

  /// Rows of W with their bias behind them.
  private static func rows(of values: [Float]) -> [[Double]] {
    (0..<4).map { row in
      values[row * 12..<row * 12 + 12].map(Double.init) + [Double(values[48 + row])]
    }
  }

  /// ‖Mᵀ M‖² of the part that no rank of `rank` explains, over all of it: the sum of the smaller squared singular values.
  private static func rest(_ values: [Float], above rank: Int) throws -> Double {
    let rows = Self.rows(of: values)
    var left = rows
    // Gram–Schmidt with pivoting: what is left after `rank` directions, at most a small factor above the best.
    for _ in 0..<rank {
      let lengths = left.map { $0.reduce(0) { $0 + $1 * $1 } }
      let pivot = try #require(lengths.indices.max { lengths[$0] < lengths[$1] })
      let direction = left[pivot].map { $0 / lengths[pivot].squareRoot() }
      left = left.map { row in
        let part = zip(row, direction).reduce(0) { $0 + $1.0 * $1.1 }
        return zip(row, direction).map { $0 - part * $1 }
      }
    }
    let all = rows.joined().reduce(0) { $0 + $1 * $1 }
    return left.joined().reduce(0) { $0 + $1 * $1 } / all
  }

  @Test("one step lets out a matrix of the rank: the noise went through the projection too")
  func rank() async throws {
    for rank in [1, 2] {
      let (keeper, _) = try await Self.kept([Self.adapter(rank), "rounds=2"])
      let first = try #require(await keeper.released.first)
      #expect(first.updates.count == 11)
      for update in first.updates {
        #expect(update.values.count == 52)
        #expect(try Self.rest(update.values, above: rank) < 1e-9)
        #expect(try rank == 1 || Self.rest(update.values, above: 1) > 1e-3)
      }
    }
  }

  @Test(
    "the noise of RGP and PRISM lies in the carriers: a step's change has twice their rank at most",
    arguments: ["rgp", "prism"])
  func carriers(_ kind: String) async throws {
    let adapter = #"adapter={"type": "\#(kind)", "r": 1, "target_modules": ["fc"]}"#
    // A hundred times the noise that the budget asks for: hardly anything else is left.
    let (keeper, result) = try await Self.kept([
      adapter, "rounds=2", "privacy.noise_multiplier=100",
    ])
    let first = try #require(await keeper.released.first)
    for update in first.updates {
      #expect(update.values.count == 48)
      let values = update.values + [0, 0, 0, 0]
      #expect(try Self.rest(values, above: 2) < 1e-9)
      #expect(try Self.rest(values, above: 1) > 1e-3)
    }
    #expect(result.clients.allSatisfy { ($0.epsilon ?? .infinity) < 1 })
  }

  @Test(
    "later steps of PRISM have their noise in the tangent space: of rank 3, with what was cut from the last change"
  )
  func tangents() async throws {
    let (keeper, _) = try await Self.kept([
      #"adapter={"type": "prism", "r": 1, "target_modules": ["fc"]}"#, "rounds=4",
      #"method={"name": "local"}"#, "local.steps=1", "local.epochs=null",
      "privacy.noise_multiplier=100",
    ])
    let released = await keeper.released
    #expect(released.count == 4)
    for update in released.dropFirst().flatMap(\.updates) {
      let values = update.values + [0, 0, 0, 0]
      #expect(try Self.rest(values, above: 3) < 1e-9)
      #expect(try Self.rest(values, above: 1) > 1e-6)
    }
  }

  /// The one direction that all rows of W and its bias have, where the rank is 1.
  private static func direction(_ values: [Float]) throws -> [Double] {
    let rows = Self.rows(of: values)
    let lengths = rows.map { $0.reduce(0) { $0 + $1 * $1 }.squareRoot() }
    let longest = try #require(lengths.indices.max { lengths[$0] < lengths[$1] })
    return rows[longest].map { $0 / lengths[longest] }
  }

  @Test("clients have a step's random rows in common, unless they may hold the same records")
  func commonRows() async throws {
    for (changes, isCommon) in [([], true), (["population.overlap=true"], false)] {
      let (keeper, _) = try await Self.kept([Self.adapter(1), "rounds=2"] + changes)
      let first = try #require(await keeper.released.first)
      let directions = try first.updates.map { try Self.direction($0.values) }
      for other in directions.dropFirst() {
        let cosine = abs(zip(directions[0], other).reduce(0) { $0 + $1.0 * $1.1 })
        #expect((cosine > 0.9999) == isCommon)
      }
    }
  }

  @Test("fewer directions need less noise at the same ε, and the ledger says which were kept")
  func price() async throws {
    let (_, probe) = try await Self.kept([
      #"adapter={"type": "linear_probe", "modules_to_save": ["fc"]}"#, "rounds=2",
    ])
    let plain = try #require(probe.clients[0].noiseMultiplier)
    var last = 0.0
    for rank in [1, 3, 6] {
      let (keeper, result) = try await Self.kept([Self.adapter(rank), "rounds=2"])
      let noise = try #require(result.clients[0].noiseMultiplier)
      #expect(noise > last && noise <= plain)
      last = noise
      let training = await keeper.ledger.filter { $0.purpose == .training }
      #expect(!training.isEmpty && training.allSatisfy { $0.rank == rank && $0.dimension == 13 })
      // Equal clients with equal ledgers.
      let client = result.clients[0]
      let own = PrivacyLedger(await keeper.ledger.filter { $0.client == client.client })
      let bound = try own.bound(delta: 1e-4, accountant: BestAccountant()).epsilon
      let stated = try #require(client.epsilon)
      #expect(abs(stated - bound) < 1e-9 && stated <= 5)
      #expect(result.clients.allSatisfy { $0.epsilon == stated })
      // Without the projection the same noise would break the budget.
      let whole = PrivacyLedger(
        own.entries.map { entry in
          entry.dimension == nil
            ? entry
            : .gaussian(
              round: entry.round, client: entry.client,
              noiseMultiplier: entry.noiseMultiplier ?? 0, sampleRate: entry.sampleRate,
              maxGradNorm: entry.maxGradNorm, sensitivity: entry.sensitivity, count: entry.count)
        })
      let unprojected = try whole.bound(delta: 1e-4, accountant: BestAccountant()).epsilon
      #expect(rank == 6 || unprojected > 5.05)
    }
  }

  @Test("the check forecasts the run's noise, and results do not depend on the number of workers")
  func forecast() async throws {
    let changes = [Self.adapter(2), "rounds=3"]
    let (_, result) = try await Self.kept(changes)
    let group = try #require(try Sound.report(changes).groups.first)
    #expect(group.noise?.noiseMultiplier == result.clients[0].noiseMultiplier)
    let alone = try await Simulation(
      scenario: Sound.scenario(changes), catalog: Sound.catalog,
      options: SimulationOptions(workers: 1)
    ).run(observer: SilentObserver())
    #expect(alone.result.resultDigest == result.resultDigest)
  }

  @Test(
    "what the accounting does not cover is refused",
    arguments: [
      ["privacy.noise=exact"], [#"privacy.clipping={"name": "per-layer"}"#],
      ["privacy.individual=true"], [#"method={"name": "r-dpcfl", "variant": "as-released"}"#],
      ["privacy.unit=client", "privacy.noise_multiplier=1", #"method={"name": "global"}"#],
    ])
  func refused(_ changes: [String]) throws {
    #expect(throws: ScenarioError.self) { try Sound.scenario([Self.adapter(2)] + changes) }
    #expect(throws: Never.self) { try Sound.scenario([Self.adapter(2)]) }
  }

  @Test("a rank that leaves nothing out is refused, and so is an audit")
  func limits() async throws {
    for rank in [13, 20] {
      let error = try #require(
        await #expect(throws: (any Error).self) {
          _ = try await Self.kept([Self.adapter(rank), "rounds=1", #"method={"name": "global"}"#])
        })
      #expect("\(error)".contains("adapter.r"))
    }
    var options = SimulationOptions(workers: 2)
    options.audit = AuditPlan(kind: .gradient, canaries: 40)
    let simulation = Simulation(
      scenario: try Sound.scenario([Self.adapter(2), "rounds=2"]), catalog: Sound.catalog,
      options: options)
    await #expect(throws: FederationError.self) {
      _ = try await simulation.run(observer: SilentObserver())
    }
  }
}
