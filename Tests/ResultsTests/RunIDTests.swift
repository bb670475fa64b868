// Names of runs: sortable, valid, and harmless as parts of a path.

import Analysis
import Formatting
import Foundation
import Kernels
import Presentation
import Store
import Testing

@Suite("Names of runs")
struct RunIDTests {
  @Test("a name tells time and scenario")
  func form() {
    var stream = RandomStream(seed: 1, purpose: .test)
    let date = Date(timeIntervalSince1970: 1_795_342_530.9)
    let name = RunID.make(scenario: "skewed", at: date, using: &stream)
    #expect(name.hasPrefix("20261122-101530-skewed-"))
    #expect(name.utf8.count == "20261122-101530-skewed-".utf8.count + 6)
    #expect(RunID.isValid(name))
  }

  @Test("names sort by time and differ within a second")
  func order() {
    var stream = RandomStream(seed: 2, purpose: .test)
    let start = Date(timeIntervalSince1970: 0)
    let names = (0..<200).map { index in
      RunID.make(scenario: "a", at: start + Double(index) * 400_000, using: &stream)
    }
    #expect(names.sorted() == names)
    let same = (0..<200).map { _ in RunID.make(scenario: "a", at: start, using: &stream) }
    #expect(Set(same).count == 200)
  }

  @Test(
    "what could leave its folder is no name",
    arguments: [
      "", "..", ".", "/", "a", "skewed", "2026/..", "2026/../x", "2026\0", "2026 x", "2026-é",
      "-2026", "2026\\x", String(repeating: "2", count: 101),
    ])
  func invalid(_ name: String) {
    #expect(!RunID.isValid(name))
  }
}
