// Options of `privacy epsilon` and `privacy calibrate`: what is released, and who accounts for it.

public import ArgumentParser
public import Privacy

extension AccountantKind: ExpressibleByArgument {}

/// What one client releases.
struct PlanOptions: ParsableArguments {
  @Option(help: "Probability with which an example enters a batch: batch size over examples.")
  var sampleRate: Double?

  @Option(help: "Training steps in all rounds together.")
  var steps: Int?

  @Option(help: "Steps with the whole data set as one batch, such as R-DPCFL's first round.")
  var fullBatchSteps = 0

  @Option(help: "Noise multiplier of a full-batch step over that of the others.")
  var fullBatchNoiseRatio = 1.0

  @Option(help: "Private choices of a cluster by the exponential mechanism.")
  var selections = 0

  @Option(help: "ε of one such choice.")
  var selectionEpsilon: Double?

  func validate() throws {
    if let sampleRate {
      try Self.check("--sample-rate", sampleRate, sampleRate > 0 && sampleRate <= 1, "in (0, 1]")
    }
    if let steps {
      try Self.check("--steps", steps, (0...Self.most).contains(steps), "from 0 to \(Self.most)")
    }
    try Self.check(
      "--full-batch-steps", fullBatchSteps, (0...Self.most).contains(fullBatchSteps),
      "from 0 to \(Self.most)")
    try Self.check(
      "--full-batch-noise-ratio", fullBatchNoiseRatio,
      fullBatchNoiseRatio > 0 && fullBatchNoiseRatio.isFinite, "above 0")
    try Self.check(
      "--selections", selections, (0...Self.most).contains(selections), "from 0 to \(Self.most)")
    if let selectionEpsilon {
      try Self.check(
        "--selection-epsilon", selectionEpsilon,
        selectionEpsilon > 0 && selectionEpsilon.isFinite, "above 0")
    }
    guard steps != nil || fullBatchSteps > 0 || selections > 0 else {
      throw ValidationError("name --steps, --full-batch-steps or --selections: what is released")
    }
    guard (steps ?? 0) == 0 || sampleRate != nil else {
      throw ValidationError("--steps needs --sample-rate, how likely an example is in each of them")
    }
    // A forgotten number of steps must not pass as none.
    guard sampleRate == nil || steps != nil else {
      throw ValidationError("--sample-rate needs --steps, how many of them there are")
    }
    guard selections == 0 || selectionEpsilon != nil else {
      throw ValidationError("--selections needs --selection-epsilon, the ε of each of them")
    }
    guard selections > 0 || selectionEpsilon == nil else {
      throw ValidationError("--selection-epsilon needs --selections, how many of them there are")
    }
    guard fullBatchSteps > 0 || fullBatchNoiseRatio == 1 else {
      throw ValidationError("--full-batch-noise-ratio needs --full-batch-steps, how many there are")
    }
  }

  /// Everything that is released at a noise multiplier.
  func event(noiseMultiplier: Double) -> PrivacyEvent {
    var events: [PrivacyEvent] = []
    if let steps, let sampleRate, steps > 0 {
      events.append(
        .trainingSteps(
          sampleRate: sampleRate, noiseMultiplier: noiseMultiplier, count: steps))
    }
    if fullBatchSteps > 0 {
      events.append(
        .trainingSteps(
          sampleRate: 1, noiseMultiplier: noiseMultiplier * fullBatchNoiseRatio,
          count: fullBatchSteps))
    }
    if selections > 0, let selectionEpsilon {
      events.append(
        .selfComposed(event: .exponentialMechanism(epsilon: selectionEpsilon), count: selections))
    }
    return .composed(events)
  }

  private static let most = 1_000_000_000

  static func check(
    _ name: String, _ value: some CustomStringConvertible, _ isRight: Bool, _ range: String
  ) throws(ValidationError) {
    if !isRight { throw ValidationError("\(name) must be \(range), got \(value)") }
  }
}

/// Who computes ε, at which δ.
struct AccountantOptions: ParsableArguments {
  @Option(help: "δ of the guarantee, for everything together.")
  var delta: Double

  @Option(help: "Who computes ε; best is the lowest bound that holds.")
  var accountant: AccountantKind = .best

  @Flag(help: "Show the bound of every accountant.")
  var compare = false

  func validate() throws {
    try PlanOptions.check("--delta", delta, delta > 0 && delta < 1, "between 0 and 1")
  }

  /// Accountants that are compared and cannot answer.
  func refusals(of event: PrivacyEvent) -> [(accountant: AccountantKind, reason: String)] {
    compare ? BestAccountant.refusals(of: event, delta: delta) : []
  }

  /// The bound asked for, and behind it those of the other accountants if they are compared.
  func bounds(of event: PrivacyEvent) throws(AccountingError) -> [EpsilonBound] {
    let own = try accountant.accountant.bound(for: event, delta: delta)
    guard compare else { return [own] }
    let others = try BestAccountant.comparison(of: event, delta: delta)
    return [own] + others.filter { $0.accountant != own.accountant }
  }
}
