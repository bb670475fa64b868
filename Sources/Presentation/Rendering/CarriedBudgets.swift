// What budgets clients of a table's sizes can carry, before anything is trained.

public import Datasets
import Formatting
import Privacy
import Scenarios

/// For a client of a proposed scenario how much noise its budget brings, beside what it trains on.
///
/// A step adds noise of length about z C √p to the sum of b gradients of length C at most, p being the trained numbers of
/// the logistic model. Over all T steps gradients that agree move the model √T b / (z √p) times as far as the noise,
/// which averages out (as rule DP208 has it). At z = b / √p noise and gradients of a single step are as long: `epsilon` is
/// that of all steps with this z, and no lower limit of what is worth trying. Batches are of `batchSize` rows at most, an
/// epoch has the rows over b of them, rounded, as in training.
public struct CarriedBudget: Sendable, Hashable {
  /// Of the proposed scenario.
  static let rounds = 20
  static let batchSize = 16
  static let delta = 1e-4
  static let targetEpsilon = 3.0

  public let client: String
  /// That train: four fifths of the client's, or of its persons.
  public let rows: Int
  /// At which noise and gradients of a single step are as long, at `delta`; nil where no bound is known.
  public let epsilon: Double?
  /// How many times as far as the noise the whole run of this client would move the model at the proposed ε if all
  /// gradients agreed; nil where no noise keeps it.
  public let runSignalToNoise: Double?

  init(client: String, rows: Int, parameters: Int) {
    let trained = max(1, rows * 4 / 5)
    let batch = min(Self.batchSize, trained)
    let steps = Self.rounds * max(1, Int((Double(trained) / Double(batch)).rounded()))
    // The multiplier at which one step's noise is as long as its gradients.
    let even = Double(batch) / Double(max(1, parameters)).squareRoot()
    func training(_ noiseMultiplier: Double) -> PrivacyEvent {
      .trainingSteps(
        sampleRate: Double(batch) / Double(trained), noiseMultiplier: noiseMultiplier,
        count: steps)
    }
    self.client = client
    self.rows = trained
    epsilon = try? BestAccountant().bound(for: training(even), delta: Self.delta).epsilon
    let noise = try? Calibration.calibrate(
      targetEpsilon: Self.targetEpsilon, delta: Self.delta, accountant: BestAccountant(),
      tolerance: 1e-3, plan: training)
    runSignalToNoise = noise.map { Double(steps).squareRoot() * even / $0.noiseMultiplier }
  }

  /// Of the clients of a table: all where there are few, else the smallest, the median and the largest. None beside
  /// images, whose proposed model is no logistic one.
  public static func of(_ inspection: TableInspection) -> [CarriedBudget] {
    guard inspection.imageFolder == nil else { return [] }
    let sorted = inspection.clients.sorted { ($0.rows, $0.name) < ($1.rows, $1.name) }
    let shown =
      sorted.count <= 6 ? sorted : [sorted[0], sorted[sorted.count / 2], sorted[sorted.count - 1]]
    let parameters =
      (ProposedScenario(inspection).inputCount + 1) * max(2, inspection.classes.count)
    // Of a person a client trains on one row.
    return shown.map {
      CarriedBudget(
        client: $0.name, rows: inspection.persons[$0.name] ?? $0.rows, parameters: parameters)
    }
  }

  static func lines(_ budgets: [CarriedBudget], colors: Bool) -> [String] {
    guard !budgets.isEmpty else { return [] }
    var table = TextTable([
      ("client", .left), ("rows that train", .right),
      ("signal of the run", .right), ("ε, one step even", .right),
    ])
    for budget in budgets {
      table.add([
        TextTable.Cell(budget.client.printable), "\(NumberText.grouped(budget.rows))",
        "\(NumberText.decimal(budget.runSignalToNoise, 2))",
        "\(NumberText.decimal(budget.epsilon.map { ($0 * 10).rounded(.up) / 10 }, 1))",
      ])
    }
    return [
      "What such clients carry, each by itself: the signal says how many times as far as the noise the whole proposed "
        + "training would move the model if all gradients agreed (ε \(NumberText.exact(targetEpsilon)), "
        + "δ \(NumberText.exact(delta))). Below 1 take fewer columns, larger batches or a larger ε."
    ] + table.lines(colors: colors) + [
      "The last column is the ε at which the noise of a single step of one client is as long as its clipped gradients. "
        + "Noise averages out over steps and clients, so it is no lower limit of what is worth trying."
    ]
  }

  var document: JSONValue {
    [
      "client": .string(client), "rows": .integer(rows), "least_epsilon": JSONValue(epsilon),
      "run_signal_to_noise": JSONValue(runSignalToNoise),
    ]
  }
}
