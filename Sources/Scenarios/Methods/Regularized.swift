// The settings of methods whose local training is drawn to a shared model, or corrected by what others sent.

extension Scenario {
  /// FedProx: one model; local training is drawn to it by μ/2 ‖w − w_t‖² (Li et al., arXiv:1812.06127, eq. 2).
  public struct FedProx: MethodSettings {
    public static let name = "fedprox"
    public static let summary = "One model; local training is drawn back to it (FedProx)."
    public static let keys: [Key] = [
      .defaults("mu", 0.01, .number(.from(0, to: 1000)), "Weight of the pull to the global model.")
    ]
    /// μ. JSON key `mu`; 0 to 1000, default 0.01.
    public let mu: Double

    public init(_ fields: Fields, scope: MethodScope) throws(ScenarioError) {
      mu = try fields.number("mu")
    }

    public var traits: MethodTraits {
      var traits = MethodTraits(models: 1)
      traits.pullsModels = true
      return traits
    }
  }

  /// Ditto: a global model, and for each client one of its own that is drawn to it by λ/2 ‖v − w‖² (Li et al.,
  /// arXiv:2012.04221, Algorithm 1). Rounds of the two take turns, so that both are paid for.
  public struct Ditto: MethodSettings {
    public static let name = "ditto"
    public static let summary =
      "A global model and personal ones drawn to it (Ditto); rounds of the two take turns."
    public static let keys: [Key] = [
      .defaults(
        "lambda", 0.1, .number(.from(0, to: 1000)),
        "Weight of the pull of personal models to the global one.")
    ]
    /// λ. JSON key `lambda`; 0 to 1000, default 0.1.
    public let lambda: Double
    public let traits: MethodTraits

    public init(_ fields: Fields, scope: MethodScope) throws(ScenarioError) {
      lambda = try fields.number("lambda")
      var traits = MethodTraits(models: scope.clientCount + 1)
      traits.pullsModels = true
      traits.trainsUnusedModels = true
      self.traits = traits
    }

    public func problems(in scenario: Scenario) -> [SettingProblem] {
      [
        .oneRound(scenario, for: "ditto, whose global and personal rounds take turns"),
        .serverOptimizer(scenario, "would also move ditto's personal models; leave it out"),
      ].compactMap(\.self)
    }
  }

  /// SCAFFOLD with DP-SGD: local steps are corrected by control variates (Karimireddy et al., arXiv:1910.06378,
  /// Algorithm 1, option II; Noble, Bellet, Dieuleveut, arXiv:2111.09278).
  public struct Scaffold: MethodSettings {
    public static let name = "scaffold"
    public static let summary =
      "One model; local steps are corrected by control variates (SCAFFOLD)."

    public init(_ fields: Fields, scope: MethodScope) {}

    public var traits: MethodTraits {
      var traits = MethodTraits(models: 1)
      traits.pullsModels = true
      return traits
    }

    public func problems(in scenario: Scenario) -> [SettingProblem] {
      var problems: [SettingProblem] = []
      if scenario.local.optimizer != .sgd {
        problems.append(
          SettingProblem(
            "local.optimizer",
            "must be sgd for scaffold: its control variates are the mean steps of plain SGD"))
      }
      if scenario.local.learningRateSchedule != .constant {
        problems.append(
          SettingProblem(
            "local.learning_rate_schedule",
            "must be constant for scaffold, whose control variates divide by the step size"))
      }
      return problems
        + [.ownExchange(scenario, for: "scaffold, which corrects them")].compactMap(\.self)
    }
  }
}
