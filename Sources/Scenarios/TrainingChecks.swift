// The checks of model, adapter and method against the data and the clients.

extension Scenario {
  func checkModel(_ problems: inout ProblemList) {
    let place = JSONPath() + "model"
    if (model.input == .texts) != data.isTextSet {
      problems.add(
        place + "name",
        data.isTextSet
          ? "\(data.name) needs a model of texts, got \"\(model.name)\"; use \"bert\" or \"gpt\""
          : "a \(model.name) takes texts and \(data.name) has none; use the data set \"text\", or another model"
      )
    }
    if model.input == .images, !data.isImageSet, !data.isTextSet {
      problems.add(
        place + "name",
        "a \(model.name) needs images and \(data.name) has none; use \"mlp\" or \"logistic\"")
    }
    for problem in model.settings.problems(in: self) {
      problems.add(JSONPath(parsing: problem.path[...]) ?? place, problem.message)
    }
    guard let pretraining = model.pretraining else { return }
    if model.weights != nil {
      problems.add(
        place + "path", "gives a base model that pretraining would replace; remove one of the two")
    }
    if !data.hasPublicExamples {
      problems.add(
        place + "pretraining",
        "needs public examples; set data.public_examples above 0, or null here")
    } else if pretraining.batchSize > data.publicExamples {
      problems.add(
        place + "pretraining" + "batch_size",
        "must be at most data.public_examples, \(data.publicExamples), "
          + "got \(pretraining.batchSize)")
    }
  }

  func checkAdapter(_ problems: inout ProblemList) {
    guard let adapter else { return }
    let place = JSONPath() + "adapter"
    for problem in adapter.settings.problems(in: self) {
      problems.add(JSONPath(parsing: problem.path[...]) ?? place, problem.message)
    }
    if adapter.traits.sharesTensors, privacy.clipping.groups != nil {
      problems.add(
        JSONPath() + "privacy" + "clipping",
        "thresholds by layer cannot bound what all layers of \(adapter.name) share; use \"flat\"")
    }
    if adapter.hasOwnExchange, !adapter.modulesToSave.isEmpty {
      problems.add(
        place + "modules_to_save",
        "\(adapter.aggregation.name) exchanges factors alone; use fedit or ffa-lora, or leave "
          + "this out")
    }
    if let name = adapter.modulesToSave.first(where: adapter.targetModules.contains) {
      problems.add(
        place + "modules_to_save",
        "\(name) is in target_modules too; a layer is adapted or trained whole")
    }
    // Other models say themselves what they lack when they are built.
    guard let layers = model.layers(for: data) else { return }
    for name in adapter.modulesToSave where !layers.contains(where: { $0.name == name }) {
      problems.add(
        place + "modules_to_save",
        "the \(model.name) has no layer \"\(name)\"; its layers are "
          + layers.map(\.name).joined(separator: ", "))
    }
    for (index, name) in adapter.targetModules.enumerated() {
      guard let layer = layers.first(where: { $0.name == name }) else {
        problems.add(
          place + "target_modules" + index,
          "the \(model.name) has no layer \"\(name)\"; its layers are "
            + layers.map(\.name).joined(separator: ", "))
        continue
      }
      guard let factors = adapter.traits.factors else { continue }
      let side = min(layer.outputs ?? .max, layer.inputs ?? .max)
      if let ranks = factors.layerRanks {
        if ranks.indices.contains(index), ranks[index] > side {
          problems.add(
            place + "layer_ranks" + index,
            "must be at most \(side), the smaller side of \(name), got \(ranks[index])")
        }
      } else if adapter.traits.rank > side {
        problems.add(
          place + "r",
          "must be at most \(side), the smaller side of \(name), got \(adapter.traits.rank); lower r or "
            + "leave \(name) out of target_modules")
      }
    }
  }

  /// The rules of aggregation against ranks, method and unit of privacy.
  func checkAggregation(_ problems: inout ProblemList) {
    guard let adapter else { return }
    let place = JSONPath() + "adapter"
    let name = adapter.aggregation.name
    let rule = adapter.aggregation.traits
    let (layerRanks, clientRanks) = (
      adapter.traits.factors?.layerRanks, adapter.traits.factors?.clientRanks
    )
    if let ranks = layerRanks, ranks.count != adapter.targetModules.count {
      problems.add(
        place + "layer_ranks",
        "needs a rank for each of the \(adapter.targetModules.count) target_modules, got "
          + "\(ranks.count)")
    }
    if let ranks = clientRanks {
      let largest = layerRanks?.max() ?? adapter.traits.rank
      if !rule.takesUnequalRanks {
        problems.add(
          place + "client_ranks",
          "\(name) needs equal ranks; set aggregation to \"flexlora\" or \"flora\", or leave this "
            + "out")
      } else if let rank = ranks.first(where: { $0 > largest }) {
        problems.add(
          place + "client_ranks", "must each be at most \(largest), the adapter's rank, got \(rank)"
        )
      }
    }
    if privacy.unit == .client, !rule.needsOneSumOnly {
      problems.add(
        place + "aggregation",
        "\(name) does more in a round than move models by one sum over clients, which is all that privacy.unit "
          + "\"client\" releases; use fedit, ffa-lora, rolora or fedsvd")
    }
    if privacy.clipping.groups != nil,
      !rule.trainsOneSet || clientRanks != nil
    {
      problems.add(
        JSONPath() + "privacy" + "clipping",
        "thresholds by layer need the same parameters in every step and client, and "
          + (clientRanks != nil ? "client_ranks differ" : "\(name) trains others in turn")
          + "; use \"flat\"")
    }
    if method.traits.pullsModels, !rule.meansAreModels {
      problems.add(
        place + "aggregation",
        "\(method.name) compares models place by place, and with \(name) every client has factors of its own basis; "
          + "use fedit, ffa-lora, rolora, lora-fair, fedsa-lora or rgp")
    }
    if adapter.hasOwnExchange, serverOptimizer != .fedAvg {
      problems.add(
        JSONPath() + "server" + "optimizer",
        "\(name) decides itself how the server moves models; leave it out")
    }
    if adapter.hasOwnExchange, method.traits.repeatsPublishedCode {
      problems.add(
        JSONPath(parsing: adapter.exchangePath[...]) ?? place,
        "the published code of r-dpcfl knows no \(name); use \(adapter.plainExchange), or the variant "
          + "\"as-intended\"")
    }
  }

  func checkMethod(_ problems: inout ProblemList) {
    let place = JSONPath() + "method"
    if serverOptimizer != .fedAvg, !method.traits.averages {
      problems.add(
        JSONPath() + "server" + "optimizer",
        "has nothing to do with \(method.name), whose server averages no updates; leave it out, or "
          + "set local.optimizer")
    }
    for problem in method.settings.problems(in: self) {
      problems.add(JSONPath(parsing: problem.path[...]) ?? place, problem.message)
    }
  }
}
