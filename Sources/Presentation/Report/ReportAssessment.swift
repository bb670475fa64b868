// The appendix for a data protection impact assessment: what GDPR article 35 (7) asks for, as far as a
// simulation can answer it.
//
// What an ε allows: Kairouz, Oh, Viswanath, "The composition theorem for differential privacy" (2015),
// theorem 2.1: no test for one record has TPR > e^ε FPR + δ.

import Analysis
import Federation
import Formatting
import Foundation
import Privacy
import Scenarios
import Store

/// What somebody who sees everything that was released can learn about one record at most.
package enum MembershipBound {
  /// The largest share of right guesses whether a record was used, when both are equally likely before:
  /// (e^ε + δ) / (e^ε + 1), rounded up to 0.1 %.
  ///
  /// - Parameters:
  ///   - epsilon: an upper bound, at least 0.
  ///   - delta: in [0, 1].
  package static func rightGuesses(epsilon: Double, delta: Double) -> Double {
    // Divided by e^ε, which may be infinite.
    let share = (1 + delta * exp(-epsilon)) / (1 + exp(-epsilon))
    return min((share * 1000 - 1e-9).rounded(.up) / 1000, 1)
  }
}

extension ReportPage {
  func assessmentPart(_ detail: Detail) -> String {
    let result = detail.result
    let rows = [
      ["What is processed", processing(detail)],
      ["What is protected", protected(detail)],
      ["Guarantee of the run in detail", guarantee(result)],
      ["What that allows an attacker", attacker(detail)],
      [
        "How the bound was computed",
        "From the ledger of all releases, composed together, by "
          + (AccountantTitle.texts(result.clients.compactMap(\.accountant)).nonEmpty
            ?? "nothing: no noise was added") + ".",
      ],
      [
        "Who sees what",
        witnesses(result) + " Accuracies, losses, true clusters and updates without noise in this "
          + "report are seen by the simulator alone and are not covered by ε.",
      ],
      ["Effect on groups", groups(detail)],
      [
        "Necessity and proportion",
        "The frontier above shows what the worst off gain for every step of ε, and the price "
          + "table what each budget costs; a larger ε than the recommended one needs a reason.",
      ],
      ["Residual risks", risks(result) + sharedNoise(result)],
      [
        "To be added by the controller",
        "Purpose and legal basis, recipients and retention, rights of the persons concerned, measures of "
          + "security outside of training, the advice of the data protection officer.",
      ],
      [
        "Validity",
        "This is a simulation with the data and the seeds named here, and its noise can be reproduced from "
          + "the seed; other data need their own run.",
      ],
    ]
    var output = HTML.table(["question", "answer"], rows)
    output = "<div class=\"words\">\n\(output)</div>\n"
    return output
      + HTML.details(
        "ε of every client",
        (result.allowedFindings ?? []).isEmpty
          ? clientTable(result) : HTML.paragraph(allowed(result)) + clientTable(result))
  }

  private func processing(_ detail: Detail) -> String {
    let result = detail.result
    let scenario = try? JSONValue(parsing: Data(detail.run.scenarioJSON.utf8))
    var data = "the data of the scenario"
    if case .string(let name)? = scenario?["data"]?["name"] { data = "the data set \(name)" }
    return "\(NumberText.count(result.clients.count, "client")) train a model on \(data), with "
      + "\(NumberText.grouped(result.clients.reduce(0) { $0 + $1.trainExamples })) training examples "
      + "in all, in \(NumberText.count(result.rounds, "round")) with the method \(result.method)."
  }

  /// Clients whose training ε covers.
  private func covered(_ result: RunResult) -> Int { result.clients.count { $0.epsilon != nil } }

  private func protected(_ detail: Detail) -> String {
    let result = detail.result
    let count = covered(result)
    guard count > 0 else { return "Nothing: every client trained without noise." }
    let neighbours =
      "data sets that differ by \(result.relation.rawValue) give nearly the same releases."
    guard result.unit == .example else {
      return "It covers \(detail.protects.one): \(neighbours) "
        + "\(SamplingText.sentence(result.sampling))."
    }
    let whose =
      count == result.clients.count
      ? "" : ", of the \(count) of \(result.clients.count) that train with noise"
    return
      "It covers \(detail.protects.one)\(whose): \(neighbours) \(SamplingText.sentence(result.sampling)) of batches; the "
      + "number of examples of a client counts as public."
  }

  private func witnesses(_ result: RunResult) -> String {
    let count = covered(result)
    if count == 0 {
      return "Clients release updates without noise, which the server and everybody after it see."
    }
    guard result.unit == .example else {
      return
        "Clients send their updates as they are to the server, which is trusted with them: it clips "
        + "them and publishes sums with noise; everybody after the server sees those alone."
    }
    let seen =
      "release noisy updates and, where the method lets them choose, a noisy choice of model; the server "
      + "and everybody after it see those alone."
    return count == result.clients.count
      ? "Clients \(seen)"
      : "\(count) of \(result.clients.count) clients \(seen) The others release updates without noise."
  }

  private func risks(_ result: RunResult) -> String {
    guard result.unit == .example else {
      return
        "ε does not hide facts that many clients share. The server itself sees every update without "
        + "noise; against it nothing is protected."
    }
    return
      "ε does not hide facts that many examples share, who takes part, or how many examples a client "
      + "has; it counts each client's own copy of a record. A client's releases are protected from the "
      + "server only if the noise is drawn on the client with a secure generator."
  }

  /// Nothing where the operating system gave the noise, or there is none.
  private func sharedNoise(_ result: RunResult) -> String {
    covered(result) > 0 && (result.isReproducible ?? true)
      ? " " + SharedNoise.sentence(of: result) : ""
  }

  private func guarantee(_ result: RunResult) -> String {
    let epsilons = result.clients.compactMap(\.epsilon)
    guard epsilons.count == result.clients.count, let low = epsilons.min(),
      let high = epsilons.max()
    else {
      return
        "None for \(result.clients.count - epsilons.count) of \(result.clients.count) clients; "
        + "they trained without noise."
    }
    let range =
      NumberText.epsilon(low) == NumberText.epsilon(high)
      ? "is at most \(NumberText.epsilon(high))"
      : "lies between \(NumberText.epsilon(low)) and \(NumberText.epsilon(high))"
    return "The ε of every client \(range) at δ "
      + "\(NumberText.exact(result.clients.map(\.delta).max())), all its releases together."
      + allowed(result)
  }

  /// What the check would have refused but was told to allow; it belongs beside every ε.
  func allowed(_ result: RunResult) -> String {
    (result.allowedFindings ?? []).map {
      ($0.isWithdrawal ? " Refused today: " : " Allowed by name: ") + "\($0.sentence)."
    }.joined()
  }

  private func attacker(_ detail: Detail) -> String {
    let result = detail.result
    guard let epsilon = result.epsilonMax, let delta = result.clients.map(\.delta).max() else {
      return "Nothing is excluded for clients without noise."
    }
    let share = MembershipBound.rightGuesses(epsilon: epsilon, delta: delta)
    return
      "Whoever sees all releases and guesses whether one given \(detail.protects.word) was used is "
      + "right in at most \(NumberText.percent(share)) of cases; without looking it would be 50.0 %. "
      + Self.meaning(of: share) + " Attacks that are known today do worse than this bound."
      + allowed(result)
  }

  /// What a share of right guesses means for one record.
  package static func meaning(of share: Double) -> String {
    switch share {
    case ..<0.6:
      "That is close to tossing a coin: hardly anything can be learned about a single record."
    case ..<0.8:
      "\(rightOfHundred(share)): suspicion is possible, proof is not."
    case ..<0.99:
      "\(rightOfHundred(share)): the bound does not rule out that somebody learns with some confidence that a record "
        + "was used."
    default:
      "The bound rules out next to nothing: taken by itself it allows that every record is told."
    }
  }

  /// "Of such guesses up to 89 of a hundred (88.1 %) may be right": the count is rounded up, so that the share stands
  /// beside it.
  private static func rightOfHundred(_ share: Double) -> String {
    // A share of tenths of per cent is not exact: 0.7 of a hundred are 70.
    let count = Int((100 * share - 1e-9).rounded(.up))
    return "Of such guesses up to \(count) of a hundred (\(NumberText.percent(share))) may be right"
  }

  /// Names the clusters, or clients, with what privacy costs them in the cell of the run in detail.
  private func groups(_ detail: Detail) -> String {
    let cell = comparison.cells.first { cell in
      cell.runs.contains { $0.runID == detail.run.runID }
    }
    guard let cell, let price = comparison.priceOfPrivacy(cell) else {
      return "Not known: there is no run without privacy to compare with."
    }
    let costs = ComparedParties(of: [cell]).parties.map { party in
      "\(party.name) \(Comparison.interval(comparison.priceOfPrivacy(cell, of: party))) points"
    }
    return
      "Privacy at ε \(cell.markedEpsilon) costs, in accuracy: \(costs.joined(separator: "; ")) "
      + "(n = \(price.cost.pairs))."
  }

  private func clientTable(_ result: RunResult) -> String {
    let dearest = result.clients.max { ($0.epsilon ?? 0) < ($1.epsilon ?? 0) }
    let shown = ShownClients(of: result, always: dearest.map { [$0.client] } ?? [])
    return HTML.table(
      ["client", "true cluster", "examples", "ε at most", "δ", "target ε", "noise multiplier"],
      shown.clients.map {
        [
          detail?.clientNames[safe: $0.client] ?? "\($0.client)", result.clusters[$0.cluster].name,
          "\($0.trainExamples)",
          result.marked($0.epsilon), NumberText.exact($0.delta),
          NumberText.exact($0.targetEpsilon), NumberText.decimal($0.noiseMultiplier, 3),
        ]
      }) + (shown.note.isEmpty ? "" : HTML.paragraph(String(shown.note.dropFirst())))
  }
}

extension Array {
  fileprivate subscript(safe index: Int) -> Element? { indices.contains(index) ? self[index] : nil }
}

extension String {
  fileprivate var nonEmpty: String? { isEmpty ? nil : self }
}
