// What is known of a table once it has been read: how each column became inputs, and the classes.

/// How the columns of a table became the inputs of a model, and which class has which number: all that
/// somebody needs to apply a model to a new row.
public struct TableFacts: Sendable, Hashable, Codable {
  /// Where the scale of a column, its categories or the classes were taken from.
  public enum Source: String, Sendable, Codable {
    /// From the scenario, or from the published description of the data set.
    case stated
    /// From noisy quantiles that clients paid for.
    case privateEstimate = "private estimate"
    case publicRows = "public rows"
    /// From all training rows without noise: only where no client has a budget.
    case trainingRows = "training rows"
  }

  public enum Encoding: Sendable, Hashable, Codable {
    /// One input, (x − center) / scale, after x was brought between `min` and `max` if they are given.
    case numeric(center: Double, scale: Double, min: Double?, max: Double?)
    /// A 0/1 input for each category in this order, and one more for a missing value if `hasMissing`.
    case categorical([String], hasMissing: Bool)
    /// No input.
    case unused

    public var width: Int {
      switch self {
      case .numeric: 1
      case .categorical(let categories, let hasMissing): categories.count + (hasMissing ? 1 : 0)
      case .unused: 0
      }
    }
  }

  public struct Column: Sendable, Hashable, Codable {
    public let name: String
    public let encoding: Encoding
    /// Nil where nothing was to be known.
    public let source: Source?
    /// Place of its first input.
    public let firstInput: Int
    /// Why it is no input, such as "label".
    public let role: String?
  }

  public let dialect: TextDialect
  public let columns: [Column]
  public let labelColumn: String
  public let classSource: Source
  /// Fields that count as missing.
  public let missing: [String]
  /// Rows that were left out because they have no label.
  public let unlabelledRows: Int
  /// Training rows that were left out because their person has another one at the same client.
  public let repeatedRows: Int
}
