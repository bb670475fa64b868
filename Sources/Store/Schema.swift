// The tables of the store, version by version; docs/store.md describes them for users of other tools.

import GRDB

/// What a store looks like inside. Constraints live in SQL, so that no other program can break them.
enum Schema {
  /// SQLite's `application_id` of a store: "dpfl".
  static let applicationID = 0x6470_666C

  /// Every change of the tables in order. A published step is never edited; the next one follows it.
  static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1") { database in
      try database.execute(sql: runs)
      try database.execute(sql: perRound)
      try database.execute(sql: ledgerAndFiles)
      try database.execute(sql: "PRAGMA application_id = \(applicationID)")
      // For programs that do not know the table of migrations.
      try database.execute(sql: "PRAGMA user_version = 1")
    }
    migrator.registerMigration("2") { database in
      try database.execute(
        sql: "ALTER TABLE privacy_events ADD COLUMN threshold_noise_multiplier REAL")
      try database.execute(sql: "PRAGMA user_version = 2")
    }
    migrator.registerMigration("3") { database in
      try database.execute(
        sql: """
          ALTER TABLE rounds
            ADD COLUMN late_clients INTEGER NOT NULL DEFAULT 0 CHECK (late_clients >= 0);
          PRAGMA user_version = 3;
          """)
    }
    migrator.registerMigration("4") { database in
      try database.execute(sql: clientTables)
      try moveClientsToTables(database)
      try database.execute(sql: "PRAGMA user_version = 4")
    }
    migrator.registerMigration("5") { database in
      // Generated data are told by scenario and build.
      try database.execute(
        sql: """
          ALTER TABLE runs ADD COLUMN folder TEXT;
          ALTER TABLE runs ADD COLUMN build TEXT CHECK (length(build) = 64);
          ALTER TABLE runs ADD COLUMN data_hash TEXT CHECK (length(data_hash) = 64);
          ALTER TABLE runs ADD COLUMN total_seconds REAL CHECK (total_seconds >= 0);
          UPDATE runs SET data_hash = json_extract(start_json, '$.partition.dataset_hash')
            WHERE json_extract(scenario_json, '$.data.name') <> 'synthetic'
              AND length(json_extract(start_json, '$.partition.dataset_hash')) = 64;
          PRAGMA user_version = 5;
          """)
    }
    migrator.registerMigration("6") { database in
      // Of the scores of two classes.
      try database.execute(
        sql: """
          ALTER TABLE client_results ADD COLUMN auc REAL CHECK (auc BETWEEN 0 AND 1);
          ALTER TABLE client_results ADD COLUMN brier REAL CHECK (brier BETWEEN 0 AND 1);
          ALTER TABLE client_results ADD COLUMN calibration_error REAL
            CHECK (calibration_error BETWEEN 0 AND 1);
          PRAGMA user_version = 6;
          """)
    }
    migrator.registerMigration("7") { database in
      try database.execute(sql: audits)
      try database.execute(sql: "PRAGMA user_version = 7")
    }
    migrator.registerMigration("8") { database in
      try database.execute(sql: addedColumns)
      try gatherHistories(database)
      try database.execute(sql: "PRAGMA user_version = 8")
    }
    migrator.registerMigration("9") { database in
      try database.execute(sql: projections)
      try database.execute(sql: "PRAGMA user_version = 9")
    }
    return migrator
  }

  private static let runs = """
    CREATE TABLE runs (
      run_id TEXT NOT NULL PRIMARY KEY CHECK (length(run_id) BETWEEN 1 AND 100),
      scenario TEXT NOT NULL,
      scenario_hash TEXT NOT NULL CHECK (length(scenario_hash) = 64),
      scenario_json TEXT NOT NULL CHECK (json_valid(scenario_json)),
      method TEXT NOT NULL,
      variant TEXT,
      seed INTEGER NOT NULL CHECK (seed >= 0),
      rounds INTEGER NOT NULL CHECK (rounds >= 1),
      status TEXT NOT NULL
        CHECK (status IN ('running', 'done', 'failed', 'interrupted', 'stopped')),
      started_at TEXT NOT NULL,
      finished_at TEXT,
      workers INTEGER NOT NULL CHECK (workers >= 1),
      wall_seconds REAL CHECK (wall_seconds >= 0),
      peak_rss_bytes INTEGER CHECK (peak_rss_bytes >= 0),
      client_mean_accuracy REAL CHECK (client_mean_accuracy BETWEEN 0 AND 1),
      worst_cluster_accuracy REAL CHECK (worst_cluster_accuracy BETWEEN 0 AND 1),
      epsilon_max REAL CHECK (epsilon_max >= 0),
      result_digest TEXT,
      result_json TEXT CHECK (result_json IS NULL OR json_valid(result_json)),
      start_json TEXT CHECK (start_json IS NULL OR json_valid(start_json)),
      error TEXT,
      version TEXT NOT NULL,
      machine TEXT NOT NULL,
      host TEXT NOT NULL,
      process_id INTEGER NOT NULL,
      process_start INTEGER,
      CHECK ((status = 'running') = (finished_at IS NULL)),
      CHECK ((status = 'done') = (result_digest IS NOT NULL)),
      CHECK ((status = 'done') = (result_json IS NOT NULL)),
      CHECK ((status = 'failed') <= (error IS NOT NULL))
    ) STRICT;
    CREATE INDEX runs_by_time ON runs (started_at);
    CREATE INDEX runs_by_scenario ON runs (scenario_hash, method, seed);
    """

  private static let perRound = """
    CREATE TABLE rounds (
      run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE ON UPDATE CASCADE,
      round INTEGER NOT NULL CHECK (round >= 1),
      stage TEXT NOT NULL,
      client_mean_accuracy REAL CHECK (client_mean_accuracy BETWEEN 0 AND 1),
      worst_cluster_accuracy REAL CHECK (worst_cluster_accuracy BETWEEN 0 AND 1),
      clusters_are_true INTEGER CHECK (clusters_are_true IN (0, 1)),
      bytes_up INTEGER NOT NULL CHECK (bytes_up >= 0),
      bytes_down INTEGER NOT NULL CHECK (bytes_down >= 0),
      seconds REAL NOT NULL CHECK (seconds >= 0),
      finished_at TEXT NOT NULL,
      PRIMARY KEY (run_id, round)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE client_rounds (
      run_id TEXT NOT NULL,
      round INTEGER NOT NULL,
      client INTEGER NOT NULL CHECK (client >= 0),
      model INTEGER NOT NULL CHECK (model >= 0),
      participated INTEGER NOT NULL CHECK (participated IN (0, 1)),
      steps INTEGER NOT NULL CHECK (steps >= 0),
      update_norm REAL CHECK (update_norm >= 0),
      train_loss REAL,
      test_accuracy REAL CHECK (test_accuracy BETWEEN 0 AND 1),
      test_loss REAL,
      PRIMARY KEY (run_id, round, client),
      FOREIGN KEY (run_id, round) REFERENCES rounds ON DELETE CASCADE ON UPDATE CASCADE
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE cluster_rounds (
      run_id TEXT NOT NULL,
      round INTEGER NOT NULL,
      cluster INTEGER NOT NULL CHECK (cluster >= 0),
      name TEXT NOT NULL,
      test_accuracy REAL CHECK (test_accuracy BETWEEN 0 AND 1),
      test_loss REAL,
      PRIMARY KEY (run_id, round, cluster),
      FOREIGN KEY (run_id, round) REFERENCES rounds ON DELETE CASCADE ON UPDATE CASCADE
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE assignments (
      run_id TEXT NOT NULL,
      round INTEGER NOT NULL,
      client INTEGER NOT NULL CHECK (client >= 0),
      true_cluster INTEGER NOT NULL CHECK (true_cluster >= 0),
      model INTEGER NOT NULL CHECK (model >= 0),
      PRIMARY KEY (run_id, round, client),
      FOREIGN KEY (run_id, round) REFERENCES rounds ON DELETE CASCADE ON UPDATE CASCADE
    ) STRICT, WITHOUT ROWID;
    """

  private static let ledgerAndFiles = """
    CREATE TABLE privacy_events (
      run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE ON UPDATE CASCADE,
      sequence INTEGER NOT NULL CHECK (sequence >= 0),
      round INTEGER NOT NULL CHECK (round >= 0),
      client INTEGER CHECK (client >= 0),
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
      PRIMARY KEY (run_id, sequence),
      CHECK (mechanism NOT IN ('gaussian', 'poisson-sampled-gaussian')
        OR noise_multiplier IS NOT NULL),
      CHECK (mechanism <> 'exponential-mechanism' OR selection_epsilon IS NOT NULL)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE artifacts (
      run_id TEXT NOT NULL REFERENCES runs ON DELETE CASCADE ON UPDATE CASCADE,
      kind TEXT NOT NULL,
      name TEXT NOT NULL,
      path TEXT NOT NULL CHECK (path <> '' AND path NOT LIKE '/%'),
      sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
      bytes INTEGER NOT NULL CHECK (bytes >= 0),
      PRIMARY KEY (run_id, kind, name)
    ) STRICT, WITHOUT ROWID;
    """
}
