// Checkpoints that no run has made: each is refused, or the run goes on from it and ends.

import Datasets
import Federation
import Foundation
import Kernels
import Scenarios
import Testing

@Suite("Checkpoints that do not fit")
struct CheckpointFitTests {
  private static let global = #"method={"name": "global"}"#
  private static let deep = #"model={"name": "mlp", "hidden": [3]}"#

  /// A run that uses a part of the state, what is changed in its last checkpoint, and to what.
  static let cases: [(settings: [String], path: [String], values: [JSONValue])] = [
    ([], ["round"], [0, -1, 4, .integer(.max)]),
    ([], ["state", "models"], [[], [""], ["", "", "", "", "", "", "", "", ""]]),
    // No client, one, and eight with a model that is not there.
    ([], ["state", "assignment"], ["AQ==", "AQA=", "AQkJCQkJCQkJ"]),
    ([], ["state", "posteriors"], [[], [[1]], .array(Array(repeating: [-1, 2], count: 8))]),
    ([], ["state", "clustering", "switchRound"], [-1, .integer(.max)]),
    ([], ["state", "clustering", "chosenClusters"], [0, -1, 9]),
    ([], ["progress", "bytesUp"], [-1, .integer(.max)]),
    ([], ["progress", "bytesDown"], [-1, .integer(.max)]),
    ([], ["progress", "correctSince"], [-1, 4]),
    ([], ["progress", "digest", "text"], ["", "0"]),
    ([], ["progress", "aggregationErrors"], [[0, 0, 0, 0]]),
    ([], ["exhausted"], [["8": 1], ["-1": 1], ["0": 0], ["0": 4]]),
    // Moments where the server keeps none, and moments of another length.
    ([global], ["state", "moments"], [["first": [[]], "second": []]]),
    (
      [global, #"server={"optimizer": {"name": "fedavgm"}}"#], ["state", "moments", "first"],
      [[], [[]], [[0], [0]]]
    ),
    (
      [global, #"server={"optimizer": {"name": "fedadam"}}"#], ["state", "moments", "second"],
      [[], [[]], [[0], [0]]]
    ),
    (
      [global, deep, #"privacy.clipping={"name": "per-layer-adaptive"}"#],
      ["state", "thresholds"], [[], [[0, 0]], [[-1, 1]], [[1, 1], [1, 1]]]
    ),
    ([global], ["state", "personal"], [[], .array(Array(repeating: [], count: 8))]),
    (
      [
        global, deep,
        #"adapter={"type": "lora", "r": 1, "lora_alpha": 2, "target_modules": ["fc1"], "#
          + #""aggregation": "fedsa-lora"}"#,
      ], ["state", "personal"], [[], [[0]], .array(Array(repeating: [], count: 8))]
    ),
    ([global, "privacy.individual=true"], ["individual"], [[], [""]]),
  ]

  private static func run(_ settings: [String]) async throws -> (Scenario, JSONValue, Recorder) {
    let url = packageFolder.appendingPathComponent("scenarios/tiny.json")
    let scenario = try Scenario(json: Data(contentsOf: url), overrides: ["rounds=3"] + settings)
    let recorder = Recorder()
    _ = try await ResumeTests.simulation(scenario).run(observer: recorder)
    let last = try #require(await recorder.checkpoints.last)
    return (scenario, try JSONValue(parsing: JSONEncoder().encode(last)), recorder)
  }

  private static func resume(
    _ document: JSONValue, of scenario: Scenario, _ recorder: Recorder
  ) async throws {
    let checkpoint = try JSONDecoder().decode(RunCheckpoint.self, from: Data(document.text.utf8))
    _ = try await ResumeTests.simulation(scenario, workers: 1).run(
      observer: Recorder(),
      from: ResumePoint(checkpoint: checkpoint, ledger: await recorder.ledger, of: scenario))
  }

  private static func expectRefusal(
    _ document: JSONValue, of scenario: Scenario, _ recorder: Recorder, _ comment: Comment
  ) async {
    await #expect(
      throws: FederationError.cannotResume(reason: "its checkpoint does not fit its scenario"),
      comment
    ) {
      try await resume(document, of: scenario, recorder)
    }
  }

  @Test("every part of the state is measured before the run goes on", arguments: cases.indices)
  func refused(_ index: Int) async throws {
    let (settings, path, values) = Self.cases[index]
    let (scenario, document, recorder) = try await Self.run(settings)
    try await Self.resume(document, of: scenario, recorder)
    for value in values {
      await Self.expectRefusal(
        document.replacing(path, by: value), of: scenario, recorder, "\(path) = \(value.text)")
    }
  }

  @Test(
    "a method with a fixed number of models takes no more and no fewer",
    arguments: [[global], [global, #"privacy.unit="client""#], [#"method={"name": "ifca"}"#]])
  func models(_ settings: [String]) async throws {
    let (scenario, document, recorder) = try await Self.run(settings)
    guard case .array(let models)? = document["state"]?["models"], let first = models.first else {
      Issue.record("no models")
      return
    }
    let others = [models + [first]] + (models.count > 1 ? [Array(models.dropLast())] : [])
    for other in others {
      await Self.expectRefusal(
        document.replacing(["state", "models"], by: .array(other)), of: scenario, recorder,
        "\(other.count) instead of \(models.count)")
    }
  }

  @Test(
    "a divergence below 0, or one that is no number, would guarantee too much",
    arguments: [-1, .nan])
  func divergences(_ value: Double) async throws {
    let (scenario, document, recorder) = try await Self.run([
      Self.global, "privacy.individual=true",
    ])
    guard case .array(var rows)? = document["individual"], case .string(let text) = rows[0] else {
      Issue.record("no divergences")
      return
    }
    var packed = try #require(Data(base64Encoded: text))
    withUnsafeBytes(of: value.bitPattern.littleEndian) { packed.replaceSubrange(0..<8, with: $0) }
    rows[0] = .string(packed.base64EncodedString())
    await Self.expectRefusal(
      document.replacing(["individual"], by: .array(rows)), of: scenario, recorder, "\(value)")
  }
}

extension JSONValue {
  /// The value with what stands at a path of keys replaced.
  fileprivate func replacing(_ path: [String], by value: JSONValue) -> JSONValue {
    replacing(path.map { .key($0) }[...], by: value)
  }

  fileprivate enum Place {
    case key(String)
    case index(Int)
  }

  fileprivate func replacing(_ path: ArraySlice<Place>, by value: JSONValue) -> JSONValue {
    switch (path.first, self) {
    case (nil, _): return value
    case (.key(let key)?, .object(var members)):
      members[key] = (members[key] ?? .object([:])).replacing(path.dropFirst(), by: value)
      return .object(members)
    case (.index(let index)?, .array(var entries)):
      entries[index] = entries[index].replacing(path.dropFirst(), by: value)
      return .array(entries)
    default: return self
    }
  }

  /// A way down that ends at each level with the same probability.
  fileprivate func randomPath(using stream: inout RandomStream) -> [Place] {
    guard Int.random(in: 0..<4, using: &stream) > 0 else { return [] }
    switch self {
    case .object(let members):
      guard let member = members.sorted(by: { $0.key < $1.key }).randomElement(using: &stream)
      else { return [] }
      return [.key(member.key)] + member.value.randomPath(using: &stream)
    case .array(let entries):
      guard let index = entries.indices.randomElement(using: &stream) else { return [] }
      return [.index(index)] + entries[index].randomPath(using: &stream)
    default: return []
    }
  }
}
