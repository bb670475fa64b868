// What a data set says of itself in a scenario beside what is known of it (`KnownDataset`): its keys, and the facts that
// checks and forecasts ask for. How it is loaded stands in Datasets (`DatasetLoader`).

public import Datasets

/// The settings of one data set, or of several that are read alike, as `data` of a scenario names it.
public protocol DatasetSettings: Sendable, Hashable {
  /// What is known of each before it is loaded, with its name.
  static var sets: [KnownDataset] { get }
  /// The keys beside `name` and `public_examples`.
  static func keys(of set: KnownDataset) -> [Key]
  /// The default of `public_examples`.
  static func publicExamples(of set: KnownDataset) -> Int
  /// - Parameter fields: checked against `keys`, defaults filled in.
  init(_ fields: Fields, of set: KnownDataset) throws(ScenarioError)
  var traits: DatasetTraits { get }
  /// What is wrong with these settings in this scenario.
  func problems(in scenario: Scenario) -> [SettingProblem]
  /// Tells the loader what these settings say; it has name, path and the use of rows already.
  func complete(_ request: inout DatasetRequest, in scenario: Scenario)
}

extension DatasetSettings {
  public static func keys(of set: KnownDataset) -> [Key] { [] }
  public static func publicExamples(of set: KnownDataset) -> Int { 0 }
  public var traits: DatasetTraits { DatasetTraits() }
  public func problems(in scenario: Scenario) -> [SettingProblem] { [] }
  /// The settings themselves.
  public func complete(_ request: inout DatasetRequest, in scenario: Scenario) {
    request.settings = self
  }
}

/// What settings say of a data set before it is loaded; nil leaves it to what is known of the set, or to its files.
public struct DatasetTraits: Sendable, Hashable {
  /// What an example looks like.
  public var shape: ExampleShape?
  public var classes: Int?
  public var classNames: [String]?
  /// The public ones among them.
  public var trainExamples: Int?
  public var testExamples: Int?
  /// Whether the scenario alone decides the data: no file can change them.
  public var isGenerated = false

  public init() {}
}

/// The settings of the data sets that scenarios may name.
public enum DatasetKinds {
  private static let kinds = KindCatalog<any DatasetSettings.Type>(
    [
      Scenario.DataSet.PublishedSet.self, Scenario.DataSet.OwnIDX.self,
      Scenario.DataSet.OwnTable.self, Scenario.DataSet.Synthetic.self,
      Scenario.DataSet.OperatorTexts.self,
    ], key: "data set", name: { $0.sets.first?.name ?? "" }, isSame: { $0 == $1 })

  /// Lets scenarios name a data set of another package.
  ///
  /// - Throws: `ScenarioError` if another set has its name.
  public static func add(_ settings: any DatasetSettings.Type) throws(ScenarioError) {
    guard !kinds.all.contains(where: { $0 == settings }) else { return }
    for known in settings.sets where !KnownDataset.add(known) {
      throw ScenarioError(
        JSONPath() + "data" + "name", "there is another data set \"\(known.name)\"")
    }
    try kinds.add(settings)
  }

  static func settings(of known: KnownDataset) -> (any DatasetSettings.Type)? {
    kinds.all.first { $0.sets.contains(known) }
  }
}
