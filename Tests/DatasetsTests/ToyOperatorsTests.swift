// Texts of the toy arithmetic say what their group means by #.

import Datasets
import Testing

@Suite("Toy operators")
struct ToyOperatorsTests {
  private func texts(_ examples: Examples) throws -> [[Int32]] {
    guard case .tokens(let table) = examples.values else {
      Issue.record("no tokens")
      return []
    }
    return (0..<table.count).map { text in
      var ids = [Int32](repeating: 0, count: table.length(of: text))
      var span = ids.mutableSpan
      table.write(text, into: &span)
      return ids
    }
  }

  @Test(
    "each answer is the larger or the smaller digit, by the text's group; kinds are half and half")
  func answers() throws {
    let set = try ToyOperators(trainExamples: 4_000, testExamples: 400, seed: 3).dataset()
    #expect(set.shape == .tokens(maximum: 25, vocabulary: 14) && set.classCount == 1)
    #expect(set.groupNames == ["larger", "smaller"])
    for part in [set.train, set.test] {
      let groups = try #require(part.groups)
      #expect(groups.count(where: { $0 == 0 }) * 2 == part.count)
      var digits = [Int](repeating: 0, count: 10)
      for (text, group) in zip(try texts(part), groups) {
        #expect(text.count == 25 && text[0] == 13)
        for item in 0..<4 {
          let place = 1 + 6 * item
          let (a, b) = (text[place], text[place + 2])
          #expect((0...9).contains(a) && (0...9).contains(b))
          digits[Int(a)] += 1
          digits[Int(b)] += 1
          #expect(text[place + 1] == 10 && text[place + 3] == 11 && text[place + 5] == 12)
          #expect(text[place + 4] == (group == 0 ? max(a, b) : min(a, b)))
        }
        #expect(ToyOperators.firstAnswer == 5 && ToyOperators.answerDistance == 6)
      }
      // Every digit is a tenth of them; five standard deviations.
      let (count, share) = (Double(8 * part.count), 0.1)
      for digit in digits {
        #expect(abs(Double(digit) - count * share) < 5 * (count * share * (1 - share)).squareRoot())
      }
    }
    #expect(try texts(set.train)[0] != texts(set.test)[0])
  }

  @Test("the seed decides everything; too few or too many are refused")
  func seed() throws {
    let first = ToyOperators(trainExamples: 40, testExamples: 10, seed: 1)
    var second = first
    second.seed = 2
    #expect(try first.dataset().contentHash == first.dataset().contentHash)
    #expect(try first.dataset().contentHash != second.dataset().contentHash)
    for (train, test) in [(1, 10), (10, 1), (1_000_001, 10)] {
      #expect(throws: DatasetError.self) {
        try ToyOperators(trainExamples: train, testExamples: test).dataset()
      }
    }
  }
}
