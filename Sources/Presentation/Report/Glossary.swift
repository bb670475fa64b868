// The words of a report, and the links from where they are met.

import Analysis
import Foundation

/// Terms with what they mean.
enum Glossary {
  struct Entry {
    /// The anchor in the page.
    let id: String
    let term: String
    /// Words of headings and captions that lead here.
    let words: [String]
    let text: String
  }

  static var html: String {
    "<dl>\n"
      + entries.map {
        "<dt id=\"term-\($0.id)\">\($0.term.escaped)</dt><dd>\($0.text.marked)</dd>\n"
      }.joined()
      + RunMetric.all.map {
        "<dt><code>\($0.name.escaped)</code></dt><dd>\($0.meaning.marked)</dd>\n"
      }.joined() + "</dl>\n"
  }

  /// A heading or a caption in which the first word that the glossary knows leads there.
  static func linked(_ text: String) -> String {
    let marked = text.marked
    for entry in entries {
      for word in entry.words {
        guard let range = marked.range(of: word), isWhole(range, in: marked) else { continue }
        return marked[..<range.lowerBound] + "<a href=\"#term-\(entry.id)\">" + marked[range]
          + "</a>"
          + marked[range.upperBound...]
      }
    }
    return marked
  }

  /// Whether no letter stands at either end.
  private static func isWhole(_ range: Range<String.Index>, in text: String) -> Bool {
    let before: Character? =
      range.lowerBound == text.startIndex ? nil : text[text.index(before: range.lowerBound)]
    let after: Character? = range.upperBound == text.endIndex ? nil : text[range.upperBound]
    func isPartOfWord(_ letter: Character?) -> Bool {
      guard let letter else { return false }
      return letter.isLetter || letter == "<" || letter == "/"
    }
    return !isPartOfWord(before) && !isPartOfWord(after)
  }

  private static let entries: [Entry] = [
    Entry(
      id: "equalised-odds", term: "equalised-odds gap", words: ["equalised-odds gap"],
      text:
        "The largest difference between clusters (or groups of people) in how often a class is recognised, or "
        + "wrongly claimed."
    ),
    Entry(
      id: "parity", term: "demographic-parity gap", words: ["demographic-parity gap"],
      text:
        "The largest difference between groups of people in how often a class is predicted, whatever the truth."
    ),
    Entry(
      id: "mistakes", term: "price of mistakes", words: ["price of mistakes"],
      text:
        "Accuracy with the true clusters (oracle) minus accuracy, at the same ε and seed."),
    Entry(
      id: "unfairness", term: "F_acc, F_loss", words: ["F_acc", "F_loss"],
      text:
        "The largest minus the smallest price of privacy of a client, in accuracy and in loss: 0 means "
        + "that privacy costs everybody the same."),
    Entry(
      id: "price", term: "price of privacy",
      words: ["price of privacy", "minority price", "price, points"],
      text:
        "Accuracy without privacy minus accuracy with it, of the same method and seed, in points of per "
        + "cent."),
    Entry(
      id: "worst", term: "worst-off cluster", words: ["worst-off cluster", "worst cluster"],
      text: "The true cluster with the lowest mean accuracy of its clients."),
    Entry(
      id: "worst-client", term: "worst-off client", words: ["worst-off client", "worst client"],
      text:
        "The client with the lowest accuracy on its test examples; looked at first where all clients are of one "
        + "cluster."),
    Entry(
      id: "separation", term: "separation score, overlap",
      words: ["Separation score", "separation score"],
      text:
        "The distance of the two nearest clusters found over twice their width, and the mass that they "
        + "share."),
    Entry(
      id: "agreement", term: "ARI, NMI, purity", words: ["ARI", "NMI", "purity"],
      text: "Agreement of found and true clusters; 1 is perfect, ARI 0 is chance."),
    Entry(
      id: "soft", term: "soft up to round", words: ["soft up to round"],
      text:
        "Until then clients train a model drawn by probability; afterwards they choose, then stay."),
    Entry(
      id: "noise", term: "noise multiplier", words: ["noise multipliers", "noise multiplier"],
      text: "Standard deviation of the noise over the bound to which gradients are clipped."),
    Entry(
      id: "gap", term: "gap", words: ["gap"],
      text: "Accuracy of the best cluster minus that of the worst."),
    Entry(
      id: "minority", term: "minority", words: ["minority"],
      text: "A cluster that the scenario marks as one, usually with few clients."),
    Entry(
      id: "cluster", term: "cluster", words: ["true cluster"],
      text: "Clients whose data are alike. True clusters are those of the scenario."),
    Entry(
      id: "epsilon", term: "ε (epsilon)", words: ["ε at most", "ε"],
      text:
        "How much one example can change what is released; smaller is more private. none: no noise was "
        + "added."),
    Entry(
      id: "delta", term: "δ (delta)", words: ["δ"],
      text: "The probability with which the bound ε may fail."),
    Entry(
      id: "client", term: "client", words: [],
      text: "Somebody who holds data and trains on them."),
    Entry(
      id: "oracle", term: "oracle", words: [],
      text: "A method that is told the true clusters, which nobody knows in practice."),
    Entry(
      id: "seed", term: "seed, n", words: ["n"],
      text: "The number from which all random draws of a run follow; how many seeds a mean has."),
  ]
}
