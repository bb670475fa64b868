// A data set in memory: images as the bytes of their files, tables as 32-bit floats, texts as token ids.

/// The shape of one example.
public enum ExampleShape: Sendable, Hashable {
  /// Bytes in the order row, column, channel (channel last).
  case image(height: Int, width: Int, channels: Int)
  /// A row of a table.
  case features(count: Int)
  /// A text of 1 to `maximum` token ids below `vocabulary`.
  case tokens(maximum: Int, vocabulary: Int)

  /// How many numbers one example has; 0 for texts.
  public var valueCount: Int {
    switch self {
    case .image(let height, let width, let channels): height * width * channels
    case .features(let count): count
    case .tokens: 0
    }
  }
}

/// How stored values become the inputs of a model: (value − mean) / standard deviation.
///
/// Bytes are divided by 255 first. Tables are stored scaled, column by column, and need none. The figures
/// are published constants, never computed from the files that are read.
public struct Normalization: Sendable, Hashable, Codable {
  public let mean: Float
  public let standardDeviation: Float

  /// - Precondition: the standard deviation is positive.
  public init(mean: Float, standardDeviation: Float) {
    precondition(standardDeviation > 0, "a standard deviation must be positive")
    self.mean = mean
    self.standardDeviation = standardDeviation
  }

  /// The figures of MNIST, which the paper uses for Fashion-MNIST too.
  public static let mnist = Normalization(mean: 0.1307, standardDeviation: 0.3081)
  /// The figures the paper uses for CIFAR-10.
  public static let cifar10 = Normalization(mean: 0.5, standardDeviation: 0.5)
  /// Leaves the values as they are.
  public static let identity = Normalization(mean: 0, standardDeviation: 1)
}

/// The training part or the test part of a data set.
public struct Examples: Sendable {
  public enum Part: String, Sendable, Codable {
    case train
    case test
  }

  /// The values of all examples, one example after the other.
  public enum Values: Sendable {
    case bytes([UInt8])
    case floats([Float])
    case tokens(TokenTable)
  }

  /// A class, from 0.
  public typealias Label = UInt16

  public let part: Part
  public let labels: [Label]
  public let values: Values
  /// For each example a position in `Dataset.groupNames`, if the data set has a group column.
  public let groups: [UInt16]?
  /// For each of `Dataset.attributes` and each example a position in its groups; nil without attributes.
  public let memberships: [[UInt16]]?

  /// How much of each example's gradient counts in training, from 0 to 1; nil counts all of each.
  public let weights: [Float]?

  public var count: Int { labels.count }

  public init(
    part: Part, labels: [Label], values: Values, groups: [UInt16]? = nil,
    memberships: [[UInt16]]? = nil, weights: [Float]? = nil
  ) {
    self.weights = weights
    self.part = part
    self.labels = labels
    self.values = values
    self.groups = groups
    self.memberships = memberships
  }
}

/// A named data set with its training and its test part.
public struct Dataset: Sendable {
  public let name: String
  public let shape: ExampleShape
  public let classCount: Int
  public let normalization: Normalization
  public let train: Examples
  public let test: Examples
  /// Names of the groups (of the sexes, say) that `Examples.groups` counts by; empty without groups.
  public let groupNames: [String]
  /// What people are grouped by where figures are given for their groups.
  public let attributes: [GroupAttribute]
  /// Name of each class; empty where they have none but their numbers.
  public let classNames: [String]
  /// Training examples that are public by the data set itself, in random order; empty where a partition
  /// may choose them.
  public let publicTrain: [Int32]
  /// Who holds which examples, where the data set itself says it; nil where they are dealt.
  public let holdings: [Holding]?
  /// How columns became inputs, for tables.
  public let table: TableFacts?
  /// What of the texts was cut, for texts.
  public let text: TextFacts?
  /// Persons with rows at several clients; nil where there are none, or nobody knows.
  public let sharedPersons: SharedPersons?
  /// Which rows count, for data that come from a table of rows.
  public let rows: RowTally?
  /// SHA-256, in hexadecimal, of everything that training and testing can see, and of who holds it; not of the name.
  public let contentHash: String

  /// More are hardly labels; the type of labels has room for 65,536.
  public static let mostClasses = 10_000

  /// - Throws: `malformed` if labels, values, groups and normalisation do not fit together.
  public init(
    name: String, shape: ExampleShape, classCount: Int, normalization: Normalization,
    train: Examples, test: Examples, groupNames: [String] = [],
    attributes: [GroupAttribute] = [], classNames: [String] = [],
    publicTrain: [Int32] = [], holdings: [Holding]? = nil, table: TableFacts? = nil,
    text: TextFacts? = nil, sharedPersons: SharedPersons? = nil, rows: RowTally? = nil
  ) throws(DatasetError) {
    guard (1...Dataset.mostClasses).contains(classCount) else {
      throw DatasetError(
        .malformed, at: name, "has \(classCount) classes",
        fix: "a data set needs between 1 and \(Dataset.mostClasses) of them")
    }
    guard classNames.isEmpty || classNames.count == classCount else {
      throw DatasetError(
        .malformed, at: name, "has \(classNames.count) names for \(classCount) classes",
        fix: "name every class once")
    }
    for examples in [train, test] {
      try Dataset.check(examples, of: name, shape, classCount, groupNames.count)
      try Dataset.check(examples, of: name, attributes)
    }
    self.name = name
    self.shape = shape
    self.classCount = classCount
    self.normalization = normalization
    self.train = train
    self.test = test
    self.groupNames = groupNames
    self.attributes = attributes
    self.classNames = classNames
    self.publicTrain = publicTrain
    self.holdings = holdings
    self.table = table
    self.text = text
    self.sharedPersons = sharedPersons
    self.rows = rows
    contentHash = Dataset.hash(
      shape, classCount, normalization, train, test, groupNames, attributes, holdings,
      publicTrain)
  }

  /// The part of the given name.
  public func examples(_ part: Examples.Part) -> Examples {
    switch part {
    case .train: train
    case .test: test
    }
  }

  private static func check(
    _ examples: Examples, of name: String, _ shape: ExampleShape, _ classCount: Int,
    _ groupCount: Int
  ) throws(DatasetError) {
    let part = "\(name) (\(examples.part.rawValue))"
    try check(examples.values, part, shape, examples.count)
    guard examples.count <= Int(Int32.max) else {
      throw DatasetError(
        .malformed, at: part, "has \(examples.count) examples",
        fix: "use at most \(Int32.max) of them")
    }
    if let label = examples.labels.first(where: { Int($0) >= classCount }) {
      throw DatasetError(
        .malformed, at: part, "has the label \(label) although there are \(classCount) classes",
        fix: "use labels from 0 to \(classCount - 1)")
    }
    guard let groups = examples.groups else { return }
    guard groups.count == examples.count, groups.allSatisfy({ Int($0) < groupCount }) else {
      throw DatasetError(
        .malformed, at: part, "has groups that do not fit its examples",
        fix: "give each example one of the \(groupCount) groups")
    }
  }

  private static func check(
    _ examples: Examples, of name: String, _ attributes: [GroupAttribute]
  ) throws(DatasetError) {
    let lists = examples.memberships ?? []
    let fits =
      lists.count == attributes.count
      && zip(lists, attributes).allSatisfy { list, attribute in
        list.count == examples.count && list.allSatisfy { Int($0) < attribute.groups.count }
      }
    guard fits else {
      throw DatasetError(
        .malformed, at: "\(name) (\(examples.part.rawValue))",
        "has memberships that do not fit its \(attributes.count) attributes",
        fix: "give each example one group of each attribute")
    }
  }

  private static func check(
    _ values: Examples.Values, _ part: String, _ shape: ExampleShape, _ examples: Int
  ) throws(DatasetError) {
    let count: Int
    switch values {
    case .bytes(let bytes): count = bytes.count
    case .floats(let floats): count = floats.count
    case .tokens(let tokens):
      guard case .tokens(let maximum, let vocabulary) = shape, tokens.count == examples,
        tokens.longest <= maximum, tokens.vocabularySize == vocabulary
      else {
        throw DatasetError(
          .malformed, at: part, "has \(tokens.count) texts that do not fit its \(examples) labels",
          fix: "use labels and texts of the same release")
      }
      return
    }
    let (expected, overflow) = examples.multipliedReportingOverflow(by: shape.valueCount)
    guard !overflow, expected == count, shape.valueCount > 0 else {
      throw DatasetError(
        .malformed, at: part,
        "has \(examples) labels of \(shape.valueCount) values each, but \(count) values",
        fix: "use labels and values of the same release")
    }
  }

  private static func hash(
    _ shape: ExampleShape, _ classCount: Int, _ normalization: Normalization, _ train: Examples,
    _ test: Examples, _ groupNames: [String], _ attributes: [GroupAttribute],
    _ holdings: [Holding]?, _ publicTrain: [Int32]
  ) -> String {
    var hash = ContentHash("dpflsim dataset 1")
    switch shape {
    case .image(let height, let width, let channels): hash.add([height, width, channels])
    case .features(let count): hash.add([count])
    case .tokens(let maximum, let vocabulary): hash.add([maximum, vocabulary])
    }
    hash.add([classCount])
    hash.add([normalization.mean, normalization.standardDeviation])
    for examples in [train, test] {
      // As bytes where they fit, which is how they were stored before there could be more.
      if classCount <= 256 {
        hash.add(examples.labels.map { UInt8(truncatingIfNeeded: $0) })
      } else {
        hash.add(examples.labels.map { Int($0) })
      }
      switch examples.values {
      case .bytes(let bytes): hash.add(bytes)
      case .floats(let floats): hash.add(floats)
      case .tokens(let tokens): tokens.hash(into: &hash)
      }
      if let groups = examples.groups { hash.add(groups.map(Int.init)) }
      for groups in examples.memberships ?? [] { hash.add(groups.map(Int.init)) }
      if let weights = examples.weights { hash.add(weights) }
    }
    for name in groupNames { hash.add(Array(name.utf8)) }
    for attribute in attributes {
      for name in [attribute.name] + attribute.groups { hash.add(Array(name.utf8)) }
    }
    // Rows that change hands are other data, though all values stay.
    for holding in holdings ?? [] {
      hash.add(Array("\(holding.client)\n\(holding.cluster ?? "")\n".utf8))
      hash.add(holding.train)
      hash.add(holding.test)
    }
    if !publicTrain.isEmpty { hash.add(publicTrain) }
    return hash.finish()
  }
}
