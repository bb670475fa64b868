// The checks of the privacy promise against the method and the clients.

extension Scenario {
  func checkPrivacy(_ problems: inout ProblemList) {
    let place = JSONPath() + "privacy"
    if privacy.unit == .client { checkClientUnit(at: place, &problems) }
    if privacy.noiseMultiplier != nil { checkNoiseMultiplier(at: place, &problems) }
    guard privacy.individual else { return }
    if privacy.unit == .client {
      problems.add(
        place + "individual", "has no meaning where whole clients are protected; set it to false")
    }
    if clients.allSatisfy({ $0.budget.targetEpsilon == nil }) {
      problems.add(
        place + "individual", "needs privacy; set privacy.target_epsilon, or this to false")
    }
    if case .robustClustered(let settings) = method, settings.variant == .asReleased {
      problems.add(
        place + "individual", "cannot follow the published code; use method.variant \"as-intended\""
      )
    }
  }

  private func checkNoiseMultiplier(at place: JSONPath, _ problems: inout ProblemList) {
    if clients.allSatisfy({ $0.budget.targetEpsilon == nil }) {
      problems.add(
        place + "noise_multiplier",
        "needs a limit; set privacy.target_epsilon, or null here to train without privacy")
    }
    if case .robustClustered(let settings) = method, settings.variant == .asReleased {
      problems.add(
        place + "noise_multiplier",
        "cannot be set for the published code, which calibrates its own; use method.variant "
          + "\"as-intended\"")
    }
  }

  private func checkClientUnit(at place: JSONPath, _ problems: inout ProblemList) {
    switch method {
    case .global, .oracle, .ifca: break
    case .robustClustered, .local, .meanRegularized:
      problems.add(
        place + "unit",
        "\"client\" works with global, oracle and ifca, where the server averages updates of many "
          + "clients; \(method.name) cannot be protected so, use \"example\" or another method")
    }
    // The noise is added to a sum of all clients, so it can keep one promise alone.
    let budgets = Set(clients.map(\.budget))
    if budgets.count > 1 {
      problems.add(
        Self.clustersPath,
        "with privacy.unit \"client\" every client has the budget of the scenario; leave out "
          + "privacy and client_privacy here")
    }
  }
}
