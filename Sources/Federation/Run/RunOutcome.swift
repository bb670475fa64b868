// What a finished run leaves beside its stored rounds.

/// A named list of tensors to be stored.
public struct StoredModel: Sendable {
  public struct Tensor: Sendable {
    public let name: String
    public let shape: [Int]
    public let values: [Float]
  }
  public let name: String
  public let tensors: [Tensor]
}

/// What a finished run leaves.
public struct RunOutcome: Sendable {
  public let result: RunResult
  /// The base model, and for each model of the method its trained parameters.
  public let models: [StoredModel]
  /// Of an audited run.
  public var evidence: AuditEvidence?
  /// How ranks shared the work; nil in one process.
  public var sharing: RankSharing?
}
