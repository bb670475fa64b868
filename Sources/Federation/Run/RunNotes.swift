// What a reader of a run's figures must know.

import Scenarios

extension Simulation {
  func keepingNote(parameters: Int) -> [String] {
    guard options.handsOutUpdates else { return [] }
    let bytes = Self.keptBytes(of: scenario, parameters: parameters)
    let size =
      bytes < 1_000_000 ? "\((bytes + 999) / 1000) kB" : "\((bytes + 999_999) / 1_000_000) MB"
    return ["every released update is kept: about \(size) of updates-round-*.safetensors"]
  }

  /// What a reader of the figures must know.
  var notes: [String] {
    var notes: [String] = []
    if scenario.method.traits.repeatsPublishedCode {
      notes.append(AsReleased.note)
    }
    if scenario.population.overlap {
      notes.append(
        "overlap: one image may belong to several clients; each client's epsilon covers its own copy "
          + "only")
    }
    if let sampled = scenario.evaluation.clients, sampled < scenario.clientCount {
      let count = EvaluationSample.shares(
        of: sampled, sizes: scenario.population.clusters.map(\.clients)
      ).reduce(0, +)
      notes.append(
        "rounds are evaluated on \(count) of \(scenario.clientCount) clients, drawn anew each time; the final figures "
          + "are of all clients")
    }
    if let sampled = scenario.method.traits.clusteringSample, sampled < scenario.clientCount {
      notes.append(
        "clusters were found of the first updates of \(sampled) of \(scenario.clientCount) clients; the others were "
          + "placed among them (method.clustering_sample)")
    }
    if !scenario.isReproducible {
      notes.append(
        "noise, batches and private choices come from the operating system: the run cannot be repeated, "
          + "and its digest identifies this run alone")
    }
    return notes
  }
}
