// Which scenarios have been run to their end, so that no cell of a sweep runs twice.

extension RunStore {
  /// The latest finished run of every scenario, by `scenario_hash`.
  ///
  /// The hash covers every setting and the seed, so a finished run of the same hash has the result
  /// that another one would have. Runs of another version of dpflsim do not count: their numbers may
  /// differ.
  public func finishedRuns() throws(StoreError) -> [String: String] {
    var known: [String: String] = [:]
    for run in try runs()
    where run.presentStatus == .done && run.version == DPFLSimVersion.current
      && known[run.scenarioHash] == nil
    {
      known[run.scenarioHash] = run.runID
    }
    return known
  }
}
