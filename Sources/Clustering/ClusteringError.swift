// What can be wrong with the numbers that a caller hands to this room.

/// An input that no clustering is defined for; every case says where it is and how to fix it.
public enum ClusteringError: Error, Sendable, Hashable, CustomStringConvertible {
  /// There are no rows, or the rows have no columns.
  case empty
  /// One row has another length than the first one.
  case raggedRows(row: Int, expected: Int, found: Int)
  /// A NaN, an infinity, or a number whose square is beyond double precision.
  case notFinite(row: Int, column: Int)
  /// A mixture or a matching was asked for more parts than there are points.
  case tooFewPoints(points: Int, needed: Int)
  /// An option lies outside its range.
  case invalidOption(name: String, requirement: String, found: String)
  /// Two arrays that describe the same clients differ in length.
  case unequalCounts(what: String, expected: Int, found: Int)
  /// The loadings were not kept when the components were fitted.
  case loadingsNotKept
  /// The eigenvalues of the Gram matrix could not be computed.
  case eigenvaluesFailed(info: Int)

  public var description: String {
    switch self {
    case .empty:
      "the matrix of updates is empty: give at least one row with at least one column"
    case .raggedRows(let row, let expected, let found):
      "row \(row) of the updates has \(found) columns: all rows need \(expected) as row 0 has"
    case .notFinite(let row, let column):
      "row \(row), column \(column) of the updates is not a usable number (NaN, infinite, or "
        + "beyond 1e150): look for a training that diverged"
    case .tooFewPoints(let points, let needed):
      "\(points) points cannot form \(needed) clusters: ask for at most \(points)"
    case .invalidOption(let name, let requirement, let found):
      "\(name): must be \(requirement), got \(found)"
    case .unequalCounts(let what, let expected, let found):
      "\(what): expected \(expected) entries, one a client, got \(found)"
    case .loadingsNotKept:
      "the components were fitted without loadings: set keepsLoadings to project other rows"
    case .eigenvaluesFailed(let info):
      "the eigenvalues of the Gram matrix could not be computed (info \(info)): "
        + "look for updates of extreme size"
    }
  }
}
