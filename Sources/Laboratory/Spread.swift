// Mean and spread of a figure over seeds.

/// What several seeds say of one figure.
struct Spread {
  let mean: Double
  /// Standard deviation over seeds; 0 for one.
  let deviation: Double
  /// Half the width of Student's interval of 95 % for the mean; nil for one seed.
  let margin: Double?

  init(_ values: [Double]) {
    let count = Double(max(values.count, 1))
    let mean = values.reduce(0, +) / count
    self.mean = mean
    guard values.count > 1 else {
      deviation = 0
      margin = nil
      return
    }
    deviation =
      (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (count - 1)).squareRoot()
    margin =
      SpecialLaws.studentQuantile(tail: 0.025, degrees: count - 1) * deviation
      / count.squareRoot()
  }
}
