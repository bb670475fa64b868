// Whether a checkpoint can be that of a run: every length and range on which the rounds rely. A file that
// is damaged fails by its hash before; this holds for one that was written by somebody else.

import Scenarios

extension RunCheckpoint {
  func fits(_ context: MethodContext) -> Bool {
    (1...context.rounds).contains(round) && state.fits(context) && progress.fits(round: round)
      && exhausted.allSatisfy {
        context.clients.indices.contains($0.key) && (1...round).contains($0.value)
      }
      && (individual.isEmpty || individual.count == context.clients.count)
      // A divergence can only grow from 0; a smaller one would guarantee too much.
      && individual.allSatisfy { $0.allSatisfy { $0 >= 0 } }
  }
}

extension FederatedState {
  fileprivate func fits(_ context: MethodContext) -> Bool {
    let clients = context.clients.count
    let start = context.scenario.method.makeMethod().start(context)
    guard modelCounts(context, start).contains(models.count), haveShape(models, of: context),
      assignment.count == clients, assignment.allSatisfy(models.indices.contains)
    else { return false }
    if let posteriors {
      guard posteriors.count == clients,
        posteriors.allSatisfy({
          $0.count == models.count && $0.allSatisfy { $0 >= 0 && $0.isFinite }
        })
      else { return false }
    }
    return personalFits(context) && controlsFit(context, start) && momentsFit(context)
      && thresholdsFit
      && clustering?.fits(clients: clients, rounds: context.rounds) ?? true
  }

  /// Some methods have as many models as they found clusters; all others keep the number that they begin with.
  private func modelCounts(
    _ context: MethodContext, _ start: FederatedState
  ) -> ClosedRange<Int> {
    context.scenario.method.traits.modelsGrow
      ? 1...context.clients.count : start.models.count...start.models.count
  }

  private func haveShape(_ vectors: [[Float]], of context: MethodContext) -> Bool {
    vectors.count == models.count && vectors.allSatisfy { $0.count == context.initial.count }
  }

  private func personalFits(_ context: MethodContext) -> Bool {
    guard let personal else { return true }
    guard let exchange = context.exchange, personal.count == context.clients.count else {
      return false
    }
    return personal.allSatisfy { $0.count == exchange.personalCount }
  }

  private func controlsFit(_ context: MethodContext, _ start: FederatedState) -> Bool {
    controls?.count == start.controls?.count
      && controls?.allSatisfy { $0.count == context.initial.count } ?? true
  }

  private func momentsFit(_ context: MethodContext) -> Bool {
    guard let moments else { return true }
    switch context.scenario.serverOptimizer {
    case .fedAvg: return false
    case .fedAvgM: return haveShape(moments.first, of: context) && moments.second.isEmpty
    case .fedAdam:
      return haveShape(moments.first, of: context) && haveShape(moments.second, of: context)
    }
  }

  /// Noise is as large as thresholds say: one that is no positive number would be none.
  private var thresholdsFit: Bool {
    guard let thresholds else { return true }
    return thresholds.count == models.count
      && thresholds.allSatisfy { $0.allSatisfy { $0 > 0 && $0.isFinite } }
  }
}

extension ClusteringReport {
  fileprivate func fits(clients: Int, rounds: Int) -> Bool {
    (1...clients).contains(chosenClusters) && (0...rounds).contains(switchRound ?? 0)
      && projection.count <= clients && posteriors.count <= clients
  }
}

extension RunProgress {
  fileprivate func fits(round: Int) -> Bool {
    // Room for as much again: no rounds can send more.
    let bytes = 0...Int.max / 2
    return bytes.contains(bytesUp) && bytes.contains(bytesDown) && digest.text.utf8.count == 64
      && (1...round).contains(correctSince ?? 1) && aggregationErrors.count <= round
  }
}
