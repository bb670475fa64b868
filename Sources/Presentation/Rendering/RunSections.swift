// The parts of the table that ends a run: clusters found, accuracies, privacy.

package import Analysis
import Clustering
package import Federation
import Formatting
import Privacy
import Store

/// Text about one result. Every method gives the lines of one section.
package struct RunSections {
  let result: RunResult
  let colors: Bool
  let clientNames: [String]?
  /// What the data set calls its classes; nil where they have numbers alone.
  let classNames: [String]?
  let protects: ProtectedUnit

  /// - Parameters:
  ///   - clientNames: what clients are called; nil calls them by their numbers.
  ///   - protects: nil where nobody can read the scenario any more.
  package init(
    result: RunResult, clientNames: [String]? = nil, classNames: [String]? = nil,
    protects: ProtectedUnit? = nil, colors: Bool
  ) {
    self.result = result
    self.clientNames = clientNames
    self.classNames = classNames
    self.protects = protects ?? (result.unit == .client ? .client : .example)
    self.colors = colors
  }

  private func styled(_ text: String, _ style: TextStyle) -> String {
    style.applied(to: text, colors: colors)
  }

  func list(_ clients: [Int], limit: Int = 12) -> String {
    NumberText.list(clients, named: clientNames, limit: limit)
  }

  func heading(_ text: String) -> String { styled(text, .bold) }
}

// MARK: - Clusters found

extension RunSections {
  /// More models than this are not shown side by side.
  private static let widestTable = 12

  /// Clients by true cluster and model, or who was put together where nobody knows clusters; nil where the method finds
  /// none.
  package func clustersFound() -> [String]? {
    guard let agreement = result.agreement else {
      return result.findsUnknownClusters ? groupsFound() : nil
    }
    let modelCount = max(
      result.clustering?.chosenClusters ?? 0, (result.clients.map(\.model).max() ?? 0) + 1)
    var lines = [heading("Clusters found")]
    if modelCount <= Self.widestTable {
      var table = TextTable(
        [("true cluster", .left)] + (0..<modelCount).map { ("model \($0)", .right) })
      for (index, cluster) in result.clusters.enumerated() {
        let members = result.clients.filter { $0.cluster == index }
        table.add(
          [TextTable.Cell(cluster.name, cluster.minority ? .marked : .plain)]
            + (0..<modelCount).map { model in
              let count = members.count { $0.model == model }
              return count == 0 ? TextTable.Cell("·", .faint) : "\(count)"
            })
      }
      lines += table.lines(colors: colors)
    }
    lines.append("  " + verdict(agreement))
    if let isolated = agreement.minorityIsolated, result.clusters.count > 1 {
      lines.append(
        "  "
          + (isolated
            ? "Every minority cluster has a model of its own."
            : styled("A minority cluster shares its model with other clients.", .bad)))
    }
    if let clustering = result.clustering { lines += choice(clustering) }
    return lines + mixtureLines
  }

  /// Who ended with one model.
  private func groupsFound() -> [String] {
    let members = Dictionary(grouping: result.clients, by: \.model)
    var lines = [heading("Clusters found")]
    if members.count <= Self.widestTable {
      var table = TextTable([("model", .left), ("clients", .right), ("", .left)])
      for (model, clients) in members.sorted(by: { $0.key < $1.key }) {
        table.add([
          "\(model)", "\(NumberText.grouped(clients.count))",
          TextTable.Cell(list(clients.map(\.client), limit: 8)),
        ])
      }
      lines += table.lines(colors: colors)
    }
    lines.append(
      "  Nobody knows true clusters of these clients, so the found ones are compared with nothing.")
    if let clustering = result.clustering { lines += choice(clustering) }
    return lines + mixtureLines
  }

  /// What clients have of the models beside the one that they are counted with.
  private var mixtureLines: [String] {
    let shares = result.clients.compactMap { $0.mixtureWeights?.max() }
    guard !shares.isEmpty else { return [] }
    let mean = shares.reduce(0, +) / Double(shares.count)
    return [
      "  All models serve every client, in shares of its own (JSON: mixture_weights); it is counted with the model of its "
        + "largest share, \(NumberText.percent(mean)) on average."
    ]
  }

  private func verdict(_ agreement: AgreementReport) -> String {
    let ari = "ARI \(NumberText.decimal(agreement.ari, 2))"
    guard !agreement.misassignedClients.isEmpty || (agreement.ari ?? 1) < 1 else {
      if result.clusters.count == 1 {
        return "There is one true cluster, so there was nothing to find (\(ari))."
      }
      let since = agreement.firstCorrectRound.map { ", since round \($0)" } ?? ""
      // What noise alone may have made is no success.
      let isSure = result.clustering?.isConfident ?? true
      return styled("The found clusters equal the true ones", isSure ? .good : .plain)
        + " (\(ari)\(since))\(isSure ? "" : ", which noise alone may have done")."
    }
    let missed = agreement.misassignedClients
    return styled(
      "\(missed.count) of \(NumberText.count(result.clients.count, "client"))", .bad)
      + (missed.count == 1 ? " is" : " are") + " not with their true cluster (\(ari)): "
      + list(missed) + "."
  }

  private func choice(_ clustering: ClusteringReport) -> [String] {
    var parts: [String] = []
    if let score = clustering.mss {
      parts.append("separation score \(NumberText.decimal(score, 2))")
    }
    if let overlap = clustering.mpo {
      parts.append("overlap \(NumberText.decimal(overlap, 4))")
    }
    let silhouettes = clustering.candidates.filter { $0.silhouette != nil }
    if let found = silhouettes.first(where: { $0.clusters == clustering.chosenClusters }) {
      parts.append("silhouette \(NumberText.decimal(found.silhouette, 2))")
    }
    if let round = clustering.switchRound { parts.append("soft up to round \(round)") }
    var lines: [String] = []
    if !parts.isEmpty {
      lines.append(
        "  \(NumberText.count(clustering.chosenClusters, "model")): \(parts.joined(separator: ", "))."
      )
    }
    if !clustering.isConfident {
      lines.append("  " + styled("Noise alone may put clusters as far apart as these.", .bad))
    }
    if silhouettes.count > 1 {
      let scores = silhouettes.map { "\($0.clusters): \(NumberText.decimal($0.silhouette, 2))" }
      lines.append("  Silhouette by number of clusters: \(scores.joined(separator: ", ")).")
    } else if clustering.candidates.count > 1 {
      let scores = clustering.candidates.map {
        "\($0.clusters): \(NumberText.decimal($0.minSeparationScore, 2))"
      }
      lines.append("  Separation score by number of clusters: \(scores.joined(separator: ", ")).")
    }
    return lines
  }
}

// MARK: - Accuracy

extension RunSections {
  func accuracy() -> [String] {
    let isDecoder = result.clusters.contains { $0.perplexity != nil }
    var table = TextTable(
      [
        ("true cluster", .left), ("clients", .right), ("train", .right), ("test", .right),
        ("accuracy", .right), ("loss", .right),
      ] + (isDecoder ? [("perplexity", .right)] : []) + [("", .left)])
    let (clients, clusters) = (result.clientAccuracies, result.clusterAccuracies)
    // Between two of them; where nobody knows clusters all clients are of one.
    let gap = result.clusters.count > 1 ? clusters.gap : nil
    let isUnequal = (gap ?? 0) > 0
    for (index, cluster) in result.clusters.enumerated() {
      let tested = result.clients.reduce(0) { $0 + ($1.cluster == index ? $1.testExamples : 0) }
      let isWorst = isUnequal && cluster.accuracy == clusters.min
      let marks = (cluster.minority ? ["minority"] : []) + (isWorst ? ["lowest"] : [])
      table.add(
        [
          TextTable.Cell(cluster.name, cluster.minority ? .marked : .plain),
          "\(NumberText.grouped(cluster.clients))", "\(NumberText.grouped(cluster.samples))",
          "\(NumberText.grouped(tested))",
          TextTable.Cell(NumberText.percent(cluster.accuracy), isWorst ? .bad : .plain),
          "\(NumberText.decimal(cluster.loss, 3))",
        ] + (isDecoder ? ["\(NumberText.decimal(cluster.perplexity, 2))"] : [])
          + [TextTable.Cell(marks.joined(separator: ", "), isWorst ? .bad : .marked)])
    }
    let title =
      isDecoder
      ? "Next tokens predicted right in the clients' test texts"
      : "Accuracy on the clients' test examples"
    return [heading(title)] + table.lines(colors: colors) + [
      "  Mean of clients \(NumberText.percent(clients.mean)), by training examples "
        + "\(NumberText.percent(result.sampleAccuracies.mean)), \(worstClient()).",
      "  Gap between clusters \(gap.map { NumberText.points($0) } ?? "–").",
      "  Over clients: standard deviation \(NumberText.points(clients.standardDeviation)), "
        + "lowest 10 % \(NumberText.percent(clients.bottom10Mean)), lowest 20 % "
        + "\(NumberText.percent(clients.cvar20)), Jain \(NumberText.decimal(clients.jain, 3)), "
        + "Gini \(NumberText.decimal(clients.gini, 3)).",
    ]
  }
}

// MARK: - Adapters

extension RunSections {
  /// How adapters were averaged; nil without any.
  func adapters() -> [String]? {
    guard let adapter = result.adapter else { return nil }
    let error =
      adapter.largestError.map {
        $0 < 1e-4
          ? "exact in every round" : "at most \(NumberText.percent($0)) from the exact average"
      } ?? "no error against the exact average is defined"
    return [
      heading("Adapters, averaged by \(adapter.aggregation)"),
      "  Clients train \(adapter.facts.trains) and send \(adapter.facts.sends).",
      "  The server takes: \(adapter.facts.averages) (\(error)).",
    ]
  }
}
