// Several tests at once: p-values that hold for all of them together.
//
// Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics (1979).

public enum MultipleTests {
  /// Holm's adjusted p-values, in the order of the tests: rejecting where one is at most α keeps the probability of any
  /// wrong rejection at α, however the tests depend on one another.
  public static func holm(_ pValues: [Double]) -> [Double] {
    var adjusted = pValues
    var largest = 0.0
    for (rank, index) in pValues.indices.sorted(by: { pValues[$0] < pValues[$1] }).enumerated() {
      largest = max(largest, min(Double(pValues.count - rank) * pValues[index], 1))
      adjusted[index] = largest
    }
    return adjusted
  }
}
