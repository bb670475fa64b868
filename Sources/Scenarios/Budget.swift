// The privacy guarantee of a scenario: the budget, the unit it protects and how it is accounted.

extension Scenario {
  /// The guarantee made to every client that has no budget of its own. JSON key `privacy`; required.
  public struct Privacy: Sendable, Hashable {
    /// ε, δ and the clipping bound of the clients without a budget of their own.
    public let budget: Budget
    /// What one unit of privacy is. JSON key `unit`; default "example".
    public let unit: Unit
    /// When two data sets are neighbours. JSON key `relation`; default "add-or-remove-one".
    public let relation: Relation
    /// How the losses of all releases are composed. JSON key `accountant`; default null, which is "best",
    /// and "rdp" with exact noise, of which nothing tighter is known.
    public let accountant: Accountant
    /// Noise standard deviation over the clipping bound, set by hand. JSON key `noise_multiplier`;
    /// 0 to 1000, default null: calibrated, so that the whole run costs `target_epsilon`.
    ///
    /// With a number `target_epsilon` is a limit that is watched while the run goes.
    public let noiseMultiplier: Double?
    /// What happens when a client's next round would cost more than its budget.
    /// JSON key `on_budget_exhausted`; default "stop". Calibrated noise never lets it happen.
    public let onBudgetExhausted: Exhaustion
    /// How noise is made. JSON key `noise`; default "fast".
    public let noise: Noise
    /// Where the random bits of noise, batches and private choices come from. JSON key `randomness`;
    /// default null, which is "seeded" for fast noise and "system" for the others.
    public let randomness: Randomness
    /// How gradients are bounded. JSON key `clipping`; default flat.
    public let clipping: Clipping
    /// Whether each example's own ε is bounded from its gradient norms. JSON key `individual`;
    /// default false.
    public let individual: Bool
    /// Whether clients without a budget clip their examples' gradients to `max_grad_norm` all the same,
    /// so that a run without privacy differs by the noise alone. JSON key `clips_without_noise`;
    /// default false.
    public let clipsWithoutNoise: Bool
    /// Bands of correlated noise over rounds (DP-FTRL), where whole clients are protected. JSON key `noise_bands`; 1 to
    /// 1000, default 1: every round's noise is independent.
    ///
    /// Above 1 clients take turns: each takes part in every `noiseBands`-th round.
    public let noiseBands: Int
    /// How batches are drawn, or clients where those are protected, as results name it: "poisson" or `cyclic`.
    public var sampling: String { noiseBands > 1 ? Self.cyclic : "poisson" }
    /// Clients take turns, which nothing amplifies.
    public static let cyclic = "cyclic"

    /// Ids of critical findings with which the scenario runs all the same. JSON key `allow`; default none.
    public let allowedFindings: [String]

    /// What the guarantee protects.
    public enum Unit: String, Sendable, Hashable, CaseIterable {
      /// One training example of one client; every client adds its own noise.
      case example
      /// A client with all its examples; the server clips updates and adds the noise.
      case client
    }

    /// How noise is made.
    public enum Noise: String, Sendable, Hashable, CaseIterable {
      /// Vectorised single-precision normals from the run's seed: for simulation.
      case fast
      /// The normalised sum of four double-precision normals.
      case hardened
      /// The discrete Gaussian on a grid, added to sums of integers.
      case exact
    }

    /// Where random bits come from.
    public enum Randomness: String, Sendable, Hashable, CaseIterable {
      /// The run's seed: the run can be repeated, and so can its noise.
      case seeded
      /// The operating system: nobody can draw them again, the run cannot be repeated.
      case system
    }

    /// What a run does when a budget has no room for another round.
    public enum Exhaustion: String, Sendable, Hashable, CaseIterable {
      /// It ends before the round.
      case stop
      /// It goes on without the client.
      case `continue`
    }

    /// When two data sets of a client are neighbours.
    public enum Relation: String, Sendable, Hashable, CaseIterable {
      /// One has one example more than the other.
      case addOrRemoveOne = "add-or-remove-one"
    }

    /// How ε is computed from the ledger.
    public enum Accountant: String, Sendable, Hashable, CaseIterable {
      /// Rényi differential privacy with the improved conversion.
      case rdp
      /// Numerical privacy loss distributions.
      case pld
      /// The lowest bound that holds.
      case best
    }
  }

  /// What a client may lose in the whole run, every release together.
  public struct Budget: Sendable, Hashable {
    /// ε at `targetDelta`; null in JSON and nil here train without noise and without clipping.
    /// JSON key `target_epsilon`; above 0, at most 1000; required (in overrides optional).
    public let targetEpsilon: Double?
    /// δ. JSON key `target_delta`; between 0 and 1, both excluded; default 1e-5.
    public let targetDelta: Double
    /// The bound C to which the gradient of each example is clipped, over all trained parameters.
    /// JSON key `max_grad_norm`; from 10^-6 to 10^6; default 1.
    public let maxGradNorm: Double
  }
}

// MARK: - Format

extension Scenario.Budget {
  private static let epsilon: (kind: Kind, description: String, hint: String) = (
    .nullable(.number(.above(0, to: 1000))),
    "Total epsilon of a client at target_delta, all its releases composed; null = no privacy.",
    "write null to train without privacy"
  )
  private static let delta = Kind.number(.above(0, below: 1))
  private static let norm = Kind.number(.from(1e-6, to: 1_000_000))
  private static let deltaDescription = "Delta of the guarantee; keep it below 1 / examples."
  private static let normDescription =
    "L2 bound to which every example's gradient is clipped, over all trained parameters jointly."

  static let keys: [Key] = [
    .required("target_epsilon", epsilon.kind, epsilon.description, hint: epsilon.hint),
    .defaults("target_delta", 1e-5, delta, deltaDescription),
    .defaults("max_grad_norm", 1, norm, normDescription),
  ]

  /// A partial budget: what it leaves out is inherited.
  static let overrideShape = Shape([
    .absent("target_epsilon", epsilon.kind, epsilon.description),
    .absent("target_delta", delta, deltaDescription),
    .absent("max_grad_norm", norm, normDescription),
  ])

  init(_ fields: Fields) throws(ScenarioError) {
    targetEpsilon = try fields.optionalNumber("target_epsilon")
    targetDelta = try fields.number("target_delta")
    maxGradNorm = try fields.number("max_grad_norm")
  }

  /// This budget with what `overrides` says in its place.
  func replaced(by overrides: Fields?) throws(ScenarioError) -> Self {
    guard let overrides else { return self }
    return Self(
      targetEpsilon: overrides.members["target_epsilon"] == nil
        ? targetEpsilon : try overrides.optionalNumber("target_epsilon"),
      targetDelta: try overrides.optionalNumber("target_delta") ?? targetDelta,
      maxGradNorm: try overrides.optionalNumber("max_grad_norm") ?? maxGradNorm)
  }
}

extension Scenario.Privacy {
  static let shape = Shape(
    Scenario.Budget.keys + [
      .defaults(
        "unit", "example", .choice(Unit.allCases.map(\.rawValue)),
        "What is protected: example = one training example of one client; client = a client with all "
          + "its examples, by noise of the server's (global, oracle and ifca only)."),
      .defaults(
        "relation", "add-or-remove-one", .choice(Relation.allCases.map(\.rawValue)),
        "Neighbouring data sets differ by one added or removed unit."),
      .defaults(
        "accountant", .null, .nullable(.choice(Accountant.allCases.map(\.rawValue))),
        "rdp: Renyi orders with the improved conversion; pld: privacy loss distributions; "
          + "best: the lowest bound that holds. null = best, and rdp with exact noise."),
      .defaults(
        "noise_multiplier", .null, .nullable(.number(.from(0, to: 1000))),
        "Noise standard deviation over max_grad_norm, set by hand; target_epsilon is then the limit at "
          + "which a client stops. null = calibrated from target_epsilon."),
      .defaults(
        "on_budget_exhausted", "stop", .choice(Exhaustion.allCases.map(\.rawValue)),
        "When the next round would exceed a client's budget: stop ends the run, continue goes on "
          + "without the client."),
      .defaults(
        "individual", false, .boolean,
        "Bound each example's own epsilon from its gradient norms and report averages."),
      Clipping.key,
      .implied(
        "noise", "fast", .choice(Noise.allCases.map(\.rawValue)),
        "fast: for simulation; hardened: the sum of several normals; exact: the discrete Gaussian on a "
          + "grid, slower, accounted by rdp."),
      .implied(
        "randomness", .null, .nullable(.choice(Randomness.allCases.map(\.rawValue))),
        "Where noise, batches and private choices come from: seeded = the seed, so that the run repeats; "
          + "system = the operating system. null = seeded for fast noise, system for the others."),
      .implied(
        "clips_without_noise", false, .boolean,
        "Clip the gradients of clients without a budget to max_grad_norm too, so that training without "
          + "privacy differs by the noise alone."),
      .implied(
        "noise_bands", 1, .integer(1...1000),
        "With unit client: bands of noise that is correlated over rounds (DP-FTRL), which cancels in part in the "
          + "model. Above 1 clients take turns: each takes part in every noise_bands-th round."),
      .implied(
        "allow", [], .list(of: .identifier, count: 0...20, distinct: true),
        "Critical findings of the check (docs/check.md), such as DP102, with which the scenario runs all the "
          + "same; they are said beside every epsilon of the run."),
    ])

  init(_ fields: Fields) throws(ScenarioError) {
    budget = try Scenario.Budget(fields)
    unit = try fields.choice("unit")
    relation = try fields.choice("relation")
    noiseMultiplier = try fields.optionalNumber("noise_multiplier")
    onBudgetExhausted = try fields.choice("on_budget_exhausted")
    individual = try fields.boolean("individual")
    clipping = try Clipping(fields.optionalFields("clipping"))
    noiseBands = fields.optional("noise_bands") == nil ? 1 : try fields.integer("noise_bands")
    noise = fields.optional("noise") == nil ? .fast : try fields.choice("noise")
    accountant =
      fields.optional("accountant") == nil
      ? (noise == .exact ? .rdp : .best) : try fields.choice("accountant")
    allowedFindings = fields.optional("allow") == nil ? [] : try fields.strings("allow")
    randomness =
      fields.optional("randomness") == nil
      ? (noise == .fast ? .seeded : .system) : try fields.choice("randomness")
    clipsWithoutNoise = try fields.optionalBoolean("clips_without_noise") ?? false
  }
}
