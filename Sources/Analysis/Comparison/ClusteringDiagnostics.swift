// What the clustering of a cell's runs looked like from inside: every candidate number of clusters, when
// assignments were fixed, how often the minority was found, and which clients ended in the wrong place.

public import Clustering
import Federation
import Formatting
import Scenarios

/// Diagnostics of the runs of one cell that found clusters.
public struct ClusteringDiagnostics: Sendable {
  /// A number of clusters that was tried.
  public struct Candidate: Sendable {
    public let clusters: Int
    /// Runs that chose it.
    public let chosen: Int
    public let minSeparationScore: SeedEstimate
    public let maxPairwiseOverlap: SeedEstimate
    /// Mean number of EM iterations.
    public let emIterations: SeedEstimate
  }

  /// A client that did not end with its true cluster, by name and cluster, and the seeds in which it
  /// did not.
  public struct Misassigned: Sendable, Hashable {
    public let client: Int
    public let cluster: String
    public let seeds: [UInt64]

    /// Such as "client 4 of upright".
    public var name: String { "client \(client) of \(cluster)" }
  }

  /// Runs that found clusters.
  public let runs: Int
  /// Runs in which every minority cluster had a model of its own, and runs that have such clusters.
  public let detections: (found: Int, of: Int)
  public let ari: SeedEstimate
  public let nmi: SeedEstimate
  public let purity: SeedEstimate
  /// In ascending order of the number of clusters; empty for methods that do not look for it.
  public let candidates: [Candidate]
  /// The last soft round of the run with the earliest and of that with the latest.
  public let switchRounds: ClosedRange<Int>?
  /// In ascending order of the client.
  public let misassigned: [Misassigned]

  /// Nil if no run of the cell found clusters.
  init?(_ cell: ComparisonCell) {
    let results = cell.runs.map(\.result).filter { $0.agreement != nil }
    guard !results.isEmpty else { return nil }
    runs = results.count
    let detected = results.compactMap { $0.agreement?.minorityIsolated }
    detections = (detected.count { $0 }, detected.count)
    ari = cell.estimate(.ari)
    nmi = cell.estimate(.nmi)
    purity = cell.estimate(.purity)
    let reports = results.compactMap(\.clustering)
    let counts = Set(reports.flatMap { $0.candidates.map(\.clusters) }).sorted()
    candidates = counts.map { count in
      let tried = reports.compactMap { $0.candidates.first { $0.clusters == count } }
      return Candidate(
        clusters: count, chosen: reports.count { $0.chosenClusters == count },
        minSeparationScore: Comparison.estimate(tried.map(\.minSeparationScore)),
        maxPairwiseOverlap: Comparison.estimate(tried.map(\.maxPairwiseOverlap)),
        emIterations: Comparison.estimate(tried.map { $0.emIterations.map(Double.init) }))
    }
    let switches = reports.compactMap(\.switchRound)
    switchRounds = switches.min().flatMap { low in switches.max().map { low...$0 } }
    var seeds: [Int: [UInt64]] = [:]
    var clusters: [Int: String] = [:]
    for result in results {
      for client in result.agreement?.misassignedClients ?? [] {
        seeds[client, default: []].append(result.seed)
        guard let own = result.clients.first(where: { $0.client == client }),
          result.clusters.indices.contains(own.cluster)
        else { continue }
        clusters[client] = result.clusters[own.cluster].name
      }
    }
    misassigned = seeds.sorted { $0.key < $1.key }.map {
      Misassigned(client: $0.key, cluster: clusters[$0.key] ?? "?", seeds: $0.value)
    }
  }
}

extension ComparisonCell {
  /// What the clustering did; nil for methods that find no clusters.
  public var clusteringDiagnostics: ClusteringDiagnostics? { ClusteringDiagnostics(self) }
}

// MARK: - In words

extension ClusteringDiagnostics {
  /// "3 of 3 seeds"; nil without minority clusters.
  var detectionText: String? {
    detections.of == 0
      ? nil : "\(detections.found) of \(NumberText.count(detections.of, "seed"))"
  }

  /// "9" or "8 to 10".
  package var switchText: String? {
    switchRounds.map {
      $0.lowerBound == $0.upperBound ? "\($0.lowerBound)" : "\($0.lowerBound) to \($0.upperBound)"
    }
  }

  /// Every misassigned client with its seeds.
  package var misassignedTexts: [String] {
    misassigned.map { client in
      "\(client.name) (\(client.seeds.count == 1 ? "seed" : "seeds") "
        + client.seeds.map(String.init).joined(separator: ", ") + ")"
    }
  }

  /// Sentences for a terminal.
  package var sentences: [String] {
    var parts = [
      "ARI \(NumberText.decimal(ari.mean, 2))", "NMI \(NumberText.decimal(nmi.mean, 2))",
      "purity \(NumberText.decimal(purity.mean, 2))",
    ]
    if let detectionText { parts.append("minority with a model of its own in \(detectionText)") }
    if let switchText { parts.append("soft up to round \(switchText)") }
    var sentences = ["Clusters found: " + parts.joined(separator: ", ") + "."]
    if !candidates.isEmpty {
      sentences.append(
        "Candidates: "
          + candidates.map {
            "M = \($0.clusters) separation \(NumberText.decimal($0.minSeparationScore.mean, 2)), "
              + "overlap \(NumberText.decimal($0.maxPairwiseOverlap.mean, 3)), EM "
              + "\(NumberText.decimal($0.emIterations.mean, 0)), chosen \($0.chosen) of \(runs)"
          }.joined(separator: "; ") + ".")
    }
    sentences.append(
      misassigned.isEmpty
        ? "Nobody ended with a wrong cluster."
        : "With a wrong cluster: " + misassignedTexts.joined(separator: ", ") + ".")
    return sentences
  }
}
