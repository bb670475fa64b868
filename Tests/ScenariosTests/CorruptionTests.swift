// Corrupted scenario files: whatever happens to the bytes, reading ends with a scenario or an
// error.

import Foundation
import Kernels
import Scenarios
import Testing

@Suite("Corrupted files")
struct CorruptionTests {
  /// Bytes that mean something to a JSON reader, so that edits reach deep into it.
  private static let telling =
    Array("{}[]\",:\\/-+.eE0159tfnu\n\t \u{0}\u{7F}".utf8) + [0x80, 0xFF]

  @Test(
    "six thousand random edits are read or refused, none traps or hangs",
    .timeLimit(.minutes(5)))
  func randomEdits() throws {
    let original = Array(try shippedData("skewed-lora.json"))
    var random = RandomStream(seed: 2, purpose: .test)
    var (read, refused) = (0, 0)
    for _ in 0..<6000 {
      var bytes = original
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        Self.edit(&bytes, using: &random)
      }
      let scenario: Scenario
      do throws(ScenarioError) {
        scenario = try Scenario(json: Data(bytes))
      } catch {
        #expect(!error.problems.isEmpty && error.problems.allSatisfy { !$0.message.isEmpty })
        refused += 1
        continue
      }
      // What is read must also be usable.
      #expect(scenario.clients.count == scenario.clientCount)
      #expect(try Scenario(json: Data(scenario.resolvedJSON.utf8)) == scenario)
      read += 1
    }
    // Edits inside the description do no harm, most others do; both must have happened.
    #expect(read > 100 && refused > 2000, "\(read) read, \(refused) refused")
  }

  @Test("every prefix of a scenario is refused")
  func prefixes() throws {
    let text = Array(String(decoding: try shippedData("tiny.json"), as: UTF8.self).trimmed.utf8)
    for count in 0..<text.count {
      #expect(throws: ScenarioError.self) { try Scenario(json: Data(text[..<count])) }
    }
  }

  @Test("every value replaced by every other kind of value is read or refused")
  func replacedValues() throws {
    var refused = 0
    for document in try replacedDocuments("label-skew-budgets.json") {
      if !ScenariosTests.problems(of: document.text).isEmpty { refused += 1 }
    }
    #expect(refused > 1000)
  }

  private static func edit(_ bytes: inout [UInt8], using random: inout RandomStream) {
    guard !bytes.isEmpty else { return }
    let place = Int.random(in: 0..<bytes.count, using: &random)
    let byte = telling.randomElement(using: &random) ?? 0
    switch Int.random(in: 0..<6, using: &random) {
    case 0: bytes[place] = byte
    case 1: bytes[place] = UInt8.random(in: 0...255, using: &random)
    case 2: bytes.insert(byte, at: place)
    case 3: bytes.remove(at: place)
    case 4:
      let end = min(bytes.count, place + Int.random(in: 1...40, using: &random))
      bytes.insert(
        contentsOf: bytes[place..<end], at: Int.random(in: 0...bytes.count, using: &random))
    default: bytes.swapAt(place, Int.random(in: 0..<bytes.count, using: &random))
    }
  }
}

extension String {
  fileprivate var trimmed: String { trimmingCharacters(in: .whitespacesAndNewlines) }
}
