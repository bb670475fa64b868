// Groups of people in the tables of a run and of a comparison.

import Analysis
import Federation
import Formatting
import Foundation
import Presentation
import Scenarios
import Store
import Testing

@Suite("Groups in tables")
struct GroupComparisonTests {
  private func group(_ name: String, _ confusion: [[Int]]) -> GroupResult {
    let tested = confusion.joined().reduce(0, +)
    return GroupResult(
      name: name, clients: 3, trainExamples: 4 * tested, testExamples: tested,
      accuracy: Double(confusion[0][0] + confusion[1][1]) / Double(tested), loss: 0.5,
      confusion: ConfusionCounts(matrix: confusion), scores: nil)
  }

  /// 90 % of 100 women, 70 % of 50 men, nobody of the four others right.
  private var attribute: AttributeResult {
    AttributeResult(
      attribute: "sex",
      groups: [
        group("f", [[50, 0], [10, 40]]), group("m", [[25, 5], [10, 10]]),
        group("x", [[0, 2], [2, 0]]),
      ])
  }

  @Test("gaps are over groups that are large enough to be compared")
  func gaps() throws {
    let attribute = attribute
    #expect(attribute.worstAccuracy == 0.7)
    #expect(abs(try #require(attribute.accuracyGap) - 0.2) < 1e-12)
    // TPR of class 1: 40/50 against 10/20; predicted as class 1: 40/100 against 15/50.
    #expect(abs(try #require(attribute.equalizedOddsGap) - 0.3) < 1e-12)
    #expect(abs(try #require(attribute.demographicParityGap) - 0.1) < 1e-12)
    #expect(
      AttributeResult(attribute: "sex", groups: [group("x", [[1, 0], [0, 1]])]).accuracyGap == nil)
  }

  @Test("a stored run keeps its groups, shows and compares them, and warns of small ones")
  func tables() async throws {
    try await withFolder { folder in
      let store = try RunStore.open(folder.appendingPathComponent("s.sqlite"))
      var result = try Sample.result()
      result.groups = [attribute]
      let stored = try await Sample.store(result, in: store)
      #expect(stored.result?.groups == result.groups)
      let text = stored.lines(colors: false).joined(separator: "\n")
      #expect(text.contains("sex: m"))
      #expect(text.contains("accuracy gap 20.0 points"))
      #expect(text.contains("x (4) say little"))
      #expect(stored.document["groups"]?[0]?["groups"]?[1]?["sensitivity"] == 0.5)

      let comparison = try store.comparison()
      let lines = comparison.lines(by: .group, colors: false).joined(separator: "\n")
      #expect(
        lines.contains("sex: accuracy gap 20.0, equalised odds 30.0, demographic parity 10.0"))
      #expect(comparison.csv.contains("group_sensitivity,sex: m,1,0.5"))
      #expect(comparison.csv.contains("worst_group_accuracy,,1,0.7"))
      let page = try ReportPage(comparison, in: store, runtime: nil).html
      #expect(page.contains("id=\"groups\""))
      for subject in [WatchPage.Subject.latest, .sweep] {
        let state = try WatchPage(subject, in: store, runtime: nil).state().text
        #expect(state.contains("\"id\":\"groups\"") && state.contains("equalised-odds gap"))
        #expect(state.contains("x (4) say little"))
      }
    }
  }

  @Test("runs without groups say so")
  func none() async throws {
    try await withFolder { folder in
      let store = try RunStore.open(folder.appendingPathComponent("s.sqlite"))
      let stored = try await Sample.store(Sample.result(), in: store)
      #expect(!stored.lines(colors: false).joined().contains("Groups of people"))
      #expect(
        try store.comparison().lines(by: .group, colors: false).joined().contains(
          "data.group_columns"))
      let page = try ReportPage(store.comparison(), in: store, runtime: nil).html
      #expect(!page.contains("id=\"groups\""))
      let state = try WatchPage(.sweep, in: store, runtime: nil).state().text
      #expect(!state.contains("groups"))
    }
  }
}
