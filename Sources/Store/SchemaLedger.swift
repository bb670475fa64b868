// Version 6 of the store: ledgers by history, ranks and nodes of runs, samples of clients. The view keeps what other programs read.

import GRDB

extension Schema {
  static let addedColumns = """
    ALTER TABLE runs ADD COLUMN ranks INTEGER NOT NULL DEFAULT 1 CHECK (ranks >= 1);
    ALTER TABLE runs ADD COLUMN nodes INTEGER NOT NULL DEFAULT 1 CHECK (nodes >= 1);
    ALTER TABLE runs ADD COLUMN slurm_job TEXT;
    ALTER TABLE rounds ADD COLUMN evaluated_clients INTEGER CHECK (evaluated_clients >= 1);
    ALTER TABLE rounds ADD COLUMN client_mean_error REAL CHECK (client_mean_error >= 0);
    ALTER TABLE cluster_rounds ADD COLUMN standard_error REAL CHECK (standard_error >= 0);
    """

  private static let ledgerHistories = """
    CREATE TABLE privacy_histories (
      run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE ON UPDATE CASCADE,
      history INTEGER NOT NULL CHECK (history >= 0),
      batch INTEGER NOT NULL CHECK (batch >= 0),
      place INTEGER NOT NULL CHECK (place >= 0),
      round INTEGER NOT NULL CHECK (round >= 0),
      purpose TEXT NOT NULL,
      mechanism TEXT NOT NULL CHECK (mechanism IN (
        'gaussian', 'poisson-sampled-gaussian', 'exponential-mechanism', 'non-private',
        'noise-free-low-rank')),
      noise_multiplier REAL,
      sample_rate REAL NOT NULL CHECK (sample_rate BETWEEN 0 AND 1),
      selection_epsilon REAL,
      sensitivity REAL NOT NULL,
      max_grad_norm REAL,
      rank INTEGER,
      count INTEGER NOT NULL CHECK (count >= 1),
      threshold_noise_multiplier REAL,
      PRIMARY KEY (run_id, history, batch, place),
      CHECK (mechanism NOT IN ('gaussian', 'poisson-sampled-gaussian')
        OR noise_multiplier IS NOT NULL),
      CHECK (mechanism <> 'exponential-mechanism' OR selection_epsilon IS NOT NULL)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE privacy_clients (
      run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE ON UPDATE CASCADE,
      client INTEGER NOT NULL CHECK (client >= -1),
      history INTEGER NOT NULL CHECK (history >= 0),
      PRIMARY KEY (run_id, client)
    ) STRICT, WITHOUT ROWID;
    """

  private static let ledgerView = """
    CREATE VIEW privacy_events AS
    SELECT run_id,
      row_number() OVER (PARTITION BY run_id ORDER BY batch, client, place) - 1 AS sequence,
      round, nullif(client, -1) AS client, purpose, mechanism, noise_multiplier, sample_rate,
      selection_epsilon, sensitivity, max_grad_norm, rank, count, threshold_noise_multiplier
    FROM privacy_clients JOIN privacy_histories USING (run_id, history);
    """

  /// Random projections of which alone a noisy sum left.
  static let projections = """
    ALTER TABLE privacy_histories ADD COLUMN dimension INTEGER CHECK (dimension >= rank);
    DROP VIEW privacy_events;
    CREATE VIEW privacy_events AS
    SELECT run_id,
      row_number() OVER (PARTITION BY run_id ORDER BY batch, client, place) - 1 AS sequence,
      round, nullif(client, -1) AS client, purpose, mechanism, noise_multiplier, sample_rate,
      selection_epsilon, sensitivity, max_grad_norm, rank, dimension, count,
      threshold_noise_multiplier
    FROM privacy_clients JOIN privacy_histories USING (run_id, history);
    """

  /// Moves the rows of `privacy_events`, one for every release of a client, to histories.
  static func gatherHistories(_ database: Database) throws {
    try database.execute(sql: ledgerHistories)
    let runs = try String.fetchAll(database, sql: "SELECT DISTINCT run_id FROM privacy_events")
    for run in runs {
      let rows = try Row.fetchCursor(
        database,
        sql: """
          SELECT ifnull(client, \(LedgerHistories.server)),
            \(StoredRelease.columnsOfVersion8.joined(separator: ", "))
          FROM privacy_events WHERE run_id = ? ORDER BY sequence
          """, arguments: [run])
      var releases: [(client: Int, release: StoredRelease)] = []
      while let row = try rows.next() {
        releases.append((row[0], StoredRelease(row, after: 1)))
      }
      _ = try LedgerHistories(columns: StoredRelease.columnsOfVersion8).adding(
        releases, of: run, in: database)
    }
    try database.execute(sql: "DROP TABLE privacy_events")
    try database.execute(sql: ledgerView)
  }
}
