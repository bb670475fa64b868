// Which scenarios have been run to their end, so that no cell of a sweep runs twice.

public import Datasets
import Federation
import Formatting
import GRDB
public import Scenarios
public import Store

/// Tells the identities of scenarios, reading every data set once.
public struct RunIdentities {
  private let catalog: DatasetCatalog
  private var known: [JSONValue: String?] = [:]

  public init(catalog: DatasetCatalog) { self.catalog = catalog }

  /// Nil if the data cannot be read: such a run has no result to be known by.
  public mutating func identity(of scenario: Scenario) -> RunIdentity? {
    let build = BuildIdentity.of(scenario.arithmetic)
    guard !scenario.hasGeneratedData else {
      return RunIdentity(scenarioHash: scenario.hash, dataHash: nil, build: build)
    }
    let key: JSONValue = [
      "data": scenario.resolved["data"] ?? .null, "path": JSONValue(scenario.dataPath),
      // A pretrained model is part of the data, and its vocabulary makes the tokens.
      "model": scenario.resolved["model"] ?? .null,
      "model_path": JSONValue(scenario.modelPath ?? scenario.weightsPath),
    ]
    let hash: String?
    if let earlier = known[key] {
      hash = earlier
    } else {
      hash = try? catalog.contentHash(of: scenario)
      known[key] = hash
    }
    return hash.map { RunIdentity(scenarioHash: scenario.hash, dataHash: $0, build: build) }
  }
}

extension RunStore {
  /// The latest finished run of an identity; nil if there is none.
  ///
  /// The hash covers every setting and the seed, so it has the result that another one would have. Runs of
  /// other data, another build or another version of dpflsim do not count: their numbers may differ.
  public func finishedRun(of identity: RunIdentity) throws(StoreError) -> String? {
    guard let build = identity.build else { return nil }
    return try read { database in
      try String.fetchOne(
        database,
        sql: """
          SELECT run_id FROM runs WHERE scenario_hash = ? AND status = 'done' AND version = ?
            AND build = ? AND data_hash IS ?
          ORDER BY started_at DESC, run_id DESC LIMIT 1
          """,
        arguments: [
          identity.scenarioHash, DPFLSimVersion.current, build, identity.dataHash,
        ])
    }
  }

  /// The latest run of an identity that was interrupted and can be continued by this program.
  public func resumableRun(of identity: RunIdentity) throws(StoreError) -> RunRecord? {
    try runs().first {
      $0.scenarioHash == identity.scenarioHash && $0.presentStatus == .interrupted
        && $0.version == DPFLSimVersion.current
        // What never started has released nothing and begins anew.
        && ($0.startJSON == nil || ($0.build == identity.build && $0.dataHash == identity.dataHash))
    }
  }
}
