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
    let (plan, model) = try scenario.trainingPlan(catalog)
    facts = try CheckFacts(scenario: scenario, plan: plan, model: model)
  }

  public func report() -> CheckReport {
    var findings: [CheckReport.Finding] = []
    for severity in CheckReport.Severity.allCases {
      for rule in CheckRule.all where rule.severity == severity {
        findings += rule.find(facts).map {
          CheckReport.Finding(
            rule: rule.id, severity: rule.severity, path: $0.path, message: $0.message)
        }
      }
    }
    return CheckReport(
      scenario: facts.scenario, model: facts.model, groups: facts.groups,
      detection: facts.detection, cost: facts.cost, findings: findings)
  }
}

extension CostForecast {
  /// Time and memory of a run, without the linter's calibrations.
  ///
  /// - Throws: `DatasetError`, `ArchitectureError`.
  public init(of scenario: Scenario, catalog: DatasetCatalog) throws {
    let model = try scenario.trainingPlan(catalog).model
    let counts = try scenario.drawExampleCounts()
    self.init(
      scenario: scenario,
      clients: zip(scenario.clients, counts).map {
        ClientPlan($0, trainExamples: $1, local: scenario.local)
      }, schedule: scenario.cohortSchedule, model: model)
  }
}

extension Scenario {
  fileprivate func trainingPlan(
    _ catalog: DatasetCatalog
  ) throws -> (plan: TrainingPlan, model: ModelSize) {
    if let classes = data.classes, let shape = data.shape, data.trainExamples != nil {
      let plan = try TrainingPlan(scenario: self, shape: shape, classes: classes)
      return (plan, ModelSize(plan))
    }
    // Only the files say whether there is enough to deal, so the deal is made, as in a run.
    let population = try Federation.Population(scenario: self, catalog: catalog)
    return (
      population.plan, ModelSize(population.plan, length: population.dataset.usualLength)
    )
  }
}
