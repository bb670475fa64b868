// R-DPCFL (Malekmohammadi, Taik, Farnadi, TMLR 2025): clusters from one full-batch round, soft
// assignments while they are uncertain, then private selection, then fixed assignments.
//
// Steps and constants: rdpcfl.md section 1. Where the published code departs from its paper, this
// follows the paper; AsReleased.swift has the code's own way.

import Clustering
import Kernels
import Learning
public import Scenarios

extension Scenario.RobustClustered: RunnableMethod {
  public func makeMethod() -> any FederatedMethod {
    switch variant {
    case .asIntended: RobustClustered(settings: self)
    case .asReleased: AsReleased(settings: self)
    }
  }
}

struct RobustClustered: SamplingMethod {
  let settings: Scenario.RobustClustered
  /// The score from which the criterion "robust" believes that clusters are apart: 95 % of runs on pure
  /// noise stay below 3.6 with 21 clients (docs/clustering.md).
  static let trustedScore = 4.0

  // MARK: - Budget

  func releases(of client: ClientPlan, in context: ReleaseContext) -> ReleasePlan {
    var plan = ReleasePlan.clusteringFirst(
      client, noiseRatio: settings.firstRoundNoiseRatio, in: context)
    if let epsilon = client.budget.targetEpsilon, settings.numClusters != 1 {
      // The window of selection depends on E_c, which is not known yet; its length is.
      plan.selections = settings.selection.rounds(of: context.scenario.rounds)
      plan.selectionEpsilon = settings.selection.epsilonRatio * epsilon
    }
    return plan
  }

  // MARK: - Rounds

  func start(_ context: MethodContext) -> FederatedState {
    .common(context)
  }

  func tasks(round: Int, state: FederatedState, context: MethodContext) -> RoundTasks {
    let cohort = context.schedule.cohort(round: round)
    guard round > 0 else {
      return .fullBatch(context: context, learningRate: settings.firstRoundLearningRate)
    }
    // At least one soft round, however small E_c is: until they have been trained once the models are
    // all the same, and a choice among them would scatter the clusters.
    let firstSelection = max(state.clustering?.switchRound ?? 0, 2)
    if round < firstSelection, let posteriors = state.posteriors {
      return RoundTasks(
        stage: .softClustering,
        tasks: cohort.map { client in
          var stream = RandomStream(
            seed: context.scenario.seed, purpose: .softAssignment, round: round, client: client)
          // Posteriors that are all alike say that nothing was seen: a draw of them would scatter the clients.
          let isTold = Set(posteriors[client]).count > 1
          let drawn = isTold ? stream.nextIndex(weights: posteriors[client]) : nil
          return ClientTask(client: client, model: drawn ?? state.assignment[client])
        })
    }
    let selects =
      state.models.count > 1
      && round < firstSelection + settings.selection.rounds(of: context.scenario.rounds)
    return .assigned(round: round, state: state, context: context, selects: selects)
  }

  func fold(
    _ updates: [ClientUpdate], means: [Int: [Float]]?, round: Int,
    into state: inout FederatedState, context: MethodContext
  ) throws {
    guard round > 0 else {
      let found = try clusters(
        of: updates, state: state, context: context, placesOthers: false)
      adopt(found, into: &state, context: context)
      return
    }
    try state.take(updates, means: means, round: round, context: context)
  }

  // MARK: - Clustering

  func sampledClusters(
    of sample: [ClientUpdate], state: FederatedState, context: MethodContext
  ) throws -> SampledClusters {
    let found = try clusters(of: sample, state: state, context: context, placesOthers: true)
    return SampledClusters(points: found.points) { signal in
      try found.place([signal]).row(0)
    } adopt: { points, state in
      adopt(found.with(points: points), into: &state, context: context)
    }
  }

  private func adopt(
    _ found: UpdateClustering, into state: inout FederatedState, context: MethodContext
  ) {
    // Overlap of clusters that noise alone would show does not lengthen the soft rounds.
    state.adopt(
      found, start: context.initial,
      switchRound: found.noiseAdjustedSwitchRound(rounds: context.rounds))
  }

  /// Clusters released first updates. Post-processing: it costs no privacy.
  private func clusters(
    of updates: [ClientUpdate], state: FederatedState, context: MethodContext, placesOthers: Bool
  ) throws -> UpdateClustering {
    let signal = context.clusteringSignals(of: updates, from: state.models)
    let candidates = settings.numClusters.map { [$0] } ?? settings.candidateClusters
    var options = UpdateClusteringOptions.recommended(
      candidates: candidates.filter { $0 <= updates.count })
    if let components = settings.components { options.components.components = components }
    options.components.keepsLoadings = placesOthers
    options.mixture.starts = settings.mixtureStarts
    options.criterion = settings.criterion.rule
    return try UpdateClustering.cluster(signal, options: options, seed: context.scenario.seed)
  }
}

extension FederatedState {
  /// Takes over found clusters: one model each, all from the same start.
  mutating func adopt(_ found: UpdateClustering, start: [Float], switchRound: Int) {
    models = [[Float]](repeating: start, count: found.count.clusters)
    moments = nil
    assignment = Assignment(found.labels)
    let posteriors = (0..<found.posteriors.rows).map { found.posteriors.row($0) }
    self.posteriors = posteriors
    clustering = ClusteringReport(
      chosenClusters: found.count.clusters,
      candidates: found.count.candidates.map { candidate in
        ClusteringReport.Candidate(
          clusters: candidate.clusters, minSeparationScore: candidate.separation?.minScore,
          maxPairwiseOverlap: candidate.separation?.maxOverlap, bic: candidate.bic,
          emIterations: candidate.fit?.iterations)
      },
      mss: found.minScore, mpo: found.maxOverlap, switchRound: switchRound,
      isConfident: found.count.isConfident,
      projection: (0..<found.points.rows).map { found.points.row($0) }, posteriors: posteriors)
  }
}

extension Scenario.RobustClustered.Criterion {
  var rule: ClusterCountCriterion {
    switch self {
    case .separation: .separation
    case .bic: .bic
    case .robust: .mostSeparated(minScore: RobustClustered.trustedScore)
    }
  }
}
