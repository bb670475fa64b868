// The checks of the privacy guarantee against the method and the clients.

extension Scenario {
  /// The names of the layers with trained parameters; nil where only the built model tells.
  package var trainedLayers: [String]? {
    guard let layers = model.layers(for: data) else { return nil }
    guard let adapter, !adapter.traits.trainsModelTensors else { return layers.map(\.name) }
    return adapter.targetModules + adapter.modulesToSave
  }
}

extension Scenario {
  func checkPrivacy(_ problems: inout ProblemList) {
    let place = JSONPath() + "privacy"
    if privacy.unit == .client { checkClientUnit(at: place, &problems) }
    if privacy.noiseBands > 1 { checkNoiseBands(at: place + "noise_bands", &problems) }
    if privacy.noiseMultiplier != nil { checkNoiseMultiplier(at: place, &problems) }
    checkClipping(at: place + "clipping", &problems)
    checkNoise(at: place, &problems)
    guard privacy.individual else { return }
    if privacy.unit == .client {
      problems.add(
        place + "individual", "has no meaning where whole clients are protected; set it to false")
    }
    if clients.allSatisfy({ $0.budget.targetEpsilon == nil }) {
      problems.add(
        place + "individual", "needs privacy; set privacy.target_epsilon, or this to false")
    }
    if method.traits.repeatsPublishedCode {
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
    if method.traits.repeatsPublishedCode {
      problems.add(
        place + "noise_multiplier",
        "cannot be set for the published code, which calibrates its own; use method.variant "
          + "\"as-intended\"")
    }
  }

  /// The sensitivity of a banded strategy asks for turns that everybody keeps, and for vectors of one length.
  private func checkNoiseBands(at place: JSONPath, _ problems: inout ProblemList) {
    if privacy.unit != .client {
      problems.add(
        place,
        "correlates the noise of the server, who adds none with privacy.unit \"example\"; set unit to \"client\", or "
          + "this to 1")
    }
    if cohortSize != nil {
      problems.add(
        place,
        "says who takes part, since clients take turns; leave out cohort_size, or set this to 1")
    }
    if privacy.noiseBands > clientCount {
      problems.add(
        place, "must be at most the number of clients, \(clientCount), got \(privacy.noiseBands)")
    }
    if privacy.noise == .exact || privacy.randomness == .system {
      problems.add(
        place,
        "needs earlier rounds' noise again, which is made from the seed; use privacy.noise \"fast\", or "
          + "\"hardened\" with privacy.randomness \"seeded\"")
    }
    if let adapter, !adapter.aggregation.traits.trainsOneSet {
      problems.add(
        place,
        "correlates the noise of the same parameters in every round, and the rule of aggregation trains others in "
          + "turn; use \"ffa-lora\" or \"fedit\", or set this to 1")
    }
  }

  private func checkNoise(at place: JSONPath, _ problems: inout ProblemList) {
    if privacy.noise == .fast, privacy.randomness == .system {
      problems.add(
        place + "randomness",
        "fast noise is made from the seed; use privacy.noise \"hardened\" or \"exact\" with \"system\""
      )
    }
    if privacy.randomness == .system, privacy.unit == .client, cohortSize != nil {
      problems.add(
        place + "randomness",
        "cohorts are drawn from the seed, and with privacy.unit \"client\" nobody may know them; set "
          + "cohort_size to null")
    }
    if privacy.noise == .exact, privacy.accountant != .rdp {
      problems.add(
        place + "accountant",
        "must be \"rdp\" with exact noise: of the discrete Gaussian its Renyi divergences are known "
          + "exactly, its loss distribution is not; got \"\(privacy.accountant.rawValue)\"")
    }
    if privacy.noise != .fast, method.traits.repeatsPublishedCode {
      problems.add(
        place + "noise",
        "cannot be chosen for the published code; use method.variant \"as-intended\"")
    }
  }

  private func checkClipping(at place: JSONPath, _ problems: inout ProblemList) {
    guard privacy.clipping != .flat else { return }
    if privacy.unit == .client {
      problems.add(
        place,
        "bounds gradients of examples, and privacy.unit \"client\" bounds whole updates; leave it out"
      )
    }
    if privacy.individual {
      problems.add(
        place,
        "cannot be combined with privacy.individual, which needs flat clipping; leave one out")
    }
    guard let settings = privacy.clipping.groups else { return }
    guard let trained = trainedLayers else { return }
    let groups = settings.layers ?? trained.map { [$0] }
    if groups.flatMap({ $0 }).sorted() != trained.sorted() {
      problems.add(
        place + "groups",
        "must name every trained layer exactly once: \(trained.joined(separator: ", ")); got "
          + groups.flatMap { $0 }.joined(separator: ", "))
    }
    if let thresholds = settings.thresholds, thresholds.count != groups.count {
      problems.add(
        place + "thresholds",
        "must have one entry for each of the \(groups.count) groups, got \(thresholds.count)")
    }
    if case .adaptive = privacy.clipping, groups.count < 2 {
      problems.add(
        place + "groups",
        "must be at least 2: all bounds together stay max_grad_norm, so one alone cannot adapt; use "
          + "\"flat\"")
    }
  }

  private func checkClientUnit(at place: JSONPath, _ problems: inout ProblemList) {
    if !method.protectsClients {
      let able = MethodCatalog.all.filter { $0.protectsClients }.map { $0.name }
      problems.add(
        place + "unit",
        "\"client\" works where the server averages updates of many clients "
          + "(\(able.joined(separator: ", "))); \(method.name) cannot be protected so, use \"example\" or "
          + "another method")
    }
    if participation.deadline != nil {
      problems.add(
        JSONPath() + "participation" + "deadline",
        "is in times of the median client, so that one client's coming or going changes who else is late and moves the "
          + "server's sum by more than one bound; leave it out where privacy.unit is \"client\"")
    }
    // The noise is added to a sum of all clients, so it can keep one guarantee alone.
    let budgets = Set(clients.map(\.budget))
    if budgets.count > 1 {
      problems.add(
        Self.clustersPath,
        "with privacy.unit \"client\" every client has the budget of the scenario; leave out "
          + "privacy and client_privacy here")
    }
  }
}
