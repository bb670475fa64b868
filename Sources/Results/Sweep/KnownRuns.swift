// Which scenarios have been run to their end, so that no cell of a sweep runs twice.

import GRDB

extension RunStore {
  /// The latest finished run of a scenario; nil if there is none.
  ///
  /// The hash covers every setting and the seed, so a finished run of the same hash has the result
  /// that another one would have. Runs of another version of dpflsim do not count: their numbers may
  /// differ.
  public func finishedRun(ofScenario hash: String) throws(StoreError) -> String? {
    try read { database in
      try String.fetchOne(
        database,
        sql: """
          SELECT run_id FROM runs WHERE scenario_hash = ? AND status = 'done' AND version = ?
          ORDER BY started_at DESC, run_id DESC LIMIT 1
          """, arguments: [hash, DPFLSimVersion.current])
    }
  }
}
