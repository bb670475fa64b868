// The reference values of kinds of adapters on a tiny BERT, from an independent implementation in double precision.

import Foundation
import Kernels
import Learning
import TestSupport

/// `adapters.json`, as far as these tests read it.
struct AdapterGolden: Decodable {
  struct Tensor: Decodable {
    let name: String
    let shape: [Int]
    let k: Int
    let scale: Double
    let isOnePlus: Bool
    let isQuadratic: Bool

    enum CodingKeys: String, CodingKey {
      case name, shape, k, scale
      case isOnePlus = "one_plus"
      case isQuadratic = "quadratic"
    }

    /// scale · sin(0.37 i + c i² + 1.7 k + 0.5), plus 1 where so said.
    var values: [Float] {
      (0..<shape.reduce(1, *)).map { i in
        let (i, c) = (Double(i), isQuadratic ? 0.11 : 0)
        return Float(
          scale * sin(0.37 * i + c * i * i + 1.7 * Double(k) + 0.5) + (isOnePlus ? 1 : 0))
      }
    }
  }

  struct Example: Decodable {
    let logits: [Double]
    let loss: Double
    let trainableNorm: Double
    let gradNorms: [String: Double]

    enum CodingKeys: String, CodingKey {
      case logits, loss
      case trainableNorm = "trainable_norm"
      case gradNorms = "grad_norms"
    }
  }

  struct Moments: Decodable {
    let sum: Double
    let norm: Double
  }

  struct Kind: Decodable {
    let tensors: [Tensor]
    let trained: Int
    let examples: [Example]
    let clippedSum: [String: Moments]
    let indices: [String: [Int]]?
    let closedGates: Int?

    enum CodingKeys: String, CodingKey {
      case tensors, trained, examples, indices
      case clippedSum = "clipped_sum"
      case closedGates = "closed_gates"
    }
  }

  struct Generator: Decodable {
    let tensors: [Tensor]
    let emitted: [Double]
    let pulledBack: [String: Moments]

    enum CodingKeys: String, CodingKey {
      case tensors, emitted
      case pulledBack = "pulled_back"
    }
  }

  struct LowRankMerging: Decodable {
    let productMeanNorm: Double
    let factorMeanNorm: Double
    let productSVDRank2Norm: Double
    let productSingularValues: [Double]
    let prototype: [Double]
    let scores: [Double]
    let weights: [Double]
    let output: [Double]

    enum CodingKeys: String, CodingKey {
      case productMeanNorm = "product_mean_norm"
      case factorMeanNorm = "factor_mean_norm"
      case productSVDRank2Norm = "product_svd_rank2_norm"
      case productSingularValues = "product_singular_values"
      case prototype = "arrow_prototype_1_up_to_sign"
      case scores = "arrow_scores"
      case weights = "arrow_weights"
      case output = "arrow_output"
    }
  }

  struct Merging: Decodable {
    let tasks: [[Double]]
    let uniform: [Double]
    let taskArithmetic: [Double]
    let ties: [Double]
    let tiesKept: [[Double]]
    let sparseOverlapMean: [Double]
    let lora: LowRankMerging

    enum CodingKeys: String, CodingKey {
      case tasks, uniform, lora
      case taskArithmetic = "task_arithmetic_lambda_half"
      case ties = "ties_keep_3"
      case tiesKept = "ties_kept"
      case sparseOverlapMean = "sparse_overlap_mean"
    }
  }

  let clip: Float
  let tensors: [Tensor]
  let tokenIDs: [[Int32]]
  let labels: [Int]
  let kinds: [String: Kind]
  let generator: Generator
  let merging: Merging

  private enum CodingKeys: String, CodingKey {
    case clip, tensors, labels, kinds, merging
    case tokenIDs = "token_ids"
  }

  private struct KindName: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    clip = try container.decode(Float.self, forKey: .clip)
    tensors = try container.decode([Tensor].self, forKey: .tensors)
    tokenIDs = try container.decode([[Int32]].self, forKey: .tokenIDs)
    labels = try container.decode([Int].self, forKey: .labels)
    merging = try container.decode(Merging.self, forKey: .merging)
    // The generator stands among the kinds and has other members.
    let byName = try container.nestedContainer(keyedBy: KindName.self, forKey: .kinds)
    let generatorName = KindName(stringValue: "op-lora")
    generator = try byName.decode(Generator.self, forKey: generatorName)
    var kinds: [String: Kind] = [:]
    for key in byName.allKeys where key.stringValue != generatorName.stringValue {
      kinds[key.stringValue] = try byName.decode(Kind.self, forKey: key)
    }
    self.kinds = kinds
  }

  static func load() throws -> AdapterGolden {
    try JSONDecoder().decode(
      AdapterGolden.self, from: Data(contentsOf: goldenFile("adapters.json")))
  }

  var texts: Texts { Texts(tokens: tokenIDs, labels: labels) }
}
