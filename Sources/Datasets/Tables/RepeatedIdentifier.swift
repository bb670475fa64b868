// Whether the values of a column look like people of whom each has a few rows.

import Foundation

enum RepeatedIdentifier {
  private static let fewestPersons = 10
  /// Rows of a person, on average: more of them make a group rather than a person.
  private static let rowsOfPerson = 1.1...20.0
  /// Of the variance that chance would give to how often values occur.
  private static let evenness = 0.5

  /// Whether the values of a column are those of people by its name, and some of them repeat.
  ///
  /// - Parameter counts: how often each value occurs.
  static func isPerson(_ counts: [Int], name: String) -> Bool {
    counts.count >= fewestPersons && isTelling(name) && mean(counts) > 1
      && mean(counts) <= rowsOfPerson.upperBound
  }

  /// Whether values repeat as evenly as those of people do, and no measurement does.
  static func isEven(_ counts: [Int]) -> Bool {
    let mean = mean(counts)
    guard counts.count >= fewestPersons, rowsOfPerson.contains(mean) else { return false }
    let variance =
      counts.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(counts.count)
    return variance < evenness * chanceVariance(mean: mean)
  }

  private static func mean(_ counts: [Int]) -> Double {
    Double(counts.reduce(0, +)) / Double(max(1, counts.count))
  }

  /// Whether a name speaks of people: one of its words is such as `patient`, or its last one is `id`.
  private static func isTelling(_ name: String) -> Bool {
    let words = words(of: name)
    let people: Set = [
      "person", "patient", "subject", "participant", "respondent", "member", "customer", "user",
      "student", "pupil", "employee", "individual", "mrn", "pseudonym",
    ]
    return words.last == "id"
      || words.contains { word in
        people.contains(word) || people.contains { word == $0 + "s" || word == $0 + "id" }
      }
  }

  /// In lower case; a capital after a small letter begins one.
  private static func words(of name: String) -> [String] {
    var text = ""
    for character in name {
      if character.isUppercase, text.last?.isLowercase == true { text.append(" ") }
      text.append(character)
    }
    return text.lowercased().split { !$0.isLetter }.map(String.init)
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
