// A shift prepared for one data set: the tables through which clients of a cluster see their data.

import Foundation

/// Everything about a shift that can be worked out once, shared by all clients of a cluster.
public final class ViewTransform: Sendable {
  public let shift: Shift
  /// The label that a client sees, for each published label.
  public let labelMap: [Examples.Label]
  let valueCount: Int
  let motion: PixelMotion
  /// The model's input for each byte.
  let inputOfByte: [Float]
  /// Model's input = value · scale + offset.
  let scale: Float
  let offset: Float
  let noise: Double

  /// - Throws: `invalidRequest` if the shift does not fit the data set.
  public init(_ shift: Shift = .none, for dataset: Dataset) throws(DatasetError) {
    guard shift.featureNoise >= 0, shift.featureNoise.isFinite else {
      throw DatasetError(
        .invalidRequest, at: "shift.feature_noise", "\(shift.featureNoise) is out of range",
        fix: "use a finite standard deviation of at least 0")
    }
    if case .tokens = dataset.shape, shift.featureNoise > 0 {
      throw DatasetError(
        .invalidRequest, at: "shift.feature_noise", "there is no noise between words",
        fix: "leave it out for texts")
    }
    self.shift = shift
    labelMap = try shift.labelMap(classCount: dataset.classCount)
    valueCount = dataset.shape.valueCount
    motion = try PixelMotion(degrees: try shift.normalizedDegrees(), shape: dataset.shape)
    noise = shift.featureNoise
    let unit: Float = if case .image = dataset.shape { 255 } else { 1 }
    let scale = 1 / (unit * dataset.normalization.standardDeviation)
    let offset = -dataset.normalization.mean / dataset.normalization.standardDeviation
    inputOfByte = (0..<256).map { Float($0) * scale + offset }
    self.scale = scale
    self.offset = offset
  }
}
