// Decodes Golden/gaussian-mixture.json, made with scikit-learn 1.9.1 and an independent EM.

import Foundation
import Kernels
import TestSupport
import Testing

struct MixtureGolden: Decodable, Sendable {
  struct Parameters: Decodable, Sendable {
    let means: [[Double]]
    let variances: [Double]
    let weights: [Double]
  }
  struct Start: Decodable, Sendable {
    let meansFromPointIndex: [Int]
    let weights: [Double]
    let varianceEach: Double
    let tol: Double
    let regCovar: Double
    let maxIter: Int
  }
  struct Fit: Decodable, Sendable {
    let means: [[Double]]
    let variances: [Double]
    let weights: [Double]
    let nIter: Int
    let converged: Bool
    let logLikelihood: Double
    let bic: Double
    let aic: Double
    let posteriors: [[Double]]
    let posteriorsUniformWeights: [[Double]]
    let labels: [Int]
  }
  struct Pair: Decodable, Sendable {
    let i: Int
    let j: Int
    let distance: Double
    let score: Double
    let overlap: Double
  }
  struct Separations: Decodable, Sendable {
    let pairs: [Pair]
    let mss: Double
    let mpo: Double
  }
  struct Variant: Decodable, Sendable {
    let projectionFirst2: [[Double]]
    let projectionFirst2Minmax: [[Double]]
  }
  struct Components: Decodable, Sendable {
    let mean: [Double]
    let components: [[Double]]
    let explainedVariance: [Double]
    let explainedVarianceRatio: [Double]
    let projection: [[Double]]
    let projectionMinmax: [[Double]]
    let rdpcflVariant: Variant
  }
  struct Dataset: Decodable, Sendable, CustomTestStringConvertible {
    let id: String
    let nComponents: Int
    let points: [[Double]]
    let `init`: Start
    let afterOneIteration: Parameters
    let fit: Fit
    let separation: Separations
    let pca: Components
    let generatingLabels: [Int]

    var testDescription: String { id }
    var matrix: Matrix { Matrix(rows: points) }
  }
  struct WideMixture: Decodable, Sendable {
    let initPointIndex: [Int]
    let means: [[Double]]
    let variances: [Double]
    let weights: [Double]
    let nIter: Int
    let logLikelihood: Double
    let labels: [Int]
    let mss: Double
    let mpo: Double
  }
  struct Wide: Decodable, Sendable, CustomTestStringConvertible {
    let id: String
    let points: [[Double]]
    let pca: Components
    let gmmOnMinmaxProjection: WideMixture

    var testDescription: String { id }
  }
  struct Overlap: Decodable, Sendable {
    let score: Double
    let overlap: Double
  }

  let datasets: [Dataset]
  let wide: [Wide]
  let overlapTable: [Overlap]

  static func load() throws -> MixtureGolden {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(
      MixtureGolden.self, from: Data(contentsOf: goldenFile("gaussian-mixture.json")))
  }
}

/// Largest absolute difference between a matrix and rows of reference numbers; infinite if the
/// shapes differ.
func largestDifference(_ matrix: Matrix, _ rows: [[Double]]) -> Double {
  guard matrix.rows == rows.count, rows.allSatisfy({ $0.count == matrix.columns }) else {
    return .infinity
  }
  return zip(matrix.elements, rows.flatMap { $0 }).reduce(0) { max($0, abs($1.0 - $1.1)) }
}

func largestDifference(_ values: [Double], _ reference: [Double]) -> Double {
  largestDifference(
    Matrix(rows: 1, columns: values.count, elements: values), [reference])
}
