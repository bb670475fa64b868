// Checks a scenario before it is run: the releases of every client, what they cost, and the rules.

public import Datasets
import Learning
public import Scenarios

/// Reads a scenario as a reviewer would.
public struct PrivacyLinter: Sendable {
  private let facts: CheckFacts

  /// Calibrates the noise of every client. Data are loaded only where nothing but the files says what
  /// an example looks like.
  ///
  /// - Throws: `DatasetError`, `ArchitectureError`.
  public init(scenario: Scenario, catalog: DatasetCatalog) throws {
    let (plan, model, dataset) = try scenario.trainingPlan(catalog)
    facts = try CheckFacts(scenario: scenario, plan: plan, model: model, dataset: dataset)
  }

  public func report() -> CheckReport {
    CheckReport(
      scenario: facts.scenario, model: facts.model, groups: facts.groups,
      detection: facts.detection, cost: facts.cost, audit: facts.auditForecast,
      findings: facts.findings(CheckReport.Severity.allCases))
  }
}

/// What the check says to a run before anything is trained.
public struct RunCheck: Sendable, Hashable {
  /// Critical findings that end the run.
  public let refused: [CheckReport.Finding]
  /// Critical findings that the scenario allows by name; they belong beside every ε of the run.
  public let allowed: [CheckReport.Finding]
  public let warnings: [CheckReport.Finding]

  /// Finds the noise of every client, which the run then need not do again, and asks the rules that warn or
  /// refuse.
  ///
  /// - Throws: `DatasetError`, `ArchitectureError`.
  public init(scenario: Scenario, catalog: DatasetCatalog) throws {
    let (plan, model, dataset) = try scenario.trainingPlan(catalog)
    let facts = try CheckFacts(
      scenario: scenario, plan: plan, model: model, dataset: dataset, forRun: true)
    let critical = facts.findings([.critical])
    let names = Set(scenario.privacy.allowedFindings).intersection(Self.allowableRules)
    refused = critical.filter { !names.contains($0.rule) }
    allowed = critical.filter { names.contains($0.rule) }
    warnings = facts.findings([.warning])
  }

  /// The rules that can be allowed.
  public static let allowableRules = CheckRule.all.filter {
    $0.severity == .critical && !unreachableBudgets.contains($0.id)
  }.map(\.id)

  /// Budgets that cannot be kept, with no noise at all or by none: a run would end in its first round, and no permission helps.
  private static let unreachableBudgets = ["DP107", "DP108", "DP109"]
}

extension CheckFacts {
  /// The gravest first.
  fileprivate func findings(_ severities: [CheckReport.Severity]) -> [CheckReport.Finding] {
    severities.flatMap { severity in
      CheckRule.all.filter { $0.severity == severity }.flatMap { rule in
        rule.find(self).map {
          CheckReport.Finding(
            rule: rule.id, severity: rule.severity, path: $0.path, message: $0.message)
        }
      }
    }
  }
}

extension CostForecast {
  /// Time and memory of a run, without the linter's calibrations.
  ///
  /// - Throws: `DatasetError`, `ArchitectureError`.
  public init(of scenario: Scenario, catalog: DatasetCatalog) throws {
    let (clients, model) = try Self.basis(of: scenario, catalog: catalog)
    self.init(
      scenario: scenario, clients: clients, schedule: scenario.cohortSchedule, model: model)
  }

  /// What forecasts are made of.
  static func basis(
    of scenario: Scenario, catalog: DatasetCatalog
  ) throws -> (clients: [ClientPlan], model: ModelSize) {
    let model = try scenario.trainingPlan(catalog).model
    let counts = try scenario.drawExampleCounts()
    let clients = zip(scenario.clients, counts).map {
      ClientPlan($0, trainExamples: $1, local: scenario.local)
    }
    return (clients, model)
  }
}

extension Scenario {
  fileprivate func trainingPlan(
    _ catalog: DatasetCatalog
  ) throws -> (plan: TrainingPlan, model: ModelSize, dataset: Dataset?) {
    if let classes = data.classes, let shape = data.shape, data.trainExamples != nil {
      let plan = try TrainingPlan(scenario: self, shape: shape, classes: classes)
      return (plan, ModelSize(plan), nil)
    }
    // Only the files say whether there is enough to deal, so the deal is made, as in a run.
    let population = try Federation.Population(scenario: self, catalog: catalog)
    return (
      population.plan, ModelSize(population.plan, length: population.dataset.usualLength),
      population.dataset
    )
  }
}

extension CostForecast {
  /// Time and memory of a run, without any accounting.
  ///
  /// - Throws: `DatasetError`, `ArchitectureError`.
  public static func forecast(_ scenario: Scenario, catalog: DatasetCatalog) throws -> CostForecast
  {
    try CostForecast(of: scenario, catalog: catalog)
  }
}
