// Who listens to a run: the store writes what happens, the terminal shows it. The simulation knows
// neither.

public import Datasets
public import Privacy

/// Something that happened while a run prepares or goes.
public enum RunEvent: Sendable {
  /// A step of the preparation, in words, such as "pretraining the base model: epoch 2 of 3".
  case preparing(String)
  /// Data are dealt and noise multipliers known; training starts.
  case started(RunStart)
  /// A round (from 1), or a part of it, is about to release this. Only where doing it again would be another
  /// release: then it counts from now on, whether or not the round comes to its end.
  case announced(round: Int, entries: [LedgerEntry])
  /// What one pass over the clients released; only where the run was asked to hand it out. It comes before the
  /// round's report.
  case released(ReleasedUpdates)
  case finishedRound(RoundReport)
  /// From here the run could go on.
  case checkpoint(RunCheckpoint)
}

/// What is fixed when training starts.
public struct RunStart: Sendable {
  public let rounds: Int
  public let partition: PartitionReport
  /// Trained parameters, and parameters of the whole model.
  public let trainableParameters: Int
  public let modelParameters: Int
  /// Memory that the frozen features take, and how many clients have theirs cached.
  public let featureBytes: Int
  public let cachedClients: Int
  public let forecast: CostForecast
  /// Sentences that the user should read before the run: what was assumed or changed.
  public let notes: [String]

  public init(
    rounds: Int, partition: PartitionReport, trainableParameters: Int, modelParameters: Int,
    featureBytes: Int, cachedClients: Int, forecast: CostForecast, notes: [String]
  ) {
    self.rounds = rounds
    self.partition = partition
    self.trainableParameters = trainableParameters
    self.modelParameters = modelParameters
    self.featureBytes = featureBytes
    self.cachedClients = cachedClients
    self.forecast = forecast
    self.notes = notes
  }
}

/// Receives the events of a run, one after another.
public protocol RunObserver: Sendable {
  /// - Throws: to stop the run, for instance when the store cannot be written.
  func receive(_ event: RunEvent) async throws
}

/// Listens to nothing.
public struct SilentObserver: RunObserver {
  public init() {}
  public func receive(_ event: RunEvent) {}
}
