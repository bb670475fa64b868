// Texts of the toy arithmetic as the laboratory trains on them: some of one kind or of both, in a row.

import Datasets
import Kernels
import Learning

struct ToyTexts: ExampleSource {
  /// The objective of all answers, or of one item's (from 0) alone.
  static func answers(item: Int? = nil) -> NextTokenLoss {
    NextTokenLoss(
      from: ToyOperators.firstAnswer + ToyOperators.answerDistance * (item ?? 0),
      every: item == nil ? ToyOperators.answerDistance : ToyOperators.length)
  }

  private let tokens: [[Int32]]
  var count: Int { tokens.count }

  init(_ count: Int, kinds: [ToyOperators.Kind], stream: inout RandomStream) {
    tokens = (0..<count).map { ToyOperators.text(of: kinds[$0 % kinds.count], stream: &stream) }
  }

  func label(at position: Int) -> Int { 0 }
  func length(at position: Int) -> Int { tokens[position].count }
  func write(_ position: Int, into destination: inout MutableSpan<Float>) {}
  func write(_ position: Int, into destination: inout MutableSpan<Int32>) {
    for (i, id) in tokens[position].enumerated() { destination[i] = id }
  }
}
