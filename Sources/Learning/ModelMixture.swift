// Several models that answer together: the mean, in given shares, of the probabilities that they predict.

import Kernels

/// Models of one plan whose predicted probabilities are added up in given shares.
public struct ModelMixture: Sendable {
  /// θ of each, `plan.trainableCount` floats.
  public let models: [[Float]]
  /// One for each model; none negative, together 1.
  public let shares: [Double]

  public init(models: [[Float]], shares: [Double]) {
    precondition(models.count == shares.count && !models.isEmpty, "every model has its share")
    (self.models, self.shares) = (models, shares)
  }
}

/// The probabilities of some rows, added up model by model.
struct MixedProbabilities {
  private let width: Int
  private var sums: [Double]

  /// - Parameter width: classes, or words.
  init(rows: Int, width: Int) {
    self.width = width
    sums = [Double](repeating: 0, count: rows * width)
  }

  /// Adds the softmax of one model's logits. A row that is not finite says nothing, as a loss that is not finite makes an
  /// example count nothing for its model.
  mutating func add(_ logits: [Float], share: Double) {
    for start in stride(from: 0, to: sums.count, by: width) {
      let row = logits[start..<start + width]
      guard let largest = row.max(), row.allSatisfy(\.isFinite) else { continue }
      let powers = row.map { Elementary.exp(Double($0) - Double(largest)) }
      let scale = share / powers.reduce(0, +)
      for (place, power) in powers.enumerated() { sums[start + place] += scale * power }
    }
  }

  /// The logarithms, which are logits of the mixture; not a number where no model says anything.
  var logits: [Float] {
    var logits: [Float] = []
    logits.reserveCapacity(sums.count)
    for start in stride(from: 0, to: sums.count, by: width) {
      let row = sums[start..<start + width]
      let isKnown = row.contains { $0 > 0 }
      for sum in row {
        logits.append(isKnown ? Float(Elementary.log(max(sum, .leastNormalMagnitude))) : .nan)
      }
    }
    return logits
  }
}

extension Network {
  /// A pass of every model over one tile; the outputs become logits of the mixture.
  func forward<Source: ExampleSource>(
    _ source: Source, at positions: ArraySlice<Int>, features: FrozenFeatures?,
    mixing mixture: ModelMixture
  ) {
    let rows = scoresTokens ? batch.rows : positions.count
    var mixed = MixedProbabilities(rows: rows, width: plan.outputCount)
    for (model, share) in zip(mixture.models, mixture.shares) where share > 0 {
      loadAlone(trainable: model)
      forward(source, at: positions, features: features)
      mixed.add(outputs.array(count: rows * plan.outputCount), share: share)
    }
    outputs.write(mixed.logits)
  }
}
