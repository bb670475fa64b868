// What an audit sees of a client.

import Learning
import Privacy

extension Client {
  /// What its canaries' places held; empty without an audit.
  var canaryTraces: [CanaryTrace] { kept?.audited?.traces ?? [] }

  /// What it was seen to release; nil without an audit.
  var releaseCount: ReleaseCount? {
    kept?.audited.map {
      ReleaseCount(client: profile.index, sums: $0.sums, choices: $0.choices, ledger: ledger)
    }
  }

  /// Its canaries with all scores; empty without an audit.
  func auditEvidence(
    first: [Float], last: [Float], personal: [Float]?, on lane: Lane
  ) async throws -> [AuditedCanary] {
    guard let audited = kept?.audited else { return [] }
    let exchange = exchange
    let scores = try await lane.run { workspace in
      let materialized = exchange?.evaluated(last, personal: personal)
      let start = exchange?.evaluated(first, personal: nil).start ?? first
      return audited.canaries.scores(
        first: start, last: materialized?.start ?? last,
        network: workspace.network(for: materialized))
    }
    return audited.evidence(client: profile.index, cluster: profile.cluster, models: scores)
  }
}
