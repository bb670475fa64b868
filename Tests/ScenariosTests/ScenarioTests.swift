// The shipped default scenario, read into its types.

import Foundation
import Scenarios
import Testing

@Suite("Scenario")
struct ScenarioTests {
  @Test("skewed.json means what it says")
  func skewed() throws {
    let scenario = try Scenario(json: Data(contentsOf: shippedScenario("skewed.json")))
    #expect(scenario.clientCount == 21)
    print(scenario.resolvedJSON)
    print(scenario.resolved.prettyText)
  }
}
