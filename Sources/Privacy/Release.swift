// The gate between raw data and what may leave: a raw sum goes in once, a released value comes out.
//
// `ClippedSum` hides its values from other rooms and is consumed by the release; `Released` cannot be made
// outside this room. Forgetting the noise, or adding it twice, is therefore a compile error.

/// A sum of clipped contributions that has not been noised yet.
public struct ClippedSum: ~Copyable {
  var values: [Float]
  /// How far (L2) the sum moves when one record is added or removed: the clip norm.
  public let sensitivity: Float

  /// - Parameters:
  ///   - values: the sum; every record's share has L2 norm at most `sensitivity`.
  ///   - sensitivity: the clip norm, finite and positive.
  public init(values: consuming [Float], sensitivity: Float) {
    precondition(sensitivity > 0 && sensitivity.isFinite, "A clip norm is finite and positive.")
    self.values = values
    self.sensitivity = sensitivity
  }
}

/// A value whose release has been paid for; only this room's mechanisms make one.
public struct Released<Value> {
  public let value: Value

  init(_ value: Value) {
    self.value = value
  }
}

extension Released: Sendable where Value: Sendable {}
extension Released: Equatable where Value: Equatable {}

/// A value that leaves as it is, where no privacy is guaranteed; its ledger entry says that ε is infinite.
public struct Unprotected<Value> {
  public let value: Value

  public init(_ value: Value) {
    self.value = value
  }
}

extension Unprotected: Sendable where Value: Sendable {}

/// Gaussian noise of standard deviation noiseMultiplier · sensitivity on every coordinate.
public struct GaussianMechanism: Hashable, Sendable {
  public let noiseMultiplier: Double

  /// - Parameter noiseMultiplier: finite and at least 0; 0 releases the sum as it is, and its event costs ∞.
  public init(noiseMultiplier: Double) {
    precondition(
      noiseMultiplier >= 0 && noiseMultiplier.isFinite,
      "A noise multiplier is finite and at least 0.")
    self.noiseMultiplier = noiseMultiplier
  }

  /// What one release costs, on a full batch; wrap it in `.poissonSampled` for a sampled one.
  public var event: PrivacyEvent { .gaussian(noiseMultiplier: noiseMultiplier) }

  /// noiseMultiplier · sensitivity as a Float, rounded up: the noise is never weaker than accounted.
  public func standardDeviation(sensitivity: Float) -> Float {
    let factor = Double(sensitivity)
    var product = noiseMultiplier * factor
    if (-product).addingProduct(noiseMultiplier, factor) > 0 { product = product.nextUp }
    return Float(roundedUp: product)
  }

  /// Noises the sum and lets it leave.
  ///
  /// - Parameter addNoise: adds independent normal numbers of the given standard deviation to every
  ///   element; it must change nothing else. It is not called when the standard deviation is 0.
  public func release<Failure: Error>(
    _ sum: consuming ClippedSum,
    addNoise: (inout [Float], _ standardDeviation: Float) throws(Failure) -> Void
  ) throws(Failure) -> Released<[Float]> {
    let deviation = standardDeviation(sensitivity: sum.sensitivity)
    if deviation > 0 { try addNoise(&sum.values, deviation) }
    return Released(sum.values)
  }
}

/// Gaussian noise on every coordinate, and then a random projection: nothing else of the sum leaves.
public struct ProjectedGaussianMechanism: Hashable, Sendable {
  public let noise: GaussianMechanism
  public let projection: RandomProjection

  /// - Parameter noiseMultiplier: finite and at least 0, as for `GaussianMechanism`.
  public init(noiseMultiplier: Double, projection: RandomProjection) {
    noise = GaussianMechanism(noiseMultiplier: noiseMultiplier)
    self.projection = projection
  }

  public var event: PrivacyEvent {
    .projectedGaussian(noiseMultiplier: noise.noiseMultiplier, projection: projection)
  }

  /// Noises the sum, projects it and lets the projection leave.
  ///
  /// - Parameters:
  ///   - addNoise: as for `GaussianMechanism`.
  ///   - project: replaces every row of the noised matrices by its projection on `projection.rank` random directions of their
  ///     `projection.dimension` or more, drawn for this release alone and whatever the data are.
  public func release<Failure: Error>(
    _ sum: consuming ClippedSum,
    addNoise: (inout [Float], _ standardDeviation: Float) throws(Failure) -> Void,
    project: (inout [Float]) throws(Failure) -> Void
  ) throws(Failure) -> Released<[Float]> {
    var values = try noise.release(sum, addNoise: addNoise).value
    try project(&values)
    return Released(values)
  }
}

extension Float {
  /// The smallest Float that is not below `value`.
  public init(roundedUp value: Double) {
    let nearest = Float(value)
    self = Double(nearest) < value ? nearest.nextUp : nearest
  }
}
