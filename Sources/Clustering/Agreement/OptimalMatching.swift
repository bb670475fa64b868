// The assignment of rows to columns that maximises a total, in cubic time.
//
// Kuhn, "The Hungarian method for the assignment problem" (1955), in the form with potentials and
// shortest augmenting paths of Jonker and Volgenant (1987).

/// A one-to-one matching of rows with columns.
public enum OptimalMatching {
  /// The column of each row in a matching that maximises the sum of the matched values; nil for the
  /// rows left over when there are more rows than columns.
  ///
  /// `values` are rows of equal length, of any sign; time (max(rows, columns))³.
  /// - Precondition: all rows have the same length.
  public static func maximize(_ values: [[Int]]) -> [Int?] {
    let rows = values.count
    let columns = values.first?.count ?? 0
    precondition(values.allSatisfy { $0.count == columns }, "rows must have equal lengths")
    let size = max(rows, columns)
    guard rows > 0, columns > 0 else { return [Int?](repeating: nil, count: rows) }
    // A square table of costs, padded with 0; index 0 of the work arrays is the artificial start.
    func cost(_ row: Int, _ column: Int) -> Int {
      row <= rows && column <= columns ? -values[row - 1][column - 1] : 0
    }
    var rowPotential = [Int](repeating: 0, count: size + 1)
    var columnPotential = rowPotential
    var rowOfColumn = rowPotential
    for row in 1...size {
      rowOfColumn[0] = row
      var slack = [Int?](repeating: nil, count: size + 1)
      var previous = [Int](repeating: 0, count: size + 1)
      var visited = [Bool](repeating: false, count: size + 1)
      var column = 0
      repeat {
        visited[column] = true
        let current = rowOfColumn[column]
        var least: Int?
        var next = 0
        for j in 1...size where !visited[j] {
          let reduced = cost(current, j) - rowPotential[current] - columnPotential[j]
          if slack[j].map({ reduced < $0 }) ?? true {
            slack[j] = reduced
            previous[j] = column
          }
          if let value = slack[j], least.map({ value < $0 }) ?? true {
            least = value
            next = j
          }
        }
        let step = least ?? 0
        for j in 0...size {
          if visited[j] {
            rowPotential[rowOfColumn[j]] += step
            columnPotential[j] -= step
          } else if let value = slack[j] {
            slack[j] = value - step
          }
        }
        column = next
      } while rowOfColumn[column] != 0
      while column != 0 {
        rowOfColumn[column] = rowOfColumn[previous[column]]
        column = previous[column]
      }
    }
    var result = [Int?](repeating: nil, count: rows)
    for column in 1...columns where rowOfColumn[column] <= rows {
      result[rowOfColumn[column] - 1] = column - 1
    }
    return result
  }
}
