// What a run is asked for beside its scenario.

package import Ranks

/// Settings that change speed and memory, and no result.
public struct SimulationOptions: Sendable {
  /// Worker lanes, at least 1.
  public var workers: Int
  /// Bytes that cached frozen features may take.
  public var featureMemory: Int
  /// Bytes that the whole run may be expected to take; nil sets no limit.
  public var memoryLimit: Int?
  /// Where pretrained base models are kept; nil pretrains anew.
  public var modelCache: (any ModelCache)?
  /// Where frozen features of published data are kept between runs; nil computes them anew.
  public var featureCache: (any FeatureCache)?
  public var checkpoints: CheckpointPolicy
  /// Where runs of one process find one another's frozen features.
  public var sharedFeatures: SharedFeatures?
  /// Critical findings of the check that were allowed by name; the result says them.
  public var allowedFindings: [CheckReport.Finding] = []
  /// The processes that share the run.
  package var ranks: any RankGroup = SoleRank()
  /// Where ranks share the run: how this one is asked to stop. All stop after the same round, and none is to be
  /// cancelled meanwhile.
  public var stopRequest = StopRequest()
  /// Hands out every released update; all of them are then held for a moment, and ranks must agree on it.
  public var handsOutUpdates = false
  /// Puts canaries into the clients' data; nil for an ordinary run.
  public var audit: AuditPlan?
  /// Breaks the engine, for tests that the audit finds it.
  package var fault: EngineFault?

  public static let usualFeatureMemory = 400 << 20

  public init(
    workers: Int, featureMemory: Int = Self.usualFeatureMemory, memoryLimit: Int? = nil,
    modelCache: (any ModelCache)? = nil, checkpoints: CheckpointPolicy = .usual,
    sharedFeatures: SharedFeatures? = nil
  ) {
    self.sharedFeatures = sharedFeatures
    self.workers = workers
    self.featureMemory = featureMemory
    self.memoryLimit = memoryLimit
    self.modelCache = modelCache
    self.checkpoints = checkpoints
  }
}
