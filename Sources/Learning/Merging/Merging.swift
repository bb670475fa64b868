// Merging of task vectors: what fine-tuned models, or adapters as changes of weights, become together. Pure
// functions of released values: post-processing. docs/adapters.md says what the merged module's privacy is.
//
// Ilharco et al., "Editing models with task arithmetic" (ICLR 2023); Yadav et al., "TIES-merging" (NeurIPS 2023); Yu
// et al., "DARE" (ICML 2024); Arnob et al., sparse overlap mean (COLM 2025).

import Foundation
import Kernels

/// Ways to merge vectors of equal length.
public enum TaskMerging: Sendable, Hashable {
  /// The mean.
  case uniform
  /// λ Σ τ.
  case taskArithmetic(scale: Double)
  /// Trimmed to the largest share by magnitude, a sign elected by the sum (a tie is +), the mean of entries that
  /// agree with it and are not zero.
  case ties(density: Double, trim: Trim)
  /// Sum over the number of vectors with an entry, at least 1.
  case sparseOverlap
  /// Entries dropped with probability 1 − density and divided by it, then the mean.
  case dare(density: Double, seed: UInt64)

  /// Over what TIES counts the largest entries; the two published codes differ.
  public enum Trim: String, Sendable, Hashable {
    /// Each tensor by itself, as PEFT does.
    case tensor = "peft"
    /// The whole expert, as MTTL does.
    case expert = "mttl"
  }

  /// The merged vector.
  ///
  /// - Parameters:
  ///   - vectors: at least one, of equal length.
  ///   - tensors: where each tensor lies, for `Trim.tensor`; nil takes the whole as one.
  public func merge(_ vectors: [[Double]], tensors: [Range<Int>]? = nil) -> [Double] {
    let length = vectors.first?.count ?? 0
    precondition(vectors.allSatisfy { $0.count == length }, "vectors to merge have equal lengths")
    let count = Double(max(vectors.count, 1))
    switch self {
    case .uniform: return Self.sum(vectors).map { $0 / count }
    case .taskArithmetic(let scale): return Self.sum(vectors).map { $0 * scale }
    case .ties(let density, let trim):
      let parts = trim == .tensor ? tensors ?? [0..<length] : [0..<length]
      return Self.elected(vectors.map { Self.trimmed($0, density: density, parts: parts) })
    case .sparseOverlap:
      let overlap = (0..<length).map { i in vectors.count { $0[i] != 0 } }
      return zip(Self.sum(vectors), overlap).map { $0 / Double(max($1, 1)) }
    case .dare(let density, let seed):
      let kept = vectors.enumerated().map { index, vector in
        var stream = RandomStream(seed: seed, purpose: .dropout, client: index)
        return vector.map { stream.nextUnit() < density ? $0 / density : 0 }
      }
      return Self.sum(kept).map { $0 / count }
    }
  }

  private static func sum(_ vectors: [[Double]]) -> [Double] {
    guard var total = vectors.first else { return [] }
    for vector in vectors.dropFirst() { for i in total.indices { total[i] += vector[i] } }
    return total
  }

  /// The largest entries of every part by magnitude, the rest zero: ⌊density · length⌋ of them, at least one, the
  /// first of equals.
  public static func trimmed(
    _ vector: [Double], density: Double, parts: [Range<Int>]
  ) -> [Double] {
    var result = [Double](repeating: 0, count: vector.count)
    for part in parts {
      let count = max(1, Int(density * Double(part.count)))
      let order = part.sorted {
        abs(vector[$0]) == abs(vector[$1]) ? $0 < $1 : abs(vector[$0]) > abs(vector[$1])
      }
      for place in order.prefix(count) { result[place] = vector[place] }
    }
    return result
  }

  /// The disjoint mean: of entries whose sign is that of the sum.
  private static func elected(_ vectors: [[Double]]) -> [Double] {
    zip(0..., sum(vectors)).map { i, total in
      let isPositive = total >= 0
      let agreeing = vectors.map { $0[i] }.filter { $0 != 0 && ($0 > 0) == isPositive }
      return agreeing.isEmpty ? 0 : agreeing.reduce(0, +) / Double(agreeing.count)
    }
  }
}

/// Where the adapters' changes are merged.
public enum MergeSpace: String, Sendable, Hashable, CaseIterable {
  /// B A of each, merged; keeps the sum of the ranks.
  case product
  /// A and B apart: another matrix, as averaging factors is not averaging products.
  case factors
}
