// What the live page of a sweep says.

import Federation
import Foundation
import Presentation
import Scenarios
import Store
import Testing

@Suite("The live page")
struct WatchPageTests {
  @Test("a sweep shows the settings that are asked for, and the first where there are none such")
  func settings() async throws {
    try await withFolder { folder in
      let store = try RunStore.open(folder.appendingPathComponent("s.sqlite"))
      for (rate, seed) in [(0.1, UInt64(0)), (0.2, 1)] {
        let recorder = try RunRecorder(
          store: store,
          scenario: try Scenario(
            json: Data(Grid.json.utf8),
            overrides: [
              "method={\"name\":\"global\"}", "local.learning_rate=\(rate)", "seed=\(seed)",
            ]),
          workers: 1, machine: "m")
        for number in 1...2 { try await recorder.receive(.finishedRound(Sample.round(number))) }
        try await recorder.finish(
          try Grid.result("global", 5, seed), models: [:],
          cost: RunRecorder.Cost(wallSeconds: 1, peakRSSBytes: nil))
      }
      let page = WatchPage(.sweep, in: store, runtime: nil)
      let first = try page.state(settings: 0)
      #expect(first["settings"]?[0] == "local.learning_rate=0.1")
      #expect(first["settings"]?[1] == "local.learning_rate=0.2")
      let second = try page.state(settings: 1)
      #expect(second["charts"]?[0]?["id"] == "frontier")
      #expect(second["charts"]?[0] != first["charts"]?[0])
      for other in [-1, 2, .max] { #expect(try page.state(settings: other) == first) }
      #expect(try WatchPage(.latest, in: store, runtime: nil).state()["settings"] == [])
    }
  }
}
