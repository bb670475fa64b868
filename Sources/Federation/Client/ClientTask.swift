// What goes between the server and a client in a round: a task, and its update.

public import Privacy

/// What the server asks of a client in a round.
public struct ClientTask: Sendable {
  public enum Training: Sendable {
    case fullBatch
    case sampled
  }
  /// A private choice among the server's models; the client then trains the chosen one.
  public struct Selection: Sendable {
    public enum Scoring: Sendable, Hashable {
      /// By the number of local records that a model gets right, each counted once.
      case everyRecordOnce
      /// As the published code does: by the accuracy on one pass of a Poisson loader.
      case resampledAccuracy
    }
    public let candidates: [Int]
    public var scoring = Scoring.everyRecordOnce

    public init(candidates: [Int], scoring: Scoring = .everyRecordOnce) {
      self.candidates = candidates
      self.scoring = scoring
    }
  }

  public let client: Int
  /// The model to train, unless a selection decides.
  public let model: Int
  public var training: Training = .sampled
  public var selection: Selection? = nil
  public var regularizer: LocalWork.Regularizer? = nil
  /// nil takes the scenario's.
  public var learningRate: Double? = nil
  /// Whether the update goes to the server.
  public var sendsUpdate = true
  /// Nil where all of an example counts for the task's model.
  public var mixture: Mixture? = nil
  /// The part of the round that this is; nil is the whole of it.
  var phase: Phase? = nil
  /// Clients with the same model in this round.
  var contributors = 1

  public init(
    client: Int, model: Int, training: Training = .sampled, selection: Selection? = nil,
    regularizer: LocalWork.Regularizer? = nil, learningRate: Double? = nil,
    sendsUpdate: Bool = true,
    mixture: Mixture? = nil
  ) {
    self.mixture = mixture
    self.client = client
    self.model = model
    self.training = training
    self.selection = selection
    self.regularizer = regularizer
    self.learningRate = learningRate
    self.sendsUpdate = sendsUpdate
  }
}

/// What a client sends back, and what a simulator may know besides.
public struct ClientUpdate: Sendable {
  public let client: Int
  /// The model that it trained.
  public private(set) var model: Int
  /// Empty once it has been folded; its place among others once it has been placed.
  public private(set) var delta: [Float]
  /// L2 norm of the update as it was sent.
  public let norm: Double
  /// Known to the simulator alone: the update without its noise.
  private(set) var deltaWithoutNoise: [Float]?
  public let entries: [LedgerEntry]
  public let steps: Int
  public let meanLoss: Double?
  let bytesUp: Int
  let bytesDown: Int
  /// Of groups of layers, where they adapt.
  let thresholds: [Float]?
  /// In which shares the models explain the client, by what it released; nil where it does not say.
  let posterior: [Double]?
  /// The part of the round in which it trained, where rounds have parts.
  var phase: Phase?

  init(
    client: Int, model: Int, outcome: LocalOutcome, entries: [LedgerEntry], meanLoss: Double?,
    bytesUp: Int, bytesDown: Int, posterior: [Double]? = nil, phase: Phase?
  ) {
    self.posterior = posterior
    self.client = client
    self.model = model
    delta = outcome.delta
    norm = outcome.delta.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
    deltaWithoutNoise = outcome.deltaWithoutNoise
    self.entries = entries
    steps = outcome.steps
    self.meanLoss = meanLoss
    self.bytesUp = bytesUp
    self.bytesDown = bytesDown
    thresholds = outcome.thresholds
    self.phase = phase
  }

  /// What another rank has sent; the phase is that of the task.
  package init(
    client: Int, model: Int, delta: [Float], norm: Double, deltaWithoutNoise: [Float]? = nil,
    entries: [LedgerEntry] = [], steps: Int, meanLoss: Double? = nil,
    traffic: (up: Int, down: Int) = (0, 0), thresholds: [Float]? = nil,
    posterior: [Double]? = nil
  ) {
    self.posterior = posterior
    self.client = client
    self.model = model
    self.delta = delta
    self.norm = norm
    self.deltaWithoutNoise = deltaWithoutNoise
    self.entries = entries
    self.steps = steps
    self.meanLoss = meanLoss
    (bytesUp, bytesDown) = (traffic.up, traffic.down)
    self.thresholds = thresholds
  }

  /// The same update, folded into another model than the one that it started from.
  func assigned(to model: Int) -> ClientUpdate {
    var update = self
    update.model = model
    return update
  }

  /// Leaves its size and these numbers instead of its parameters.
  mutating func leave(_ numbers: [Float]) {
    delta = numbers
    deltaWithoutNoise = nil
  }
}
