// Time and memory of a run, from operations and counts; docs/check.md says how the rates were measured.

import Scenarios

extension CostForecast {
  /// Measured on one core: products, and what every output of a layer costs besides.
  private static let operationsPerSecond = 1.2e11
  private static let secondsPerOutput = 0.8e-9
  private static let secondsPerExample = 1e-6
  /// A step reads and writes every trained parameter, and draws a normal number for it.
  private static let secondsPerParameterStep = 2.5e-9
  /// Backward and clipping against forward.
  private static let trainingFactor = 3.0
  /// What the program itself takes.
  private static let baseBytes = 56 << 20

  /// - Parameter featureMemory: bytes that cached features may take at most.
  init(
    scenario: Scenario, clients: [ClientPlan], schedule: CohortSchedule, model: ModelSize,
    featureMemory: Int = SimulationOptions.usualFeatureMemory
  ) {
    let rounds = scenario.rounds
    let evaluations = rounds / scenario.evaluation.every + 1
    let tests = scenario.population.testExamplesPerClient
    let (selections, candidates) = Self.selections(scenario)
    var trained = 0
    let sampled = min(scenario.evaluation.clients ?? clients.count, clients.count)
    let traits = scenario.method.traits
    let models = traits.trainsEveryModel ? traits.models : 1
    var evaluated = (sampled * evaluations + clients.count) * tests * models
    var steps = 0
    for client in clients {
      let taken = schedule.participations(of: client.index)
      trained += taken * client.stepsPerRound * client.batchSize * models
      steps += taken * client.stepsPerRound * models
      if traits.trainsEveryModel { evaluated += taken * models * client.trainExamples }
      evaluated += min(taken, selections) * candidates * client.trainExamples
    }
    let pretrained = (scenario.model.pretraining?.epochs ?? 0) * scenario.data.publicExamples
    let features =
      clients.reduce(0) { $0 + $1.trainExamples + tests } * model.featureBytesPerExample
    // What does not fit is computed anew whenever it is needed.
    let cachedShare = features > 0 ? min(1, Double(featureMemory) / Double(features)) : 0
    let pass =
      cachedShare * Self.seconds(of: model.cachedForward)
      + (1 - cachedShare) * Self.seconds(of: model.forward)
    trainedExamples = trained + pretrained
    evaluatedExamples = evaluated
    let once = cachedShare * Double(clients.reduce(0) { $0 + $1.trainExamples + tests })
    secondsOnOneWorker =
      (Double(trained) * Self.trainingFactor + Double(evaluated)) * pass
      + (Double(pretrained) * Self.trainingFactor + once) * Self.seconds(of: model.forward)
      + Double(steps * model.trainable) * Self.secondsPerParameterStep
    // Data (bytes for images, twice while they are unpacked), features, and per client an update in floats beside the models.
    let bytesPerValue = scenario.data.isImageSet ? 1 : scenario.data.isTextSet ? 2 : 4
    let data =
      ((scenario.data.trainExamples ?? clients.reduce(0) { $0 + $1.trainExamples })
        + (scenario.data.testExamples ?? tests)) * model.inputs * bytesPerValue * 2
    fixedBytes =
      Self.baseBytes + data
      + 4 * (4 * model.total + scenario.method.traits.models * model.trainable)
    featureBytes = min(features, featureMemory)
    peakBytes =
      fixedBytes + featureBytes + 4 * 2 * Self.heldUpdates(of: scenario) * model.trainable
  }

  /// Updates that rounds hold at once, at most; where they are added up as they come, those on the lanes count as none.
  static func heldUpdates(of scenario: Scenario) -> Int {
    let traits = scenario.method.traits
    let senders = scenario.cohortSize ?? scenario.clientCount
    let later =
      addsUp(scenario) ? 0 : senders * (traits.trainsEveryModel ? traits.models : 1)
    guard traits.clustersFirstRound else { return later }
    return max(later, min(traits.clusteringSample ?? scenario.clientCount, scenario.clientCount))
  }

  /// Whether updates are added up as they come, but for a first round that clusters them.
  static func addsUp(_ scenario: Scenario) -> Bool {
    scenario.privacy.unit == .example && scenario.adapter == nil
      && !scenario.method.makeMethod().readsUpdates
  }

  /// What a client takes that does nothing, its lists of examples apart: measured (docs/cluster.md).
  static let bytesPerDormantClient = 1_400

  /// What clients take that do nothing.
  static func bytes(ofDormant clients: [ClientPlan], tests: Int) -> Int {
    let indices = clients.reduce(0) { $0 + $1.trainExamples + tests }
    return clients.count * bytesPerDormantClient + MemoryLayout<Int32>.size * indices
  }

  private static func seconds(of work: ModelSize.Work) -> Double {
    Double(work.operations) / operationsPerSecond + Double(work.outputs) * secondsPerOutput
      + secondsPerExample
  }

  private static func selections(_ scenario: Scenario) -> (rounds: Int, candidates: Int) {
    let traits = scenario.method.traits
    return (
      traits.selection?.rounds(of: scenario.rounds) ?? 0,
      traits.selection == nil ? 0 : traits.models
    )
  }
}
