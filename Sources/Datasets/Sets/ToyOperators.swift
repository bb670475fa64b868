// Texts of a toy arithmetic: a begin token, then four times "a # b = c ;", where # is the larger digit for one kind of
// text and the smaller for the other. Nothing tells the kind before the first answer, and everything does afterwards.

public import Kernels

/// How many texts of the toy arithmetic are drawn, half of each kind.
public struct ToyOperators: Sendable, Hashable, Codable {
  /// What # stands for. Raw values are the names of the groups.
  public enum Kind: String, CaseIterable, Sendable {
    case larger, smaller

    func answer(_ a: Int32, _ b: Int32) -> Int32 { self == .larger ? max(a, b) : min(a, b) }
  }

  /// Digits, #, =, ; and the begin token.
  public static let vocabulary = 14
  public static let items = 4
  /// Tokens of a text.
  public static let length = 1 + 6 * items
  /// The place of the first answer in a text, and how far it is to the next.
  public static let firstAnswer = 5
  public static let answerDistance = 6
  public static let exampleRange = 2...1_000_000

  public var trainExamples: Int
  public var testExamples: Int
  public var seed: UInt64

  public init(trainExamples: Int = 40_000, testExamples: Int = 4_000, seed: UInt64 = 0) {
    self.trainExamples = trainExamples
    self.testExamples = testExamples
    self.seed = seed
  }

  /// One text; digits are drawn from the stream.
  public static func text(of kind: Kind, stream: inout RandomStream) -> [Int32] {
    [13]
      + (0..<items).flatMap { _ -> [Int32] in
        let a = Int32(stream.next(upperBound: 10 as UInt64))
        let b = Int32(stream.next(upperBound: 10 as UInt64))
        return [a, 10, b, 11, kind.answer(a, b), 12]
      }
  }

  /// Draws the texts; the kinds, which are the groups of the data set, take turns. All are of one class.
  ///
  /// - Throws: `invalidRequest` if there are too few or too many.
  public func dataset() throws(DatasetError) -> Dataset {
    for (name, count) in [("train_examples", trainExamples), ("test_examples", testExamples)]
    where !ToyOperators.exampleRange.contains(count) {
      throw DatasetError(
        .invalidRequest, at: "data.\(name)", "\(count) is out of range",
        fix: "use a number from \(ToyOperators.exampleRange.lowerBound) to "
          + "\(ToyOperators.exampleRange.upperBound)")
    }
    return try Dataset(
      name: KnownDataset.toyOperators.name,
      shape: .tokens(maximum: ToyOperators.length, vocabulary: ToyOperators.vocabulary),
      classCount: 1, normalization: .identity, train: examples(.train), test: examples(.test),
      groupNames: Kind.allCases.map(\.rawValue))
  }

  private func examples(_ part: Examples.Part) -> Examples {
    let count = part == .train ? trainExamples : testExamples
    let kinds = Kind.allCases
    var texts = TokenTable(vocabularySize: ToyOperators.vocabulary)
    for example in 0..<count {
      var stream = RandomStream(
        seed: seed, purpose: .synthetic, round: part == .train ? 1 : 2, client: example)
      texts.append(ToyOperators.text(of: kinds[example % kinds.count], stream: &stream))
    }
    return Examples(
      part: part, labels: Array(repeating: 0, count: count), values: .tokens(texts),
      groups: (0..<count).map { UInt16($0 % kinds.count) })
  }
}
