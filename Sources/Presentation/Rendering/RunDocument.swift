// The JSON document of a run, as docs/command-line.md describes it. Fields are added, never renamed.

import Analysis
import Clustering
import Federation
import Formatting
import Privacy
public import Scenarios
import Store

extension StoredRun {
  /// What `run --format json` and `runs show --format json` print.
  ///
  /// A run without a result has the first group of fields only.
  public var document: JSONValue {
    var members = documentWithoutClients
    if let result { members["clients"] = .array(result.clients.map(document(of:))) }
    return .object(members)
  }

  /// Writes `document.prettyText` in parts, a thousand clients each: the document of all of them at once would
  /// take as much memory as the run.
  public func writeDocument<Failure: Error>(
    _ write: (String) throws(Failure) -> Void
  ) throws(Failure) {
    guard let result, result.clients.count > 1 else { return try write(document.prettyText) }
    let members = documentWithoutClients
    var separator = "{"
    for key in (members.keys + ["clients"]).sorted() {
      try write("\(separator)\n  \"\(key)\": ")
      separator = ","
      if let member = members[key] {
        try write(member.prettyText(depth: 1))
        continue
      }
      var text = "["
      for (place, client) in result.clients.enumerated() {
        text += (place == 0 ? "\n    " : ",\n    ") + document(of: client).prettyText(depth: 2)
        guard place % 1000 == 999 else { continue }
        try write(text)
        text = ""
      }
      try write(text + "\n  ]")
    }
    try write("\n}")
  }

  private func document(of client: ClientResult) -> JSONValue {
    client.document(
      named: clientNames.flatMap { $0.indices.contains(client.client) ? $0[client.client] : nil })
  }

  private var documentWithoutClients: [String: JSONValue] {
    var members: [String: JSONValue] = [
      "run_id": .string(run.runID), "status": .string(run.presentStatus.rawValue),
      "scenario": .string(run.scenario), "scenario_hash": .string(run.scenarioHash),
      "method": .string(run.method), "variant": JSONValue(run.variant),
      "seed": .integer(run.seed), "rounds": .integer(run.rounds),
      "finished_rounds": .integer(rounds.count), "started_at": .string(run.startedAt.stamp),
      "finished_at": JSONValue(run.finishedAt?.stamp), "error": JSONValue(run.error),
      "wall_seconds": JSONValue(run.wallSeconds),
      "total_seconds": JSONValue(run.totalSeconds), "data_hash": JSONValue(run.dataHash),
      "build": JSONValue(run.build), "workers": .integer(run.workers),
      "ranks": .integer(run.ranks), "nodes": .integer(run.nodes),
      "peak_rss_bytes": JSONValue(run.peakRSSBytes), "machine": .string(run.machine),
      "dpflsim_version": .string(run.version), "notes": .array(notes.map { .string($0) }),
      "warnings": .array(warnings.map(\.document)),
      "communication": [
        "bytes_up": .integer(rounds.reduce(0) { $0 + $1.bytesUp }),
        "bytes_down": .integer(rounds.reduce(0) { $0 + $1.bytesDown }),
      ],
      "files": .array(artifacts.map(\.document)),
    ]
    if let start {
      members["model"] = start.modelDocument
      members["expected_peak_bytes"] = JSONValue(start.expectedPeakBytes)
    }
    if let result {
      members["result_digest"] = .string(result.resultDigest)
      members["digest_version"] = .integer(result.digestVersion ?? 1)
      members["arithmetic"] = .string(result.arithmetic ?? "native")
      members["reproducible"] = .bool(result.isReproducible ?? true)
      members["accuracy"] = result.accuracyDocument
      members["clusters"] = .array(result.clusterDocuments)
      if let groups = result.groups { members["groups"] = .array(groups.map(\.document)) }
      members["fairness"] = result.fairnessDocument
      members["clustering"] = result.clusteringDocument
      members["privacy"] = result.privacyDocument
      if let individual = result.individual { members["individual"] = individual.document }
      if let adapter = result.adapter { members["adapter"] = adapter.document }
      if let arrivals = result.arrivals { members["arrivals"] = .array(arrivals.map(\.document)) }
      if let changes = result.changes {
        members["changes"] = .array(
          changes.map { $0.document(named: result.clusters[$0.cluster].name) })
      }
    }
    return members
  }
}

extension IndividualResult {
  /// Averages of the examples' own ε; they speak of this run's trajectory alone.
  fileprivate var document: JSONValue {
    [
      "examples": .integer(examples), "least": .number(least), "mean": .number(mean),
      "largest": .number(largest), "mean_by_class": .array(meanByClass.map { JSONValue($0) }),
      "mean_by_cluster": .array(meanByCluster.map { JSONValue($0) }),
      "log_loss_correlation": JSONValue(lossCorrelation),
    ]
  }
}

extension AdapterResult {
  fileprivate var document: JSONValue {
    [
      "aggregation": .string(aggregation), "trains": .string(facts.trains),
      "sends": .string(facts.sends), "averages": .string(facts.averages),
      "privacy": .string(facts.privacy), "last_error": JSONValue(lastError),
      "largest_error": JSONValue(largestError),
    ]
  }
}

extension RunResult {
  fileprivate var accuracyDocument: JSONValue {
    let (clients, clusters) = (clientAccuracies, clusterAccuracies)
    return [
      "client_mean": JSONValue(clients.mean), "sample_mean": JSONValue(sampleAccuracies.mean),
      "worst_client": JSONValue(clients.min), "worst_cluster": JSONValue(clusters.min),
      "best_cluster": JSONValue(clusters.max),
    ]
  }

  fileprivate var fairnessDocument: JSONValue {
    let (clients, clusters) = (clientAccuracies, clusterAccuracies)
    return [
      "worst_cluster_accuracy": JSONValue(clusters.min), "accuracy_gap": JSONValue(clusters.gap),
      "accuracy_std": JSONValue(clients.standardDeviation),
      "bottom10_mean": JSONValue(clients.bottom10Mean), "cvar20": JSONValue(clients.cvar20),
      "jain": JSONValue(clients.jain), "gini": JSONValue(clients.gini),
    ]
  }

  /// Null for a method that has no clusters.
  fileprivate var clusteringDocument: JSONValue {
    guard agreement != nil || clustering != nil else { return .null }
    let candidates = (clustering?.candidates ?? []).map { candidate -> JSONValue in
      var members: [String: JSONValue] = [
        "clusters": .integer(candidate.clusters), "mss": JSONValue(candidate.minSeparationScore),
        "mpo": JSONValue(candidate.maxPairwiseOverlap), "bic": JSONValue(candidate.bic),
        "em_iterations": JSONValue(candidate.emIterations),
      ]
      if let silhouette = candidate.silhouette { members["silhouette"] = .number(silhouette) }
      return .object(members)
    }
    let missed = (agreement?.misassignedClients ?? []).map { JSONValue.integer($0) }
    return [
      "chosen_clusters": JSONValue(clustering?.chosenClusters), "mss": JSONValue(clustering?.mss),
      "mpo": JSONValue(clustering?.mpo), "switch_round": JSONValue(clustering?.switchRound),
      "is_confident": (clustering?.isConfident).map { .bool($0) } ?? .null,
      "candidates": .array(candidates), "ari": JSONValue(agreement?.ari),
      "nmi": JSONValue(agreement?.nmi), "purity": JSONValue(agreement?.purity),
      "misassigned_clients": .array(missed),
      "first_correct_round": JSONValue(agreement?.firstCorrectRound),
      "minority_isolated": agreement?.minorityIsolated.map { .bool($0) } ?? .null,
      "models": .array(clients.map { .integer($0.model) }),
    ]
  }

  fileprivate var privacyDocument: JSONValue {
    func list(_ value: (ClientResult) -> Double?) -> JSONValue {
      .array(clients.map { JSONValue(value($0)) })
    }
    let accountants = Set(clients.compactMap(\.accountant))
    let deltas = Set(clients.map(\.delta))
    return [
      "unit": .string(unit.rawValue), "relation": .string(relation.rawValue),
      "sampling": .string(sampling),
      "accountant": accountants.isEmpty
        ? .null : .string(accountants.sorted().joined(separator: ",")),
      // Of the weakest guarantee, where clients differ.
      "delta": JSONValue(deltas.max()), "epsilon_max": JSONValue(epsilonMax),
      // Of clients that came after training, whose one choice is all that they release.
      "arrivals_epsilon_max": JSONValue(arrivalsEpsilon),
      "epsilon_by_client": list(\.epsilon), "delta_by_client": list(\.delta),
      "target_epsilon_by_client": list(\.targetEpsilon),
      "noise_multiplier_by_client": list(\.noiseMultiplier),
      "first_round_noise_multiplier_by_client": list(\.firstRoundNoiseMultiplier),
      "allowed": .array((allowedFindings ?? []).map(\.document)),
    ]
  }
}

extension RunResult {
  fileprivate var clusterDocuments: [JSONValue] {
    clusters.enumerated().map { index, cluster in
      var members: [String: JSONValue] = [
        "name": .string(cluster.name), "clients": .integer(cluster.clients),
        "samples": .integer(cluster.samples), "accuracy": .number(cluster.accuracy),
        "loss": .number(cluster.loss), "minority": .bool(cluster.minority),
      ]
      if let perplexity = cluster.perplexity { members["perplexity"] = .number(perplexity) }
      if let scores = cluster.scores {
        members.merge(scores.members(confusion(ofCluster: index))) { $1 }
      }
      return .object(members)
    }
  }
}

extension ClientResult {
  /// - Parameter name: what the scenario or its table calls the client; nil leaves it to its number.
  fileprivate func document(named name: String?) -> JSONValue {
    var members: [String: JSONValue] = [
      "client": .integer(client), "cluster": .integer(cluster), "model": .integer(model),
      "train_examples": .integer(trainExamples), "test_examples": .integer(testExamples),
      "accuracy": .number(accuracy), "majority_accuracy": JSONValue(majorityAccuracy),
      "loss": .number(loss), "epsilon": JSONValue(epsilon),
    ]
    if let name { members["name"] = .string(name) }
    if let mixtureWeights {
      members["mixture_weights"] = .array(mixtureWeights.map { .number($0) })
    }
    if let scores {
      members.merge(scores.members(try? ConfusionMatrix(counts: confusion.matrix))) { $1 }
    }
    return .object(members)
  }
}

extension StoredStart {
  fileprivate var modelDocument: JSONValue {
    [
      "trainable_parameters": .integer(trainableParameters),
      "parameters": .integer(modelParameters),
    ]
  }
}

extension ArtifactRecord {
  fileprivate var document: JSONValue {
    [
      "kind": .string(kind), "name": .string(name), "path": .string(path),
      "sha256": .string(sha256), "bytes": .integer(bytes),
    ]
  }
}
