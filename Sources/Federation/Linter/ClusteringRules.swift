// Rules on whether clusters can be found: DP301 and on.

import Datasets
import Scenarios

extension CheckRule {
  static let clustering: [CheckRule] = [
    CheckRule("DP301", .warning) { facts in
      guard facts.selectionRounds == 0, facts.traits.trainsSeveralModels else { return [] }
      return [
        Violation(
          "method.selection_rounds_ratio",
          "no round lets clients select, so a wrong first assignment is never fixed; use 0.05 to 0.1"
        )
      ]
    },
    CheckRule("DP302", .warning) { facts in
      guard let settings = facts.robustClustered, settings.numClusters == nil,
        let most = settings.candidateClusters.max(), 3 * most > facts.clients.count
      else { return [] }
      let clients = facts.clients.count
      return [
        Violation(
          "method.candidate_clusters",
          "\(most) clusters of \(clients) clients leave fewer than 3 for each, and such mixtures collapse; "
            + (clients < 6
              ? "with so few clients use a method that looks for no clusters (global, local, mr-mtl)"
              : "keep candidates at most \(clients / 3)"))
      ]
    },
    CheckRule("DP303", .note) { facts in
      guard facts.scenario.method.settings is Scenario.Ifca, facts.traits.models > 1 else {
        return []
      }
      return [
        Violation(
          "method",
          "IFCA's models start equal but for noise of a tenth of a weight, so that the first "
            + "selections are near to chance and cost as much as later ones; r-dpcfl spends no selection "
            + "before clusters are seen")
      ]
    },
    CheckRule("DP304", .warning) { facts in
      guard let forecast = facts.detection, let least = forecast.leastDistance, least > 2
      else { return [] }
      return [
        Violation(
          "privacy.target_epsilon",
          "clusters cannot be seen at this budget: their mean clipped gradients would have to lie "
            + "\(short(least)) clipping bounds apart and cannot lie more than 2; train fewer parameters, "
            + "or allow more epsilon or examples")
      ]
    },
    CheckRule("DP305", .warning) { facts in
      guard let forecast = facts.detection, let least = forecast.leastDistance, least <= 2,
        let reliable = forecast.reliableDistance, reliable > 0.5
      else { return [] }
      return [
        Violation(
          "privacy.target_epsilon",
          "clusters are found reliably only if their mean clipped gradients lie \(short(reliable)) "
            + "clipping bounds apart, which is rare above 0.5; lower method.first_round_noise_ratio or "
            + "train fewer parameters")
      ]
    },
    CheckRule("DP306", .warning) { facts in
      let clusters = facts.scenario.population.clusters
      guard facts.robustClustered != nil, clusters.count > 1,
        let index = clusters.firstIndex(where: { $0.clients == 1 })
      else { return [] }
      return [
        Violation(
          "population.clusters[\(index)].clients",
          "a cluster of one client cannot be told from noise by its update; give it at least 2, better 3"
        )
      ]
    },
    CheckRule("DP307", .warning) { facts in
      let clusters = facts.scenario.population.clusters
      guard facts.traits.clusters == .found,
        let index = clusters.firstIndex(where: { $0.shift.isFeatureNoiseAlone })
      else { return [] }
      return [
        Violation(
          "population.clusters[\(index)].shift.feature_noise",
          "noise on the features alone hardly changes which model is best, so this cluster may stay "
            + "invisible; add a rotation or change labels")
      ]
    },
    CheckRule("DP308", .note) { facts in
      let clusters = facts.scenario.population.clusters
      guard facts.isPrivate, facts.traits.trainsSeveralModels,
        let index = clusters.firstIndex(where: \.minority),
        let largest = clusters.map(\.clients).max(), largest > clusters[index].clients
      else { return [] }
      return [
        Violation(
          "population.clusters[\(index)]",
          "the mean over \(clusters[index].clients) clients carries "
            + "\(short(Double(largest) / Double(clusters[index].clients))) times the noise variance of "
            + "the mean over \(largest): the minority pays more even with perfect clusters; compare with "
            + "oracle")
      ]
    },
    CheckRule("DP309", .note) { facts in
      guard let known = facts.traits.knownClusterCount,
        known == facts.scenario.population.clusters.count, known > 1
      else {
        return []
      }
      return [
        Violation(
          "method.num_clusters",
          "the method is told that there are \(known) clusters, which nobody knows in practice; "
            + "r-dpcfl with null finds the number itself")
      ]
    },
    CheckRule("DP310", .warning) { facts in
      // What sets clusters of a table's own clients apart stands in its rows.
      guard facts.scenario.data.table?.format.client == nil else { return [] }
      let clusters = facts.scenario.population.clusters
      for (index, cluster) in clusters.enumerated() {
        let twin = clusters[..<index].firstIndex {
          $0.shift == cluster.shift && $0.labelSkew == cluster.labelSkew
            && $0.groups == cluster.groups
        }
        guard let twin else { continue }
        return [
          Violation(
            "population.clusters[\(index)].shift",
            "clusters \"\(clusters[twin].name)\" and \"\(cluster.name)\" have the same distribution, so "
              + "no method can tell them apart; give them different shifts")
        ]
      }
      return []
    },
    CheckRule("DP311", .warning) { facts in
      guard facts.hasOwnRows, facts.traits.clustersFirstRound else { return [] }
      return [
        Violation(
          "adapter.type",
          "every client draws random rows of its own here, since none may be common where a record can be at several "
            + "clients or the system draws, so that first updates hardly compare and clusters may not be found; use "
            + "linear_probe, or a method that does not cluster updates")
      ]
    },
  ]
}

extension Scenario.Shift {
  fileprivate var isFeatureNoiseAlone: Bool {
    featureNoise > 0 && rotation == 0 && labelOffset == 0 && labelPermutation == nil
  }
}
