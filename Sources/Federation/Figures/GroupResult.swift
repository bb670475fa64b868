// Figures of groups of people across clients: who they are, how well they are served, and how far apart.

public import Clustering
import Datasets
import Learning
import Scenarios

/// The final figures of a group, such as the women: of each test example by the model of its client.
public struct GroupResult: Codable, Hashable, Sendable {
  /// With fewer test examples than this, a group's figures say little.
  public static let fewExamples = 30
  /// With fewer than this it takes no part in worst values and gaps: they would be chance.
  public static let leastExamples = 10

  public let name: String
  /// Clients with a test example of the group.
  public let clients: Int
  public let trainExamples: Int
  public let testExamples: Int
  /// Share of its test examples predicted right; nil without any.
  public let accuracy: Double?
  /// Mean in nats; nil without test examples.
  public let loss: Double?
  /// Test examples by the label and the prediction that the clients see.
  public let confusion: ConfusionCounts
  /// Of two classes.
  public let scores: BinaryFigures?
  /// Of its test examples in each true cluster, in the clusters' order; nil where there is one cluster.
  public var byCluster: [ClusterShare]?

  /// How a group is served within one true cluster.
  public struct ClusterShare: Codable, Hashable, Sendable {
    public let cluster: String
    public let testExamples: Int
    /// Share of them predicted right; nil without any.
    public let accuracy: Double?
  }

  public init(
    name: String, clients: Int, trainExamples: Int, testExamples: Int, accuracy: Double?,
    loss: Double?, confusion: ConfusionCounts, scores: BinaryFigures?
  ) {
    self.name = name
    self.clients = clients
    self.trainExamples = trainExamples
    self.testExamples = testExamples
    self.accuracy = accuracy
    self.loss = loss
    self.confusion = confusion
    self.scores = scores
  }

  /// Of the accuracy at 95 %, over test examples.
  public var interval: ShareInterval {
    ShareInterval(
      successes: Int(((accuracy ?? 0) * Double(testExamples)).rounded()), trials: testExamples)
  }
}

/// The groups of one column.
public struct AttributeResult: Codable, Hashable, Sendable {
  /// Name of the column.
  public let attribute: String
  public let groups: [GroupResult]

  public init(attribute: String, groups: [GroupResult]) {
    self.attribute = attribute
    self.groups = groups
  }

  /// Groups that are large enough to be compared.
  private var compared: [GroupResult] {
    groups.filter { $0.testExamples >= GroupResult.leastExamples }
  }

  private var accuracies: [Double] { compared.compactMap(\.accuracy) }

  public var worstAccuracy: Double? { accuracies.min() }

  /// Best minus worst accuracy; nil with fewer than two groups to compare.
  public var accuracyGap: Double? {
    guard accuracies.count > 1, let low = accuracies.min(), let high = accuracies.max() else {
      return nil
    }
    return high - low
  }

  /// docs/metrics.md, "Equalised odds".
  public var equalizedOddsGap: Double? { (try? EqualizedOddsGap(clusters: matrices))?.gap }

  /// docs/metrics.md, "Demographic parity".
  public var demographicParityGap: Double? {
    (try? DemographicParityGap(groups: matrices))?.gap
  }

  private var matrices: [ConfusionMatrix] {
    compared.compactMap { try? ConfusionMatrix(counts: $0.confusion.matrix) }
  }
}

// MARK: - From the clients' test examples

/// Adds up test examples over clients.
struct TestTally {
  private(set) var clients = 0
  private(set) var trainExamples = 0
  private var labels: [Int] = []
  private var margins: [Double] = []
  private var loss = 0.0
  private var correct = 0
  private var cells: [Int] = []
  /// Test examples and those predicted right, by true cluster.
  private var shares: [Int: (tested: Int, right: Int)] = [:]
  private let classes: Int

  init(classes: Int) { self.classes = classes }

  /// Adds one of a client's test examples.
  ///
  /// - Parameter cluster: of the client; nil where clusters are not told apart.
  mutating func add(
    _ view: ClientView, _ tested: TestedExamples, at position: Int, cluster: Int? = nil
  ) {
    let (label, predicted) = (view.label(at: position), tested.predicted[position])
    labels.append(label)
    if !tested.margins.isEmpty { margins.append(tested.margins[position]) }
    loss += tested.losses[position]
    correct += label == predicted ? 1 : 0
    cells.append(label * classes + predicted)
    if let cluster {
      shares[cluster, default: (0, 0)].tested += 1
      shares[cluster, default: (0, 0)].right += label == predicted ? 1 : 0
    }
  }

  /// Counts a client whose examples have been added.
  ///
  /// - Parameter before: test examples that were there before.
  mutating func addClient(trainExamples: Int, before: Int) {
    self.trainExamples += trainExamples
    if labels.count > before { clients += 1 }
  }

  var testExamples: Int { labels.count }

  func scores() throws -> BinaryFigures? {
    margins.isEmpty ? nil : try BinaryFigures(labels: labels, margins: margins)
  }

  /// - Parameter clusters: names of the true clusters; one is none.
  func result(name: String, clusters: [String]) throws -> GroupResult {
    let count = Double(labels.count)
    var result = GroupResult(
      name: name, clients: clients, trainExamples: trainExamples, testExamples: labels.count,
      accuracy: labels.isEmpty ? nil : Double(correct) / count,
      loss: labels.isEmpty ? nil : loss / count,
      confusion: ConfusionCounts(classes: classes, cells: cells), scores: try scores())
    guard clusters.count > 1 else { return result }
    result.byCluster = clusters.enumerated().map { index, cluster in
      let share = shares[index] ?? (0, 0)
      return GroupResult.ClusterShare(
        cluster: cluster, testExamples: share.tested,
        accuracy: share.tested == 0 ? nil : Double(share.right) / Double(share.tested))
    }
    return result
  }
}

extension MethodContext {
  /// Figures of the groups of every attribute; nil without attributes.
  ///
  /// - Parameter tested: of every client.
  func groupResults(
    _ attributes: [GroupAttribute], tested: [TestedExamples?]
  ) throws -> [AttributeResult]? {
    guard !attributes.isEmpty else { return nil }
    let clusters = scenario.population.clusters.map(\.name)
    return try attributes.enumerated().map { place, attribute in
      var tallies = attribute.groups.map { _ in TestTally(classes: plan.architecture.classes) }
      for (profile, tested) in zip(self.clients, tested) {
        guard let tested else { continue }
        let before = tallies.map(\.testExamples)
        for position in 0..<profile.test.count {
          tallies[profile.test.group(at: position, of: place)].add(
            profile.test, tested, at: position, cluster: profile.cluster)
        }
        var trained = [Int](repeating: 0, count: attribute.groups.count)
        for position in 0..<profile.train.count {
          trained[profile.train.group(at: position, of: place)] += 1
        }
        for group in attribute.groups.indices {
          tallies[group].addClient(trainExamples: trained[group], before: before[group])
        }
      }
      return AttributeResult(
        attribute: attribute.name,
        groups: try zip(attribute.groups, tallies).map {
          try $1.result(name: $0, clusters: clusters)
        })
    }
  }
}
