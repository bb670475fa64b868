// Named tensors one after another in one array of floats.

/// Names, shapes and places of the parameters of a model.
public struct ParameterLayout: Sendable, Hashable {
  /// One tensor, row-major.
  public struct Entry: Sendable, Hashable {
    public let name: String
    public let shape: [Int]
    /// Where its first value lies.
    public let offset: Int
    /// The product of its shape.
    public let count: Int

    public var range: Range<Int> { offset..<offset + count }
  }

  /// In the order in which they lie, without gaps.
  public let entries: [Entry]
  /// Values of all of them.
  public let count: Int
  private let places: [String: Int]

  /// More values than these (4 GB) are not read.
  static let mostValues = 1 << 30

  /// Lays the tensors out in the given order; nil for more values than are read.
  ///
  /// - Precondition: names are different, and sides of shapes positive.
  init?(_ tensors: [(name: String, shape: [Int])]) {
    var entries: [Entry] = []
    var offset = 0
    for (name, shape) in tensors {
      guard let count = Safetensors.elementCount(of: shape), count <= Self.mostValues - offset
      else { return nil }
      entries.append(Entry(name: name, shape: shape, offset: offset, count: count))
      offset += count
    }
    self.entries = entries
    count = offset
    places = Dictionary(uniqueKeysWithValues: entries.enumerated().map { ($1.name, $0) })
  }

  /// The tensor of that name.
  public subscript(_ name: String) -> Entry? { places[name].map { entries[$0] } }

  public static func == (one: Self, other: Self) -> Bool { one.entries == other.entries }

  public func hash(into hasher: inout Hasher) { hasher.combine(entries) }
}

/// The parameters of a model: a layout and its values.
public struct ParameterStore: Sendable {
  public let layout: ParameterLayout
  /// `layout.count` of them; all are finite.
  public let values: [Float]

  /// - Precondition: there are as many values as the layout has places.
  public init(layout: ParameterLayout, values: [Float]) {
    precondition(values.count == layout.count, "a layout must fit its values")
    self.layout = layout
    self.values = values
  }

  /// The values of the tensor of that name, row-major.
  public subscript(_ name: String) -> ArraySlice<Float>? { layout[name].map { values[$0.range] } }
}
