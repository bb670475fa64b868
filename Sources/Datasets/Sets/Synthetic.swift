// A synthetic data set whose geometry is known: one Gaussian cloud for each class.

import Foundation
import Kernels

/// What a synthetic data set looks like.
///
/// The examples of class c are drawn from N(m_c, I), where the means m_c lie in random directions at
/// distance `separation` from the origin: in many dimensions, means are √2 · `separation` apart. Classes take turns, so every class is equally frequent.
public struct SyntheticRequest: Sendable, Hashable, Codable {
  /// What a request may ask for.
  public static let classRange = 2...Dataset.mostClasses
  public static let featureRange = 1...10_000
  public static let exampleRange = 1...1_000_000
  public static let separationRange = 0.0...100.0
  /// Examples times features, at most.
  public static let mostValues = 100_000_000

  public var classes: Int
  /// Numbers in an example; for images height · width · channels.
  public var features: Int
  public var separation: Double
  public var trainExamples: Int
  public var testExamples: Int
  public var seed: UInt64

  public init(
    classes: Int = 4, features: Int = 16, separation: Double = 4, trainExamples: Int = 4_000,
    testExamples: Int = 1_000, seed: UInt64 = 0
  ) {
    self.classes = classes
    self.features = features
    self.separation = separation
    self.trainExamples = trainExamples
    self.testExamples = testExamples
    self.seed = seed
  }

  /// Draws a table.
  /// - Throws: `invalidRequest` if a number is out of range.
  public func table() throws(DatasetError) -> Dataset {
    try check()
    let centers = self.centers()
    return try Dataset(
      name: "synthetic", shape: .features(count: features), classCount: classes,
      normalization: .identity,
      train: examples(.train, centers) { .floats($0) },
      test: examples(.test, centers) { .floats($0) })
  }

  /// Draws square grey images: the value x becomes the byte 128 + 32 x, cut off at 0 and 255.
  /// - Throws: `invalidRequest` if a number is out of range or `features` is no square number.
  public func images() throws(DatasetError) -> Dataset {
    try check()
    let side = Int(Double(features).squareRoot().rounded())
    guard side * side == features else {
      throw DatasetError(
        .invalidRequest, at: "synthetic.features", "\(features) values are not a square image",
        fix: "use a square number such as 64")
    }
    let centers = self.centers()
    let pixels: ([Float]) -> Examples.Values = { values in
      .bytes(values.map { UInt8(max(0, min(255, (128 + 32 * $0).rounded()))) })
    }
    return try Dataset(
      name: "synthetic", shape: .image(height: side, width: side, channels: 1),
      classCount: classes,
      normalization: Normalization(mean: 128 / 255, standardDeviation: 32 / 255),
      train: examples(.train, centers, pixels), test: examples(.test, centers, pixels))
  }

  private func check() throws(DatasetError) {
    try SyntheticRequest.check("classes", classes, SyntheticRequest.classRange)
    try SyntheticRequest.check("features", features, SyntheticRequest.featureRange)
    try SyntheticRequest.check("train_examples", trainExamples, SyntheticRequest.exampleRange)
    try SyntheticRequest.check("test_examples", testExamples, SyntheticRequest.exampleRange)
    guard SyntheticRequest.separationRange.contains(separation) else {
      throw DatasetError(
        .invalidRequest, at: "synthetic.separation", "\(separation) is out of range",
        fix: "use a number from 0 to 100")
    }
    let values = (trainExamples + testExamples).multipliedReportingOverflow(by: features)
    guard !values.overflow, values.partialValue <= SyntheticRequest.mostValues else {
      throw DatasetError(
        .invalidRequest, at: "synthetic",
        "asks for more than \(SyntheticRequest.mostValues) numbers in all",
        fix: "use fewer examples or features")
    }
  }

  private static func check(
    _ name: String, _ value: Int, _ range: ClosedRange<Int>
  ) throws(DatasetError) {
    guard range.contains(value) else {
      throw DatasetError(
        .invalidRequest, at: "synthetic.\(name)", "\(value) is out of range",
        fix: "use a number from \(range.lowerBound) to \(range.upperBound)")
    }
  }

  /// One centre after the other.
  private func centers() -> [Double] {
    var centers: [Double] = []
    centers.reserveCapacity(classes * features)
    for label in 0..<classes {
      var stream = RandomStream(seed: seed, purpose: .synthetic, client: label)
      let direction = (0..<features).map { _ in stream.nextGaussian() }
      let length = direction.reduce(0) { $0 + $1 * $1 }.squareRoot()
      centers += direction.map { length > 0 ? separation * $0 / length : 0 }
    }
    return centers
  }

  private func examples(
    _ part: Examples.Part, _ centers: [Double], _ values: ([Float]) -> Examples.Values
  ) -> Examples {
    let count = part == .train ? trainExamples : testExamples
    let labels = (0..<count).map { Examples.Label($0 % classes) }
    var numbers: [Float] = []
    numbers.reserveCapacity(count * features)
    for (example, label) in labels.enumerated() {
      var stream = RandomStream(
        seed: seed, purpose: .synthetic, round: part == .train ? 1 : 2, client: example)
      for feature in 0..<features {
        numbers.append(Float(centers[Int(label) * features + feature] + stream.nextGaussian()))
      }
    }
    return Examples(part: part, labels: labels, values: values(numbers))
  }
}
