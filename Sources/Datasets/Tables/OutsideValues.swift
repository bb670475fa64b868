// Columns of whose values a stated bound or a stated list of categories misses many: often another unit or spelling.

/// How much of a column its statement does not fit. The shares are exact, hence for whoever may see the rows.
public struct OutsideValues: Sendable, Hashable, Codable {
  public let column: String
  /// Of the values that are not missing: below `min` and above `max`, which count as the bound.
  public let below: Double
  public let above: Double
  /// None of the categories, so that all inputs of the column are 0.
  public let unlisted: Double

  /// What less of a column is outside by is in the nature of bounds.
  private static let leastShare = 0.2

  /// A sentence without a full stop.
  public var sentence: String {
    let parts = [
      (unlisted, "of the values are none of the listed categories"), (below, "lie below min"),
      (above, "lie above max"),
    ].filter { $0.0 > 0 }.map { "\(Self.percent($0.0)) \($0.1)" }
    return "\(column): \(parts.joined(separator: " and "))"
  }

  /// Whole, and so that neither few nor nearly all are called none or all.
  private static func percent(_ share: Double) -> String {
    let rounded = Int((100 * share).rounded())
    return "\(share < 1 ? min(99, max(1, rounded)) : 100) %"
  }

  /// The columns of which at least a fifth of the known values are outside of what the scenario states.
  static func find(
    _ columns: [TableFacts.Column], in rows: [[TextRow]], missing: Set<String>,
    decimal: DecimalSign
  ) -> [OutsideValues] {
    columns.enumerated().compactMap { place, column in
      guard column.source == .stated else { return nil }
      switch column.encoding {
      case .numeric(_, _, let min?, let max?):
        return shares(of: column, at: place, in: rows, missing: missing) { field in
          guard let number = decimal.number(field) else { return nil }
          return number < min ? \.below : number > max ? \.above : nil
        }
      case .categorical(let categories, _):
        let listed = Set(categories)
        return shares(of: column, at: place, in: rows, missing: missing.subtracting(listed)) {
          listed.contains($0) ? nil : \.unlisted
        }
      case .numeric, .unused: return nil
      }
    }
  }

  private struct Counts {
    var below = 0
    var above = 0
    var unlisted = 0
  }

  /// - Parameter side: which count a value belongs to; nil where it fits.
  private static func shares(
    of column: TableFacts.Column, at place: Int, in rows: [[TextRow]], missing: Set<String>,
    side: (String) -> WritableKeyPath<Counts, Int>?
  ) -> OutsideValues? {
    var counts = Counts()
    var known = 0
    for row in rows.joined() where !missing.contains(row.fields[place]) {
      known += 1
      if let side = side(row.fields[place]) { counts[keyPath: side] += 1 }
    }
    let outside = counts.below + counts.above + counts.unlisted
    guard known > 0, Double(outside) >= leastShare * Double(known) else { return nil }
    func share(_ count: Int) -> Double { Double(count) / Double(known) }
    return OutsideValues(
      column: column.name, below: share(counts.below), above: share(counts.above),
      unlisted: share(counts.unlisted))
  }
}
