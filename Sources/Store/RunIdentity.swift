// What a run is known by.

/// What decides the result of a run: the scenario with its seed, the data, and the program.
public struct RunIdentity: Sendable, Hashable {
  public let scenarioHash: String
  /// Nil for data that the scenario and the program decide.
  public let dataHash: String?
  /// Nil where the program cannot tell itself from others: nothing is known then.
  public let build: String?

  public init(scenarioHash: String, dataHash: String?, build: String?) {
    self.scenarioHash = scenarioHash
    self.dataHash = dataHash
    self.build = build
  }
}
