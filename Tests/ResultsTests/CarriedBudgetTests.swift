// What budgets a table's clients carry, against the accountant asked the other way round.

import Datasets
import Foundation
import Presentation
import Privacy
import Scenarios
import Testing

@Suite("Budgets that a table's clients carry")
struct CarriedBudgetTests {
  /// A table of two wards, 100 and 900 rows, with a number and a word of three categories.
  private func look(label: String? = "y") throws -> TableInspection {
    let text =
      "ward,age,unit,y\n"
      + (0..<1000).map {
        "\($0 % 10 == 0 ? "few" : "many"),\(20 + $0 % 50).5,\(["a", "b", "c"][$0 % 3]),\(["no", "yes"][$0 / 5 % 2])\n"
      }
      .joined()
    let file = FileManager.default.temporaryDirectory
      .appendingPathComponent("dpflsim-\(UUID().uuidString).csv")
    defer { try? FileManager.default.removeItem(at: file) }
    try Data(text.utf8).write(to: file)
    return try TableInspection(file: file, label: label, client: "ward")
  }

  @Test("the signal of a run is that of `check`: noise averages out over its steps")
  func signal() throws {
    for budget in CarriedBudget.of(try look()) {
      let steps = 20 * budget.rows / 16
      let signal = try #require(budget.runSignalToNoise)
      // The noise that this signal means keeps the proposed budget, and a little less would not.
      let noise = Double(steps).squareRoot() * 16 / (signal * 12.0.squareRoot())
      func bound(_ noise: Double) throws -> Double {
        try BestAccountant().bound(
          for: .trainingSteps(
            sampleRate: 16 / Double(budget.rows), noiseMultiplier: noise, count: steps),
          delta: 1e-4
        ).epsilon
      }
      #expect(try bound(noise) <= 3 && bound(noise * 0.99) > 3)
    }
  }

  @Test("at the ε of an even step calibrated noise is as long as the clipped gradients of a step")
  func calibrated() throws {
    let budgets = CarriedBudget.of(try look())
    #expect(budgets.map(\.client) == ["few", "many"] && budgets.map(\.rows) == [80, 720])
    // One number, three words and one for missing ones, and a constant, for each of two classes.
    let longest = 16 / 12.0.squareRoot()
    for budget in budgets {
      let epsilon = try #require(budget.epsilon)
      let rate = 16 / Double(budget.rows)
      let steps = 20 * budget.rows / 16
      func bound(_ noise: Double) throws -> Double {
        try BestAccountant().bound(
          for: .trainingSteps(sampleRate: rate, noiseMultiplier: noise, count: steps), delta: 1e-4
        ).epsilon
      }
      #expect(try bound(longest * 1.01) < epsilon && bound(longest * 0.99) > epsilon)
    }
    #expect(try #require(budgets[0].epsilon) > #require(budgets[1].epsilon))
  }

  @Test("the first look says them with a label, and nothing without")
  func said() throws {
    let text = InspectionText(try look())
    #expect(text.lines(colors: false).joined().contains("What such clients carry"))
    #expect(text.lines(colors: false).joined().contains("no lower limit"))
    #expect(text.document["carried"]?[1]?["client"] == "many")
    let open = InspectionText(try look(label: nil))
    #expect(!open.lines(colors: false).joined().contains("carry"))
    #expect(open.document["carried"] == [])
  }
}
