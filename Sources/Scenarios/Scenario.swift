// A scenario: everything that decides the outcome of a run, read strictly and resolved once.
//
// The comments of these types are the reference of the format; docs/scenario.md has it as tables
// and scenarios/scenario.schema.json as a JSON Schema. JSON keys are the names in snake_case.

import Datasets
public import Foundation
import Synchronization

/// A checked scenario with every default filled in.
///
/// A value of this type has passed every check that needs no data file, so the rooms below use it
/// without asking again. It cannot be changed; to vary a scenario, read it with overrides.
public struct Scenario: Sendable, Hashable {
  /// Names the scenario in tables and file names: [A-Za-z0-9][A-Za-z0-9._-]{0,63}. Required.
  public let name: String
  /// What the scenario shows, for people; at most 2000 characters, default empty.
  public let description: String
  /// Seed of every random draw; 0 to 2^53, default 0.
  public let seed: UInt64
  /// Communication rounds; 1 to 100000, required. R-DPCFL needs 2.
  public let rounds: Int
  /// Clients drawn for each round; 1 up to the number of clients. JSON key `cohort_size`; default
  /// null and nil here: every client in every round.
  public let cohortSize: Int?
  public let participation: Participation
  public let data: DataSet
  public let population: Population
  public let model: Model
  /// nil trains the whole model.
  public let adapter: Adapter?
  public let local: Local
  /// How the server moves a model by the mean of the updates to it. JSON key `server.optimizer`;
  /// default FedAvg.
  public let serverOptimizer: ServerOptimizer
  public let privacy: Privacy
  public let method: Method
  public let evaluation: Evaluation
  /// Whether results are the same bits on every processor. JSON key `arithmetic`; default "portable".
  public let arithmetic: Arithmetic
  /// The same as JSON with every default filled in; reading it gives an equal scenario.
  ///
  /// What is inherited stays inherited (null, or left out of a partial budget), so that overriding
  /// `privacy.target_epsilon` or `local.learning_rate` reaches everything that follows it.
  public let resolved: JSONValue
  /// The folder of the scenario's file, where relative paths in it begin; nil takes the current folder. No part
  /// of the hash: which data a run had is told by their content.
  public internal(set) var folder: String?

  /// How products and elementary functions are computed.
  public enum Arithmetic: String, Sendable, Hashable, CaseIterable {
    /// The same bits on every processor.
    case portable
    /// By OpenBLAS, LAPACK and the C library: what they give differs between processors and versions.
    case native
  }

  /// When the models are evaluated. JSON key `evaluation`; default every round.
  public struct Evaluation: Sendable, Hashable {
    /// Rounds between evaluations; 1 to 100000, default 1. The last round is always evaluated.
    public let every: Int
    /// Clients that are evaluated after a round: a random sample of every cluster, drawn anew each time. JSON key
    /// `clients`; default null, which evaluates all. The final figures are of all clients.
    public let clients: Int?
  }
}

extension Scenario {
  /// Reads a scenario file.
  ///
  /// - Parameters:
  ///   - json: the file.
  ///   - overrides: settings such as `population.clusters[0].clients=5`, applied in order and
  ///     checked like the file itself.
  ///   - folder: where relative paths in the scenario begin; nil takes the current folder.
  /// - Throws: `ScenarioError` with every problem that could be found.
  public init(
    json: Data, overrides: [String] = [], folder: String? = nil
  ) throws(ScenarioError) {
    let document = try JSONValue(parsing: json)
    let parsed = try Override.parse(overrides)
    do throws(ScenarioError) {
      self = try Scenario(document: try Override.apply(parsed, to: document))
    } catch {
      throw Override.naming(parsed, in: error)
    }
    self.folder = folder
  }

  /// `data.path` as it is opened.
  public var dataPath: String? { opened(data.path) }

  /// A path of the scenario as it is opened: a relative one begins at the scenario's folder.
  public func opened(_ path: String?) -> String? {
    guard let path, let folder, !path.hasPrefix("/") else { return path }
    return URL(
      fileURLWithPath: path, relativeTo: URL(fileURLWithPath: folder, isDirectory: true)
    ).standardizedFileURL.path
  }

  /// Reads a scenario from a JSON value.
  public init(document: JSONValue) throws(ScenarioError) {
    let resolved = Self.completed(try Self.shaped(document))
    var problems = ProblemList()
    Self.checkRanges(in: resolved, &problems)
    try problems.throwIfAny()
    try self.init(resolved: resolved)
    check(&problems)
    try problems.throwIfAny()
  }

  /// The document with its defaults, checked for keys, types and bounds alone: what the JSON Schema
  /// checks too.
  package static func shaped(_ document: JSONValue) throws(ScenarioError) -> JSONValue {
    var checker = ShapeChecker(suggestions: suggestions)
    let shaped = checker.resolve(document, as: .object(shape), at: JSONPath())
    try checker.problems.throwIfAny()
    return shaped ?? document
  }

  private init(resolved: JSONValue) throws(ScenarioError) {
    let fields = try Fields(resolved, at: JSONPath())
    name = try fields.string("name")
    description = try fields.string("description")
    seed = UInt64(clamping: try fields.integer("seed"))
    rounds = try fields.integer("rounds")
    cohortSize = try fields.optionalInteger("cohort_size")
    participation = try Participation(fields.optionalFields("participation"))
    data = try DataSet(fields.fields("data"))
    privacy = try Privacy(fields.fields("privacy"))
    population = try Population(fields.fields("population"), budget: privacy.budget)
    model = try Model(fields.fields("model"))
    let adapterFields = try fields.optionalFields("adapter")
    adapter = if let adapterFields { try Adapter(adapterFields) } else { nil }
    local = try Local(fields.fields("local"))
    serverOptimizer = try ServerOptimizer(
      fields.optionalFields("server")?.fields("optimizer"))
    method = try Method(
      fields.fields("method"),
      scope: MethodScope(
        clientCount: population.clusters.reduce(0) { $0 + $1.clients },
        clusterCount: population.clusters.count, learningRate: local.learningRate))
    let evaluationFields = try fields.fields("evaluation")
    evaluation = Evaluation(
      every: try evaluationFields.integer("every"),
      clients: try evaluationFields.optionalInteger("clients"))
    arithmetic = try fields.choice("arithmetic")
    self.resolved = resolved
  }

  /// One of epochs and steps is always said in the resolved form; `$schema` serves editors alone.
  private static func completed(_ shaped: JSONValue) -> JSONValue {
    guard case .object(var members) = shaped else { return shaped }
    members["$schema"] = nil
    if case .object(var local)? = members["local"], local["epochs"] == .null,
      local["steps"] == .null
    {
      local["epochs"] = 1
      members["local"] = .object(local)
    }
    return .object(members)
  }
}

// MARK: - Format

extension Scenario {
  /// The whole format, with the kinds that are known now.
  static var shape: Shape { ScenarioFormat.current.shape }
  static var suggestions: Suggestions { ScenarioFormat.current.suggestions }
}

/// The format's description, made again when a kind of anything was added.
private struct ScenarioFormat: Sendable {
  let shape: Shape
  let suggestions: Suggestions
  private let kinds: [Int]
  private static let known = Mutex<ScenarioFormat?>(nil)

  static var current: ScenarioFormat {
    known.withLock { known in
      let kinds = [
        MethodCatalog.all.count, ModelCatalog.all.count, AdapterCatalog.all.count,
        AggregationCatalog.all.count, KnownDataset.all.count,
      ]
      if let known, known.kinds == kinds { return known }
      let shape = Scenario.makeShape()
      let made = ScenarioFormat(
        shape: shape, suggestions: Suggestions(for: shape), kinds: kinds)
      known = made
      return made
    }
  }
}

extension Scenario {
  fileprivate static func makeShape() -> Shape {
    Shape([
      .absent("$schema", .text(0...4096), "Where editors find the schema; ignored."),
      .required("name", .identifier, "Names the scenario in tables and file names."),
      .defaults("description", "", .text(0...2000), "What the scenario shows, for people."),
      .defaults("seed", 0, .integer(0...(1 << 53)), "Seed of every random draw."),
      .required("rounds", .integer(1...100_000), "Communication rounds."),
      .defaults(
        "cohort_size", .null, .nullable(.integer(1...1_000_000)),
        "Clients drawn for each round; null = every client in every round."),
      Participation.key,
      .required("data", .tagged(DataSet.shape), "The data set and its public share."),
      .required(
        "population", .object(Population.shape), "The clients and how data are dealt to them."),
      .required("model", .tagged(Model.shape), "The network."),
      .defaults(
        "adapter", .null, .nullable(.tagged(Adapter.shape)),
        "What is trained on top of a frozen base; null trains the whole model."),
      .required("local", .object(Local.shape), "The training inside a client."),
      ServerOptimizer.key,
      .required(
        "privacy", .object(Privacy.shape),
        "The guarantee of every client that has no budget of its own."),
      .required("method", .tagged(Method.shape), "What the server does with the updates."),
      .defaults(
        "evaluation", [:],
        .object(
          Shape([
            .defaults("every", 1, .integer(1...100_000), "Rounds between evaluations."),
            .implied(
              "clients", .null, .nullable(.integer(1...1_000_000)),
              "Clients that are evaluated after a round: a random sample of every cluster, drawn anew each time, at least "
                + "two of each; null = all. The final figures are of all clients."),
          ])),
        "When the models are evaluated; the last round always is."),
      .defaults(
        "arithmetic", "portable", .choice(Arithmetic.allCases.map(\.rawValue)),
        "portable: the same bits on every processor; native: by OpenBLAS, LAPACK and the C library, whose results "
          + "differ between processors and versions."),
    ])
  }
}
