// The table of audits, which belong to a scenario and not to a run: an audited run has canaries among its data.

extension Schema {
  static let audits = """
    CREATE TABLE audits (
      audit_id TEXT NOT NULL PRIMARY KEY CHECK (length(audit_id) BETWEEN 1 AND 100),
      scenario TEXT NOT NULL,
      scenario_hash TEXT NOT NULL CHECK (length(scenario_hash) = 64),
      scenario_json TEXT NOT NULL CHECK (json_valid(scenario_json)),
      seed INTEGER NOT NULL CHECK (seed >= 0),
      kind TEXT NOT NULL,
      canaries INTEGER NOT NULL CHECK (canaries >= 1),
      refuted INTEGER NOT NULL CHECK (refuted IN (0, 1)),
      created_at TEXT NOT NULL,
      version TEXT NOT NULL,
      build TEXT CHECK (length(build) = 64),
      machine TEXT NOT NULL,
      report_json TEXT NOT NULL CHECK (json_valid(report_json))
    ) STRICT;
    CREATE INDEX audits_by_scenario ON audits (scenario, created_at);
    """
}
