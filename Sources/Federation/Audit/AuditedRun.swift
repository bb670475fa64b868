// How a simulation is audited: which scenarios can be, who gets which canaries, and what is collected at the end.

import Learning
import Privacy
import Scenarios

extension Simulation {
  /// The canaries of all clients; nil without an audit.
  ///
  /// - Throws: `FederationError.cannotAudit` with the reason and the way out.
  func canaries(for population: Population) throws(FederationError) -> [Canaries]? {
    guard let plan = options.audit else { return nil }
    if let reason = AuditPlan.refusal(of: scenario) { throw .cannotAudit(reason: reason) }
    guard population.clients.allSatisfy({ $0.budget.targetEpsilon != nil }) else {
      throw .cannotAudit(
        reason:
          "privacy.target_epsilon is null for some clients, who claim nothing that could be shown to be wrong; "
          + "set a number for all")
    }
    guard plan.client != nil || plan.canaries >= population.clients.count else {
      throw .cannotAudit(
        reason:
          "\(plan.canaries) canaries are fewer than the \(population.clients.count) clients; ask for more"
      )
    }
    guard case .floats(let inputCount) = population.plan.architecture.input else {
      guard plan.kind == .gradient else {
        throw .cannotAudit(
          reason:
            "canaries of kind \(plan.kind.rawValue) are rows or images, and this model reads texts; use gradient"
        )
      }
      return canaries(plan, population: population, inputCount: 0)
    }
    return canaries(plan, population: population, inputCount: inputCount)
  }

  private func canaries(
    _ plan: AuditPlan, population: Population, inputCount: Int
  ) -> [Canaries] {
    population.clients.map { profile in
      Canaries(
        plan, client: profile.index, of: population.clients.count, seed: scenario.seed,
        classes: population.plan.architecture.classes, inputCount: inputCount,
        source: profile.test)
    }
  }

  /// All canaries with their scores, and what their clients claim.
  func evidence(
    _ clients: [Client], first: [Float], state: FederatedState, lanes: LanePool
  ) async throws -> AuditEvidence {
    let found = try await lanes.map(Array(clients.indices)) { index, lane in
      try await clients[index].auditEvidence(
        first: first, last: state.models[state.assignment[index]],
        personal: state.personal?[index], on: lane)
    }
    var costs: Set<AuditedCost> = []
    var (traces, counts): ([[CanaryTrace]], [ReleaseCount]) = ([], [])
    var choices: [AuditedChoice] = []
    for client in clients {
      traces.append(await client.canaryTraces)
      if let count = await client.releaseCount { counts.append(count) }
      choices += await client.weighedChoices
      costs.insert(
        AuditedCost(
          cluster: client.profile.cluster, event: await client.ledger.cost,
          delta: scenario.accountedDelta(client.profile.budget.targetDelta)))
    }
    return AuditEvidence(
      canaries: Self.weighed(found, by: traces), costs: costs, counts: counts,
      choices: choices)
  }

  /// Adds the scores of differences. Clients are taken in pairs, of which the first is audited with the second's noise:
  /// then no two guesses rest on the same noise.
  private static func weighed(
    _ canaries: [[AuditedCanary]], by traces: [[CanaryTrace]]
  ) -> [AuditedCanary] {
    canaries.indices.flatMap { client in
      let other = client.isMultiple(of: 2) && client + 1 < traces.count ? traces[client + 1] : []
      let scores: [AuditContrast: [Double?]] = [
        .clients: CanaryTrace.contrast(traces[client], against: other),
        .rounds: CanaryTrace.contrastOfRounds(traces[client]),
      ]
      return canaries[client].enumerated().map { index, canary in
        var canary = canary
        for (contrast, values) in scores where values.indices.contains(index) {
          canary.contrasts[contrast] = values[index]
        }
        return canary
      }
    }
  }
}

extension AuditPlan {
  /// Why a scenario with these settings cannot be audited, with the way out; nil if one can.
  static func refusal(of scenario: Scenario) -> String? {
    let privacy = scenario.privacy
    guard scenario.projectionRank == nil else {
      return
        "what leaves through a random projection is no Gaussian mechanism of one shift, which its bounds assume; "
        + "use linear_probe"
    }
    if let adapter = scenario.adapter,
      let rule = adapter.aggregation.settings.init() as? any AggregationRule, rule.trainsWeights
    {
      return
        "every step of \"\(adapter.name)\" clips along directions of its own, in which a canary has no place; use lora"
    }
    guard !scenario.method.traits.trainsEveryModel else {
      return
        "\"\(scenario.method.name)\" weighs each record for several models, and canaries have no such weights; use r-dpcfl"
    }
    guard privacy.unit == .example else {
      return "privacy.unit is \"client\", and canaries are records; set it to \"example\""
    }
    switch privacy.clipping {
    case .flat, .automatic: break
    case .perLayer, .adaptive:
      return
        "privacy.clipping.name: groups of layers have bounds of their own, which canaries do not know; "
        + "set it to \"flat\" or \"auto-s\""
    }
    guard !privacy.individual else {
      return "privacy.individual clips every example to a bound of its own; set it to false"
    }
    return nil
  }
}
