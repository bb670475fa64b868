// What left the clients in a round, handed out whole for those who want to keep it.

public import Privacy
import Scenarios

/// The releases of one pass over the clients.
public struct ReleasedUpdates: Sendable {
  public struct Update: Sendable {
    /// Nil for what the server released, where it protects whole clients.
    public let client: Int?
    /// The model that it moves; where the client chose it, that choice was released too.
    public let model: Int
    /// The change of the trained parameters, as it was sent.
    public let values: [Float]
    /// Of the ledger: kind, noise multiplier and sensitivity of each release behind it.
    public let entries: [LedgerEntry]
    /// Clipping thresholds of groups that went out too.
    public let thresholds: [Float]?
    /// In which shares the models explain the client, where it said so.
    public let posterior: [Double]?
  }
  /// From 1.
  public let round: Int
  /// The pass within its round, from 1; rules of aggregation may have several.
  public let part: Int
  public let stage: RoundStage
  /// In the order of clients.
  public let updates: [Update]
}

/// Receives what was released, before it is folded.
typealias ReleaseKeeping = @Sendable (ReleasedUpdates) async throws -> Void

extension ReleasedUpdates {
  /// Of clients who protect their examples themselves; what stays with its client is not among them.
  init(_ updates: [ClientUpdate], tasks: [ClientTask], round: Int, part: Int, stage: RoundStage) {
    self.init(
      round: round + 1, part: part, stage: stage,
      updates: zip(tasks, updates).filter { $0.0.sendsUpdate }.map { _, update in
        Update(
          client: update.client, model: update.model, values: update.delta,
          entries: update.entries, thresholds: update.thresholds, posterior: update.posterior)
      })
  }

  /// Of a server that protects whole clients: how its models moved.
  init(
    _ entries: [LedgerEntry], from before: [[Float]], to after: [[Float]], round: Int, part: Int,
    stage: RoundStage
  ) {
    self.init(
      round: round + 1, part: part, stage: stage,
      updates: after.indices.filter { before[$0] != after[$0] }.map { model in
        Update(
          client: nil, model: model, values: zip(after[model], before[model]).map { $0 - $1 },
          entries: entries, thresholds: nil, posterior: nil)
      })
  }
}

extension Simulation {
  /// Bytes that the updates of the whole run take, about: 4 for each trained number of each that is sent.
  static func keptBytes(of scenario: Scenario, parameters: Int) -> Int {
    let schedule = scenario.cohortSchedule
    let size = parameters * MemoryLayout<Float>.size
    guard scenario.privacy.unit == .example else { return scenario.rounds * size }
    let traits = scenario.method.traits
    let each = traits.trainsEveryModel ? traits.models * size : size
    return (0..<scenario.rounds).reduce(0) { $0 + schedule.cohort(round: $1).count * each }
  }
}
