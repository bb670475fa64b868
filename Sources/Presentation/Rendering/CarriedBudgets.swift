// What budgets clients of a table's sizes can carry, before anything is trained.

public import Datasets
import Formatting
import Privacy
import Scenarios

/// For a client of a proposed scenario the ε below which noise drowns every step.
///
/// A step adds noise of length about σ C √p to the sum of b gradients of length C at most, p being the trained numbers of
/// the logistic model: at σ = b / √p both are as long. `epsilon` is that of all steps with this σ. Batches are of
/// `batchSize` rows at most, an epoch has the rows over b of them, rounded, as in training.
public struct CarriedBudget: Sendable, Hashable {
  /// Of the proposed scenario.
  static let rounds = 20
  static let batchSize = 16
  static let delta = 1e-4

  public let client: String
  /// That train: four fifths of the client's, or of its persons.
  public let rows: Int
  /// At `delta`; nil where no bound is known.
  public let epsilon: Double?

  init(client: String, rows: Int, parameters: Int) {
    let trained = max(1, rows * 4 / 5)
    let batch = min(Self.batchSize, trained)
    let steps = Self.rounds * max(1, Int((Double(trained) / Double(batch)).rounded()))
    let event = PrivacyEvent.trainingSteps(
      sampleRate: Double(batch) / Double(trained),
      noiseMultiplier: Double(batch) / Double(max(1, parameters)).squareRoot(), count: steps)
    self.client = client
    self.rows = trained
    epsilon = try? BestAccountant().bound(for: event, delta: Self.delta).epsilon
  }

  /// Of the clients of a table: all where there are few, else the smallest, the median and the largest. None beside
  /// images, whose proposed model is no logistic one.
  public static func of(_ inspection: TableInspection) -> [CarriedBudget] {
    guard inspection.imageFolder == nil else { return [] }
    let sorted = inspection.clients.sorted { ($0.rows, $0.name) < ($1.rows, $1.name) }
    let shown =
      sorted.count <= 6 ? sorted : [sorted[0], sorted[sorted.count / 2], sorted[sorted.count - 1]]
    let inputs = inspection.columns.reduce(0) { sum, column in
      guard column.name != inspection.label, column.name != inspection.client else { return sum }
      switch column.kind {
      case .numeric: return sum + (column.missing > 0 ? 2 : 1)
      // One more for words that are missing.
      case .categorical: return sum + column.distinct + 1
      case .identifier, .person, .image, .empty: return sum
      }
    }
    let parameters = (inputs + 1) * max(2, inspection.classes.count)
    // Of a person a client trains on one row.
    return shown.map {
      CarriedBudget(
        client: $0.name, rows: inspection.persons[$0.name] ?? $0.rows, parameters: parameters)
    }
  }

  static func lines(_ budgets: [CarriedBudget], colors: Bool) -> [String] {
    guard !budgets.isEmpty else { return [] }
    var table = TextTable([("client", .left), ("rows that train", .right), ("least ε", .right)])
    for budget in budgets {
      table.add([
        TextTable.Cell(budget.client.printable), "\(NumberText.grouped(budget.rows))",
        "\(NumberText.decimal(budget.epsilon.map { ($0 * 10).rounded(.up) / 10 }, 1))",
      ])
    }
    return [
      "What budgets such clients carry: below the least ε the noise of every step of the proposed training is longer "
        + "than its clipped gradients can be (δ \(NumberText.exact(delta)); larger batches or fewer columns lower it)."
    ] + table.lines(colors: colors)
  }

  var document: JSONValue {
    ["client": .string(client), "rows": .integer(rows), "least_epsilon": JSONValue(epsilon)]
  }
}
