// What a client sees: chosen examples through the transform of its cluster, without a copy of the data.

import Kernels

/// Chosen examples of one part of a data set under a shift.
///
/// Positions count from 0 to `count` − 1 within the view.
public struct ClientView: Sendable {
  /// One part of a data set as a cluster sees it: held once by all its clients.
  public final class Scene: Sendable {
    public let transform: ViewTransform
    fileprivate let examples: Examples
    fileprivate let seed: UInt64

    /// - Parameters:
    ///   - transform: prepared for the same data set.
    ///   - seed: with client and example it decides the feature noise.
    /// - Precondition: the transform is of this data set's shape.
    public init(
      of dataset: Dataset, _ part: Examples.Part, transform: ViewTransform, seed: UInt64 = 0
    ) {
      precondition(
        transform.valueCount == dataset.shape.valueCount
          && transform.labelMap.count == dataset.classCount,
        "the transform was made for another data set")
      self.transform = transform
      self.seed = seed
      examples = dataset.examples(part)
    }
  }

  public let indices: [Int32]
  private let scene: Scene
  private let client: Int

  public var transform: ViewTransform { scene.transform }
  private var examples: Examples { scene.examples }
  private var seed: UInt64 { scene.seed }

  /// - Parameter indices: which examples of the part, in the view's order.
  /// - Precondition: every index is one of the part.
  public init(_ scene: Scene, indices: [Int32], client: Int) {
    let count = scene.examples.count
    precondition(
      indices.allSatisfy { $0 >= 0 && Int($0) < count }, "an index lies outside the data set")
    self.scene = scene
    self.indices = indices
    self.client = client
  }

  /// - Parameters:
  ///   - indices: which examples of the part, in the view's order.
  ///   - transform: prepared for the same data set.
  ///   - seed: with `client` and the example it decides the feature noise.
  /// - Precondition: every index is one of the part, and the transform is of this data set's shape.
  public init(
    of dataset: Dataset, _ part: Examples.Part, indices: [Int32], transform: ViewTransform,
    seed: UInt64 = 0,
    client: Int = 0
  ) {
    self.init(
      Scene(of: dataset, part, transform: transform, seed: seed), indices: indices, client: client)
  }

  public var count: Int { indices.count }

  /// How many numbers one example has; 0 for texts.
  public var valueCount: Int { transform.valueCount }

  /// Rows of an example: the tokens of a text, or 1.
  public func length(at position: Int) -> Int {
    guard case .tokens(let tokens) = examples.values else { return 1 }
    return tokens.length(of: Int(indices[position]))
  }

  /// Writes the token ids of one text; other examples have none.
  /// - Precondition: the example is a text and `output` has `length(at: position)` elements.
  public func write(_ position: Int, into output: inout MutableSpan<Int32>) {
    guard case .tokens(let tokens) = examples.values else {
      preconditionFailure("only texts have tokens")
    }
    tokens.write(Int(indices[position]), into: &output)
  }

  /// The token ids of one text in an array of their own; none for other examples.
  public func tokens(at position: Int) -> [Int32] {
    guard case .tokens = examples.values else { return [] }
    var ids = [Int32](repeating: 0, count: length(at: position))
    var span = ids.mutableSpan
    write(position, into: &span)
    return ids
  }

  /// The label that the client sees.
  public func label(at position: Int) -> Int {
    Int(transform.labelMap[Int(examples.labels[Int(indices[position])])])
  }

  /// The label as published, before the shift.
  public func rawLabel(at position: Int) -> Int {
    Int(examples.labels[Int(indices[position])])
  }

  /// How much of its gradient counts in training, from 0 to 1.
  public func weight(at position: Int) -> Float {
    examples.weights?[Int(indices[position])] ?? 1
  }

  /// The group of an example, if the data set has a group column.
  public func group(at position: Int) -> Int? {
    examples.groups.map { Int($0[Int(indices[position])]) }
  }

  /// The group of an example in the attribute at that place of `Dataset.attributes`.
  /// - Precondition: the data set has that attribute.
  public func group(at position: Int, of attribute: Int) -> Int {
    guard let memberships = examples.memberships else {
      preconditionFailure("the data set has no attributes")
    }
    return Int(memberships[attribute][Int(indices[position])])
  }

  /// Writes one example's normalised values, images in the order row, column, channel.
  /// - Precondition: `output` has `valueCount` elements.
  public func write(_ position: Int, into output: inout MutableSpan<Float>) {
    precondition(output.count == valueCount, "the output does not hold exactly one example")
    write(example: Int(indices[position]), into: &output, at: 0)
  }

  /// Writes examples one after the other.
  /// - Precondition: `output` has `positions.count` · `valueCount` elements.
  public func write(_ positions: Span<Int>, into output: inout MutableSpan<Float>) {
    precondition(
      output.count == positions.count * valueCount, "the output does not hold exactly the batch")
    for place in positions.indices {
      write(example: Int(indices[positions[place]]), into: &output, at: place * valueCount)
    }
  }

  /// One example's normalised values in an array of their own; for tests and pictures.
  public func values(at position: Int) -> [Float] {
    var values = [Float](repeating: 0, count: valueCount)
    var span = values.mutableSpan
    write(position, into: &span)
    return values
  }

  private func write(example: Int, into output: inout MutableSpan<Float>, at first: Int) {
    let start = example * valueCount
    switch examples.values {
    case .bytes(let bytes):
      write(image: bytes.span.extracting(start..<start + valueCount), into: &output, at: first)
    case .floats(let floats):
      write(row: floats.span.extracting(start..<start + valueCount), into: &output, at: first)
    case .tokens: return
    }
    if transform.noise > 0 { addNoise(example, to: &output, at: first) }
  }

  private func write(
    image: Span<UInt8>, into output: inout MutableSpan<Float>, at first: Int
  ) {
    let tables = transform.inputOfByte
    let table = tables.span
    switch transform.motion {
    case .still:
      for value in image.indices { output[first + value] = table[Int(image[value])] }
    case .moved(let places):
      let places = places.span
      for value in places.indices {
        output[first + value] = table[Int(image[Int(places[value])])]
      }
    case .blended(let places, let weights):
      let (scale, offset) = (transform.scale, transform.offset)
      for value in image.indices {
        var sum: Float = 0
        for corner in 4 * value..<4 * value + 4 {
          sum += weights[corner] * Float(image[Int(places[corner])])
        }
        output[first + value] = sum * scale + offset
      }
    }
  }

  private func write(row: Span<Float>, into output: inout MutableSpan<Float>, at first: Int) {
    let (scale, offset) = (transform.scale, transform.offset)
    for value in row.indices { output[first + value] = row[value] * scale + offset }
  }

  /// The noise is keyed by the example, so it does not depend on what was asked before.
  private func addNoise(_ example: Int, to output: inout MutableSpan<Float>, at first: Int) {
    var noise = [Float](repeating: 0, count: valueCount)
    GaussianNoise.add(
      to: &noise, standardDeviation: Float(transform.noise), seed: seed, purpose: .shift,
      round: examples.part == .train ? 0 : 1, client: client, step: example)
    for value in noise.indices { output[first + value] += noise[value] }
  }
}
