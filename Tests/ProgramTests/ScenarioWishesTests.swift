// What `init` asks, and what becomes of the answers.

import Foundation
import Scenarios
import Testing
import dpflsim

@Suite("Questions of init") struct ScenarioWishesTests {
  /// - Parameter answers: an empty one takes the default.
  private func draft(_ answers: [String]) throws -> (draft: ScenarioDraft, questions: [String]) {
    var wishes = ScenarioWishes(file: "first.json")
    var questions: [String] = []
    try wishes.complete { question, usual in
      let answer = questions.count < answers.count ? answers[questions.count] : ""
      questions.append(question)
      return answer.isEmpty ? usual : answer
    }
    return (try wishes.draft(), questions)
  }

  @Test("a table is asked for its label and its clients")
  func table() throws {
    let file = FileManager.default.temporaryDirectory
      .appendingPathComponent("dpflsim-\(UUID().uuidString).csv")
    defer { try? FileManager.default.removeItem(at: file) }
    let rows = (0..<60).map { "\(20 + $0 % 7),\($0 % 3 == 0 ? "a" : "b"),\($0 % 2)\n" }
    try Data(("age,ward,ill\n" + rows.joined()).utf8).write(to: file)
    let (draft, questions) = try self.draft([file.path, "", "ward", "2"])
    #expect(questions.count == 5 && questions[1].contains("(age, ward, ill)"))
    let scenario = try Scenario(json: Data(draft.scenario.text.utf8))
    #expect(scenario.name == "first" && scenario.privacy.budget.targetEpsilon == 2)
    #expect(draft.scenario["data"]?["label_column"] == "ill")
    #expect(draft.scenario["data"]?["client_column"] == "ward")
    #expect(scenario.method.name == "global")
  }

  @Test("a data set is asked for clients and clusters, and what is no file is said to be none")
  func others() throws {
    let (draft, questions) = try self.draft(["", "9", "2"])
    #expect(questions.count == 5)
    #expect(try Scenario(json: Data(draft.scenario.text.utf8)).clientCount == 9)
    let failure = #expect(throws: Failure.self) { try self.draft(["patints.csv"]) }
    #expect(failure?.status == .missingInput)
    #expect(failure?.message.contains("/patints.csv was looked for") == true)
  }
}
