// Whether the values of a column look like people of whom each has a few rows.

import Foundation

enum RepeatedIdentifier {
  private static let fewestPersons = 10
  /// Rows of a person, on average: more of them make a group rather than a person.
  private static let rowsOfPerson = 1.1...20.0
  /// Of the variance that chance would give to how often values occur.
  private static let evenness = 0.5

  /// - Parameters:
  ///   - counts: how often each value occurs.
  ///   - name: of the column; a telling one stands for evenness.
  static func fits(_ counts: [Int], name: String) -> Bool {
    guard counts.count >= fewestPersons else { return false }
    let mean = Double(counts.reduce(0, +)) / Double(counts.count)
    guard rowsOfPerson.contains(mean) else { return false }
    if isTelling(name) { return true }
    let variance =
      counts.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(counts.count)
    return variance < evenness * chanceVariance(mean: mean)
  }

  /// Whether a name speaks of people: one of its words is such as `patient`, or its last one is `id`.
  static func isTelling(_ name: String) -> Bool {
    let words = name.lowercased().split { !$0.isLetter }.map(String.init)
    let people: Set = [
      "person", "patient", "subject", "participant", "respondent", "member", "customer", "user",
      "student", "pupil", "employee", "individual", "mrn", "pseudonym",
    ]
    return words.last == "id"
      || words.contains { word in
        people.contains(word) || people.contains { word == $0 + "s" || word == $0 + "id" }
      }
  }

  /// Variance of how often values occur whose numbers of rows are Poisson, given that each occurs at all: m (1 + λ - m)
  /// with m = λ / (1 - exp(-λ)). Measurements, which pile up at some values, vary more.
  private static func chanceVariance(mean: Double) -> Double {
    var (low, high) = (1e-9, mean)
    for _ in 0..<60 {
      let rate = (low + high) / 2
      if rate / -expm1(-rate) < mean { low = rate } else { high = rate }
    }
    return mean * (1 + low - mean)
  }
}
