// How a client's data differ from the published data: turned images, renamed labels, noise.

/// A change of every example of a client, which composes with other changes.
///
/// The parts act in this order: images are turned, labels permuted, labels offset, noise added. The
/// shift of the paper's cluster c is `Shift(rotationDegrees: 90 * c)` or `Shift(labelOffset: c)`.
public struct Shift: Sendable, Hashable, Codable {
  /// Counter-clockwise, in degrees. Multiples of 90 move whole pixels; other angles are interpolated
  /// between the four nearest pixels, with byte 0 outside the image.
  public var rotationDegrees: Double
  /// The new label of each label, or nil to keep them.
  public var labelPermutation: [Int]?
  /// Added to each label, modulo the number of classes.
  public var labelOffset: Int
  /// Standard deviation of the Gaussian noise on each normalised value; fixed for each client and
  /// example, so an example looks the same in every round.
  public var featureNoise: Double

  public init(
    rotationDegrees: Double = 0, labelPermutation: [Int]? = nil, labelOffset: Int = 0,
    featureNoise: Double = 0
  ) {
    self.rotationDegrees = rotationDegrees
    self.labelPermutation = labelPermutation
    self.labelOffset = labelOffset
    self.featureNoise = featureNoise
  }

  /// Leaves every example as it is.
  public static let none = Shift()

  /// Absent keys mean no change.
  public init(from decoder: any Decoder) throws {
    let keys = try decoder.container(keyedBy: CodingKeys.self)
    rotationDegrees = try keys.decodeIfPresent(Double.self, forKey: .rotationDegrees) ?? 0
    labelPermutation = try keys.decodeIfPresent([Int].self, forKey: .labelPermutation)
    labelOffset = try keys.decodeIfPresent(Int.self, forKey: .labelOffset) ?? 0
    featureNoise = try keys.decodeIfPresent(Double.self, forKey: .featureNoise) ?? 0
  }

  /// This shift followed by another: angles add, label maps are chained, independent noises add.
  ///
  /// - Parameter classCount: number of classes, needed to chain label maps.
  /// - Throws: `invalidRequest` if one of the shifts does not fit that number of classes.
  public func followed(by next: Shift, classCount: Int) throws(DatasetError) -> Shift {
    let first = try labelMap(classCount: classCount)
    let second = try next.labelMap(classCount: classCount)
    let labels = first.map { Int(second[Int($0)]) }
    return Shift(
      rotationDegrees: rotationDegrees + next.rotationDegrees,
      labelPermutation: labels == Array(0..<classCount) ? nil : labels,
      featureNoise: (featureNoise * featureNoise + next.featureNoise * next.featureNoise)
        .squareRoot())
  }

  /// The label that a client sees, for each published label.
  /// - Throws: `invalidRequest` if the permutation is not one of 0 ..< classCount.
  public func labelMap(classCount: Int) throws(DatasetError) -> [Examples.Label] {
    guard (1...Dataset.mostClasses).contains(classCount) else {
      throw DatasetError(
        .invalidRequest, at: "shift", "cannot rename the labels of \(classCount) classes",
        fix: "use a data set of 1 to \(Dataset.mostClasses) classes")
    }
    let permutation = labelPermutation ?? Array(0..<classCount)
    guard permutation.sorted() == Array(0..<classCount) else {
      throw DatasetError(
        .invalidRequest, at: "shift.label_permutation",
        "is not a permutation of the labels 0 to \(classCount - 1)",
        fix: "list each of these labels once")
    }
    let offset = labelOffset % classCount
    return permutation.map { Examples.Label(($0 + offset + classCount) % classCount) }
  }

  /// The angle in [0, 360).
  /// - Throws: `invalidRequest` if the angle is not a finite number.
  func normalizedDegrees() throws(DatasetError) -> Double {
    guard rotationDegrees.isFinite else {
      throw DatasetError(
        .invalidRequest, at: "shift.rotation_degrees", "\(rotationDegrees) is not a finite angle",
        fix: "give a number of degrees")
    }
    let remainder = rotationDegrees.truncatingRemainder(dividingBy: 360)
    return remainder < 0 ? (remainder + 360).truncatingRemainder(dividingBy: 360) : remainder
  }
}
