// From the words of a scenario to the requests of the data room.

public import Datasets
public import Scenarios

extension DatasetRequest {
  init(_ scenario: Scenario) {
    let data = scenario.data
    self.init(name: data.name, path: scenario.dataPath)
    use = TableUse(
      isPrivate: scenario.hasBudget, publicExamples: data.publicExamples)
    text = TextRequest(scenario)
    data.settings.complete(&self, in: scenario)
  }
}

extension Scenario {
  /// The scenario with the clients that its table names, if it leaves them to the table.
  ///
  /// - Throws: `DatasetError`; `ScenarioError` if these clients do not fit the rest.
  public func askingItsTable(_ catalog: DatasetCatalog) throws -> Scenario {
    guard isOpen else { return self }
    let dataset = try catalog.load(DatasetRequest(self))
    var clusters: [(name: String, clients: [(name: String, examples: Int)])] = []
    for holding in dataset.holdings ?? [] {
      let name = holding.cluster.map(Self.identifier) ?? "all"
      if clusters.last?.name != name { clusters.append((name, [])) }
      clusters[clusters.count - 1].clients.append((holding.client, holding.train.count))
    }
    return try closed(over: clusters)
  }

  /// A word of a table as a name of the scenario format.
  private static func identifier(_ text: String) -> String {
    let plain = text.unicodeScalars.map { scalar in
      let isPlain =
        scalar.isASCII
        && (Character(scalar).isLetter || Character(scalar).isNumber || scalar == ".")
      return isPlain ? String(scalar) : "-"
    }.joined()
    let trimmed = plain.drop { $0 == "-" || $0 == "." }.prefix(64)
    return trimmed.isEmpty ? "cluster" : String(trimmed)
  }
}

extension Datasets.Shift {
  /// - Throws: `invalidRequest` if a class of a permutation by name is none of the data set's.
  init(_ shift: Scenario.Shift, of dataset: Dataset) throws(DatasetError) {
    var permutation: [Int]?
    switch shift.labelPermutation {
    case .numbers(let numbers)?: permutation = numbers
    case .names(let names)?:
      let numbers = Dictionary(
        dataset.classNames.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
      permutation = []
      for name in names {
        guard let number = numbers[name] else {
          throw DatasetError(
            .invalidRequest, at: "shift.label_permutation",
            "'\(name)' is no class of \(dataset.name)",
            fix: "use each of these once: "
              + dataset.classNames.prefix(20).joined(separator: ", "))
        }
        permutation?.append(number)
      }
    case nil: break
    }
    self.init(
      rotationDegrees: shift.rotation, labelPermutation: permutation,
      labelOffset: shift.labelOffset, featureNoise: shift.featureNoise)
  }
}

extension Dataset {
  /// The groups of these names as positions in `groupNames`; nil for all.
  ///
  /// - Throws: `invalidRequest` for a name that is none of its groups.
  func groups(_ names: [String]?) throws(DatasetError) -> [Int]? {
    guard let names else { return nil }
    var groups: [Int] = []
    for wanted in names {
      guard let group = groupNames.firstIndex(of: wanted) else {
        throw DatasetError(
          .invalidRequest, at: "population.clusters.groups", "'\(wanted)' is no group of \(name)",
          fix: groupNames.isEmpty
            ? "leave groups out, since this data set has none"
            : "use some of: " + groupNames.prefix(20).joined(separator: ", "))
      }
      groups.append(group)
    }
    return groups
  }
}
