// One record decides about nothing but its own gradients: not about scales, categories, classes, the number of
// parameters, or how any other record is read and dealt.

import Datasets
import Federation
import Foundation
import Learning
import Scenarios
import Testing

/// A table of 200 rows in four classes of hospital, one of which is written as a test changes it.
private func table(changing row: Int? = nil, to text: String = "") -> String {
  var lines = ["age,ward,code,y"]
  for index in 0..<200 {
    let usual =
      "\(20 + index * 37 % 60).5,\(["north", "south", "west"][index % 3]),\(index % 5),\(index * 7 % 2)"
    lines.append(index == row ? text : usual)
  }
  return lines.joined(separator: "\n") + "\n"
}

func scenarioOn(_ data: String, _ changes: [String] = []) throws -> Scenario {
  let json = """
    {
      "name": "t", "rounds": 2, "data": \(data),
      "population": {
        "test_examples_per_client": 4,
        "clusters": [{ "name": "a", "clients": 3, "examples_per_client": 20 }]
      },
      "model": { "name": "logistic" }, "local": { "batch_size": 5, "learning_rate": 0.1 },
      "privacy": { "target_epsilon": 1, "target_delta": 1e-3 }, "method": { "name": "global" }
    }
    """
  return try Scenario(json: Data(json.utf8), overrides: changes)
}

private let catalog = DatasetCatalog(places: [])

func populationOf(_ scenario: Scenario) throws -> Federation.Population {
  try Federation.Population(scenario: scenario, catalog: catalog)
}

/// Which examples of two parts of equal size differ in their values or their labels.
///
/// - Parameter width: values of an example; texts have none.
func changedExamples(_ first: Examples, _ second: Examples, width: Int) -> [Int] {
  func tokens(_ table: TokenTable, _ example: Int) -> [Int32] {
    var ids = [Int32](repeating: 0, count: table.length(of: example))
    var span = ids.mutableSpan
    table.write(example, into: &span)
    return ids
  }
  return (0..<first.count).filter { example in
    let range = example * width..<(example + 1) * width
    let same: Bool =
      switch (first.values, second.values) {
      case (.floats(let a), .floats(let b)): a[range] == b[range]
      case (.bytes(let a), .bytes(let b)): a[range] == b[range]
      case (.tokens(let a), .tokens(let b)): tokens(a, example) == tokens(b, example)
      default: false
      }
    return !same || first.labels[example] != second.labels[example]
  }
}

/// What of two data sets differs in more than one example.
private func differences(_ a: Dataset, _ b: Dataset) -> [String] {
  var found: [String] = []
  if a.shape != b.shape { found.append("shape") }
  if a.classCount != b.classCount || a.classNames != b.classNames { found.append("classes") }
  if a.normalization != b.normalization { found.append("normalization") }
  if a.table != b.table { found.append("table") }
  if a.publicTrain != b.publicTrain { found.append("public rows") }
  var changed = 0
  for (first, second) in [(a.train, b.train), (a.test, b.test)] {
    guard first.count == second.count else { return found + ["number of examples"] }
    changed += changedExamples(first, second, width: a.shape.valueCount).count
  }
  return changed <= 1 ? found : found + ["\(changed) examples"]
}

@Suite("What a record decides") struct DataPrivacyTests {
  private static let stated = #"""
    "classes": [0, 1], "columns": [
      {"column": "age", "kind": "numeric", "min": 0, "max": 120},
      {"column": "ward", "kind": "categorical", "categories": ["north", "south", "west"]},
      {"column": "code", "kind": "standardized", "mean": 2, "standard_deviation": 1.5}]
    """#

  /// Changes of features, and of features and label.
  private static let rows = [
    "1e9,elsewhere,-1e9,0", "NA,?,,0", "54.5,north,3,1", "1e9,\"a\nb; c\",99,1",
  ]

  @Test("a row of a table", arguments: rows, ["stated", "public file", "public rows"])
  func row(row: String, known: String) throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("dpflsim-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try Data(table().utf8).write(to: folder.appendingPathComponent("public.csv"))
    let rest =
      switch known {
      case "stated": Self.stated
      case "public file": "\"public_path\": \"\(folder.path)/public.csv\""
      default: "\"public_examples\": 60"
      }
    func load(_ text: String, _ split: TestSplit) throws -> Federation.Population {
      let file = folder.appendingPathComponent("t.csv")
      try Data(text.utf8).write(to: file)
      return try populationOf(
        scenarioOn(
          """
          {"name": "csv", "path": "\(file.path)", "label_column": "y",
           "test_split": "\(split.rawValue)", \(rest)}
          """))
    }
    let before = try load(table(), .random)
    var changed = 0
    for index in [3, 20, 57, 76, 111, 150] {
      let after = try load(table(changing: index, to: row), .random)
      if known == "public rows", before.dataset.table != after.dataset.table {
        // The row is itself one of the public ones, of which everything may be known.
        continue
      }
      #expect(differences(before.dataset, after.dataset) == [])
      #expect(before.plan.trainableCount == after.plan.trainableCount)
      changed += before.dataset.contentHash == after.dataset.contentHash ? 0 : 1
      guard row.hasSuffix(",\(index * 7 % 2)") else { continue }
      let (first, second) = (
        try load(table(), .stratified), try load(table(changing: index, to: row), .stratified)
      )
      guard first.dataset.table == second.dataset.table else { continue }
      #expect(first.partition.digest == second.partition.digest)
      #expect(differences(first.dataset, second.dataset) == [])
    }
    #expect(changed >= 1)
  }

  @Test("without public knowledge a budget is refused, and the fix is named")
  func refused() throws {
    let file = FileManager.default.temporaryDirectory
      .appendingPathComponent("dpflsim-\(UUID().uuidString).csv")
    defer { try? FileManager.default.removeItem(at: file) }
    try Data(table().utf8).write(to: file)
    let data = "{\"name\": \"csv\", \"path\": \"\(file.path)\", \"label_column\": \"y\"}"
    let error = try #require(throws: DatasetError.self) { try populationOf(scenarioOn(data)) }
    for word in ["'age', 'ward', 'code'", "classes in 'y'", "data.columns", "data.public_path"] {
      #expect("\(error)".contains(word))
    }
    #expect(throws: DatasetError.self) {
      try PrivacyLinter(scenario: scenarioOn(data), catalog: catalog)
    }
    // Without a budget there is nothing to keep.
    let open = try populationOf(scenarioOn(data, ["privacy.target_epsilon=null"]))
    #expect(open.dataset.table?.classSource == .trainingRows)
    // One client with a budget is enough to refuse.
    #expect(throws: DatasetError.self) {
      try populationOf(
        scenarioOn(
          data,
          [
            "privacy.target_epsilon=null",
            "population.clusters[0].client_privacy=[{},{\"target_epsilon\":1},{}]",
          ]))
    }
    // So is one that comes after training, and pays for its choice.
    #expect(throws: DatasetError.self) {
      try populationOf(
        scenarioOn(
          data,
          [
            "privacy.target_epsilon=null", #"method={"name":"ifca","num_clusters":2}"#,
            #"population.clusters=[{"name":"a","clients":3,"examples_per_client":20},"#
              + #"{"name":"late","clients":1,"examples_per_client":20,"arrives":"after-training","privacy":{"target_epsilon":1}}]"#,
          ]))
    }
  }

  @Test("bytes that are no UTF-8 do not change how other rows are read")
  func encoding() throws {
    let file = FileManager.default.temporaryDirectory
      .appendingPathComponent("dpflsim-\(UUID().uuidString).csv")
    defer { try? FileManager.default.removeItem(at: file) }
    try (Data(table().utf8) + Data([0x31, 0x2C, 0xE9, 0x2C, 0x31, 0x2C, 0x31, 10])).write(to: file)
    let error = try #require(throws: DatasetError.self) {
      try populationOf(
        scenarioOn(
          "{\"name\": \"csv\", \"path\": \"\(file.path)\", \"label_column\": \"y\", \(Self.stated)}"
        ))
    }
    #expect("\(error)".contains("line 202: is not UTF-8 text; state its encoding in data.encoding"))
  }

  @Test("an image, or its label")
  func image() throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("dpflsim-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    func idx(_ sizes: [Int], _ bytes: [UInt8]) -> Data {
      Data([0, 0, 8, UInt8(sizes.count)])
        + Data(sizes.flatMap { [0, 0, UInt8($0 >> 8), UInt8($0 & 255)] }) + Data(bytes)
    }
    func load(_ value: UInt8, _ label: UInt8) throws -> Federation.Population {
      for (part, count) in [("train", 100), ("t10k", 50)] {
        var images = (0..<16 * count).map { UInt8(truncatingIfNeeded: $0 * 31) }
        var labels = (0..<count).map { UInt8($0 % 5) }
        if part == "train" {
          labels[40] = label
          for pixel in 640..<656 { images[pixel] = value }
        }
        try idx([count, 4, 4], images)
          .write(to: folder.appendingPathComponent("\(part)-images-idx3-ubyte"))
        try idx([count], labels)
          .write(to: folder.appendingPathComponent("\(part)-labels-idx1-ubyte"))
      }
      return try populationOf(
        scenarioOn(
          """
          {"name": "idx", "path": "\(folder.path)", "classes": 6, "public_examples": 10}
          """))
    }
    let before = try load(0, 0)
    let (pixels, label) = (try load(255, 0), try load(255, 5))
    #expect(differences(before.dataset, pixels.dataset) == [])
    #expect(differences(before.dataset, label.dataset) == [])
    #expect(before.dataset.contentHash != pixels.dataset.contentHash)
    // The simulated deal goes by label, on purpose; by nothing else.
    #expect(before.partition.digest == pixels.partition.digest)
    #expect(label.plan.trainableCount == before.plan.trainableCount)
    #expect(before.dataset.classCount == 6)
  }

  @Test("Adult's columns are its published description, and its rows say nothing")
  func adult() throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("dpflsim-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    func load(_ first: String) throws -> Dataset {
      let usual =
        "39, Private, 77516, Bachelors, 13, Divorced, Sales, Husband, White, Male, 2174, 0, 40, Cuba, <=50K\n"
      try Data((first + String(repeating: usual, count: 99)).utf8)
        .write(to: folder.appendingPathComponent("adult.data"))
      try Data(String(repeating: usual.replacing("<=50K", with: ">50K."), count: 50).utf8)
        .write(to: folder.appendingPathComponent("adult.test"))
      return try populationOf(
        scenarioOn("{\"name\": \"adult\", \"path\": \"\(folder.path)\"}")
      ).dataset
    }
    let before = try load("20, ?, 1, 9th, 5, Widowed, ?, Wife, Other, Female, 0, 0, 1, ?, <=50K\n")
    let after = try load("999, X, 9e9, Y, 5, Z, ?, W, V, Female, 0, 0, 1, Atlantis, >50K\n")
    #expect(differences(before, after) == [])
    #expect(before.shape == KnownDataset.adult.shape)
    #expect(before.classNames == ["<=50K", ">50K"])
    #expect(before.contentHash != after.contentHash)
  }

  @Test("the clients of a table become those of the scenario, by name")
  func ownClients() throws {
    let file = FileManager.default.temporaryDirectory
      .appendingPathComponent("dpflsim-\(UUID().uuidString).csv")
    defer { try? FileManager.default.removeItem(at: file) }
    try Data(table().utf8).write(to: file)
    let json = """
      {
        "name": "t", "rounds": 2,
        "data": {
          "name": "csv", "path": "\(file.path)", "label_column": "y", "client_column": "ward",
          "classes": [0, 1], "drop_columns": ["code"],
          "columns": [{"column": "age", "kind": "numeric", "min": 0, "max": 120}]
        },
        "population": {}, "model": { "name": "logistic" },
        "local": { "batch_size": 5, "learning_rate": 0.1 },
        "privacy": { "target_epsilon": 1, "target_delta": 1e-3 }, "method": { "name": "global" }
      }
      """
    let open = try Scenario(json: Data(json.utf8))
    #expect(open.isOpen && !open.knowsClusters && open.clientCount == 0)
    #expect(throws: DatasetError.self) { try populationOf(open) }
    let closed = try open.askingItsTable(catalog)
    #expect(!closed.isOpen && closed.clientCount == 3)
    #expect((0..<3).map { closed.name(ofClient: $0) } == ["north", "south", "west"])
    #expect(try Scenario(json: Data(closed.resolvedJSON.utf8)) == closed)
    let dealt = try populationOf(closed)
    #expect(dealt.clients.map(\.train.count) == [54, 54, 53])
    #expect(dealt.clients.map(\.test.count) == [13, 13, 13])
    // Another table under the same scenario is refused.
    try Data(table(changing: 0, to: "1,south,1,1").utf8).write(to: file)
    let error = try #require(throws: DatasetError.self) { try populationOf(closed) }
    #expect("\(error)".contains("leave population.clusters out"))
    #expect(throws: ScenarioError.self) {
      try Scenario(json: Data(json.replacing("\"client_column\": \"ward\",", with: "").utf8))
    }
    #expect(throws: ScenarioError.self) {
      try Scenario(json: Data(json.utf8), overrides: ["data.test_split=stratified"])
    }
  }
}
