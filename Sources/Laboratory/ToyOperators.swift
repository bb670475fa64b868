// Texts of a toy arithmetic: "begin a # b = c ;" four times, where # is the larger digit for one kind of client and
// the smaller for the other, so that the first answer cannot be known and the later ones can.

import Kernels
import Learning

/// Texts of 25 tokens over a vocabulary of 14: digits, #, =, ; and a begin token.
struct ToyOperators: ExampleSource {
  enum Kind: String, CaseIterable {
    case larger, smaller

    func answer(_ a: Int32, _ b: Int32) -> Int32 { self == .larger ? max(a, b) : min(a, b) }
  }

  static let vocabulary = 14
  static let items = 4
  static let length = 1 + 6 * items
  /// The objective of all answers, or of one item's (from 0) alone.
  static func answers(item: Int? = nil) -> NextTokenLoss {
    NextTokenLoss(from: 5 + 6 * (item ?? 0), every: item == nil ? 6 : length)
  }

  private let tokens: [[Int32]]
  var count: Int { tokens.count }

  init(_ count: Int, kinds: [Kind], stream: inout RandomStream) {
    tokens = (0..<count).map { index in
      let kind = kinds[index % kinds.count]
      return [13]
        + (0..<Self.items).flatMap { _ -> [Int32] in
          let a = Int32(stream.next(upperBound: 10 as UInt64))
          let b = Int32(stream.next(upperBound: 10 as UInt64))
          return [a, 10, b, 11, kind.answer(a, b), 12]
        }
    }
  }

  func label(at position: Int) -> Int { 0 }
  func length(at position: Int) -> Int { tokens[position].count }
  func write(_ position: Int, into destination: inout MutableSpan<Float>) {}
  func write(_ position: Int, into destination: inout MutableSpan<Int32>) {
    for (i, id) in tokens[position].enumerated() { destination[i] = id }
  }
}
