// One record of any kind of data becomes another one. Of all that a round releases nothing moves but its own client's
// update, and that by no more than the sensitivity that the ledger was charged for.

import Datasets
import Federation
import Foundation
import Privacy
import Scenarios
import TestModels
import Testing

/// What a run of one round hands out.
private actor Round: RunObserver {
  private(set) var updates: [ReleasedUpdates.Update] = []
  private(set) var start: RunStart?

  func receive(_ event: RunEvent) {
    if case .released(let released) = event { updates += released.updates }
    if case .started(let start) = event { self.start = start }
  }
}

/// A kind of data: its file, the scenario that reads it, and how one of its records is changed.
struct RecordKind: Sendable, CustomStringConvertible {
  let description: String
  /// The data, the model and what else of a scenario.
  let members: String
  let file: String
  /// Examples a step: all that the smallest client trains on.
  var batch = 20
  /// Other files that belong to it.
  var others: [String: Data] = [:]
  let content: Data
  /// The file with another record in a place; a few places are tried, since not every record is dealt to somebody.
  let changed: @Sendable (_ place: Int) -> Data

  private static let dealt = """
    "population": {"test_examples_per_client": 4, "clusters": [
      {"name": "a", "clients": 3, "examples_per_client": 20}]}
    """

  /// Rows of which one has other fields, by their names.
  private static func rows(
    _ header: String, _ row: @escaping @Sendable (Int) -> [String],
    changing changes: @escaping @Sendable (Int) -> [String: String]
  ) -> (Data, @Sendable (Int) -> Data) {
    let names = header.split(separator: ",").map(String.init)
    let text: @Sendable (Int?) -> Data = { place in
      let lines = (0..<150).map { index -> String in
        var fields = row(index)
        for (name, value) in index == place ? changes(index) : [:] {
          fields[names.firstIndex(of: name) ?? 0] = value
        }
        return fields.joined(separator: ",")
      }
      return Data(([header] + lines).joined(separator: "\n").utf8)
    }
    return (text(nil), { text($0) })
  }

  private static func bytes(
    _ count: Int, record: Int, header: [UInt8] = [], skipping labels: Int = 0
  ) -> (Data, @Sendable (Int) -> Data) {
    let content = Data(
      header
        + (0..<count * record).map {
          $0 % record < labels
            ? UInt8($0 / record % 10) : UInt8(truncatingIfNeeded: $0 * 31 + $0 / 7)
        })
    return (
      content,
      { place in
        var changed = content
        let first = header.count + place * record + labels
        for position in first..<first + record - labels { changed[position] ^= 0xFF }
        return changed
      }
    )
  }

  private static func idx(_ sizes: [Int]) -> [UInt8] {
    [0, 0, 8, UInt8(sizes.count)] + sizes.flatMap { [0, 0, UInt8($0 >> 8), UInt8($0 & 255)] }
  }

  private static let columns = """
    "classes": ["no", "yes"], "columns": [
      {"column": "age", "kind": "numeric", "min": 0, "max": 100},
      {"column": "color", "kind": "categorical", "categories": ["red", "green"]}]
    """

  /// Of silos, with persons, weights and groups; label, features, weight and group of a row are others.
  private static let silos: RecordKind = {
    let (content, changed) = rows("ward,who,weight,sex,age,color,y") { row in
      [
        ["n", "s", "w"][row / 2 % 3], "p\(row - row % 2)", "\(1 + row % 4)", ["f", "m"][row % 2],
        "\(row * 7 % 90)", ["red", "green"][row / 3 % 2], ["no", "yes"][row / 2 % 2],
      ]
    } changing: { row in
      [
        "weight": "1e9", "sex": "x", "age": "-1e12", "color": "blue",
        "y": ["yes", "no"][row / 2 % 2],
      ]
    }
    return RecordKind(
      description: "rows of silos",
      members: """
        "data": {"name": "csv", "path": "file", "label_column": "y", "client_column": "ward",
                 "id_column": "who", "weight_column": "weight", "max_weight": 4,
                 "group_columns": ["sex"], \(columns.dropLast()),
          {"column": "sex", "kind": "categorical", "categories": ["f", "m"]}]},
        "population": {}, "model": {"name": "logistic"}
        """, file: "file", content: content, changed: changed)
  }()

  /// Features of a row that is dealt.
  private static let table: RecordKind = {
    let (content, changed) = rows("age,color,y") { row in
      ["\(row * 7 % 90)", ["red", "green"][row / 3 % 2], ["no", "yes"][row / 2 % 2]]
    } changing: { _ in
      ["age": "1e30", "color": "?"]
    }
    return RecordKind(
      description: "rows that are dealt",
      members: """
        "data": {"name": "csv", "path": "file", "label_column": "y", \(columns)}, \(dealt),
        "model": {"name": "mlp", "hidden": [6]}
        """, file: "file", content: content, changed: changed)
  }()

  /// Text and label of a row of a silo, under a pretrained encoder.
  private static let texts: RecordKind = {
    let (content, changed) = rows("shop,label,text") { row in
      ["s\(row % 3)", ["neg", "pos"][row / 3 % 2], "the film is \(["bad", "good"][row / 3 % 2])"]
    } changing: { row in
      [
        "label": ["pos", "neg"][row / 3 % 2],
        "text": String(repeating: "shoe shoe nowhere ", count: 40),
      ]
    }
    return RecordKind(
      description: "texts with labels",
      members: """
        "data": {"name": "text", "path": "file", "text_column": "text", "label_column": "label",
                 "classes": ["neg", "pos"], "client_column": "shop"},
        "population": {}, "model": {"name": "bert", "path": "bert", "max_tokens": 9},
        "adapter": {"type": "lora", "r": 2, "lora_alpha": 4,
          "target_modules": ["layer.1.attention.self.value"], "modules_to_save": ["classifier"]}
        """, file: "file", batch: 40, content: content, changed: changed)
  }()

  /// A text without a label, under a decoder that is pretrained on public ones.
  private static let plain: RecordKind = {
    let (content, changed) = rows("text") { row in
      ["row \(row) of \(row * row % 97)"]
    } changing: { _ in
      ["text": "~"]
    }
    return RecordKind(
      description: "texts without labels",
      members: """
        "data": {"name": "text", "path": "file", "text_column": "text", "public_examples": 30},
        "population": {"test_examples_per_client": 4, "clusters": [
          {"name": "a", "clients": 3, "examples_per_client": 20}]},
        "model": {"name": "gpt", "max_tokens": 16, "width": 8, "blocks": 1, "heads": 2,
                  "pretraining": {"epochs": 1, "batch_size": 10, "learning_rate": 0.1}},
        "adapter": {"type": "lora", "r": 2, "lora_alpha": 4, "target_modules": ["h.0.mlp.c_proj"]}
        """, file: "file", content: content, changed: changed)
  }()

  /// The label of an image of a silo, and which image it is.
  private static let pictures: RecordKind = {
    let (content, changed) = rows("image,site,y") { row in
      ["\(row)", "s\(row % 3)", ["no", "yes"][row / 3 % 2]]
    } changing: { row in
      ["image": "\((row + 75) % 150)", "y": ["yes", "no"][row / 3 % 2]]
    }
    return RecordKind(
      description: "rows beside images",
      members: """
        "data": {"name": "images", "path": ".", "label_column": "y", "classes": ["no", "yes"],
                 "client_column": "site"},
        "population": {}, "model": {"name": "logistic"}
        """, file: "rows.csv", batch: 40,
      others: ["images.idx": bytes(150, record: 36, header: idx([150, 6, 6])).0],
      content: content, changed: changed)
  }()

  /// The pixels of an image that is dealt.
  private static let published: [RecordKind] = {
    let (images, changed) = bytes(150, record: 784, header: idx([150, 28, 28]))
    let labels = Data(idx([150]) + (0..<150).map { UInt8($0 % 10) })
    let names = [
      "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
      "t10k-labels-idx1-ubyte",
    ]
    let own = RecordKind(
      description: "images",
      members: """
        "data": {"name": "idx", "path": ".", "classes": 10, "public_examples": 20}, \(dealt),
        "model": {"name": "cnn", "pretraining": {"epochs": 1, "batch_size": 10, "learning_rate": 0.1}},
        "adapter": {"type": "linear_probe", "modules_to_save": ["fc"]}
        """, file: names[0], others: [names[1]: labels, names[2]: images, names[3]: labels],
      content: images, changed: changed)
    let (batch, other) = bytes(150, record: 3073, skipping: 1)
    let rest = ["data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"]
    let colors = RecordKind(
      description: "images in colour",
      members: """
        "data": {"name": "cifar-10", "path": ".", "public_examples": 0}, \(dealt),
        "model": {"name": "logistic"}
        """, file: "data_batch_1.bin",
      others: Dictionary(
        uniqueKeysWithValues: (rest + ["test_batch.bin"]).map {
          ($0, bytes(10, record: 3073, skipping: 1).0)
        }),
      content: batch, changed: other)
    return [own, colors]
  }()

  /// Features of a row of the census.
  private static let census: RecordKind = {
    let usual = "39, Private, 77516, Bachelors, 13, Divorced, Sales, Husband, White, Male"
    let text: @Sendable (Int?) -> Data = { place in
      let lines = (0..<150).map { row in
        let age = row == place ? "999, ?, 9e9, ?, 5, Z, ?, W, V, Female" : usual
        return "\(age), 0, 0, \(row % 60), Cuba, \(row % 2 == 0 ? "<=50K" : ">50K")\n"
      }
      return Data(lines.joined().utf8)
    }
    return RecordKind(
      description: "the census",
      members: """
        "data": {"name": "adult", "path": "."}, \(dealt), "model": {"name": "logistic"}
        """, file: "adult.data",
      others: [
        "adult.test": Data(
          String(decoding: text(nil), as: UTF8.self).replacing("K\n", with: "K.\n").utf8)
      ],
      content: text(nil), changed: { text($0) })
  }()

  static let all: [RecordKind] =
    [silos, table, texts, plain, pictures] + published + [census]
}

@Suite("One record of every kind of data")
struct OneRecordTests {
  private static let maxGradNorm = 0.5
  private static let learningRate = 0.2

  /// One step of everybody on all examples.
  private func released(
    _ kind: RecordKind, _ content: Data, in folder: TinyTexts
  ) async throws -> (updates: [ReleasedUpdates.Update], start: RunStart, population: Population) {
    try content.write(to: folder.folder.appendingPathComponent(kind.file))
    let scenario = try folder.scenario(
      json: """
        {"name": "one", "rounds": 1,
         "local": {"steps": 1, "batch_size": \(kind.batch), "learning_rate": \(Self.learningRate)},
         "privacy": {"target_epsilon": 8, "target_delta": 1e-3, "max_grad_norm": \(Self.maxGradNorm)},
         "method": {"name": "global"}, \(kind.members)}
        """
    ).askingItsTable(DatasetCatalog(places: []))
    let round = Round()
    var options = SimulationOptions(workers: 1)
    options.handsOutUpdates = true
    let catalog = DatasetCatalog(places: [])
    _ = try await Simulation(scenario: scenario, catalog: catalog, options: options)
      .run(observer: round)
    return (
      await round.updates, try #require(await round.start),
      try Population(scenario: scenario, catalog: catalog)
    )
  }

  @Test(
    "moves its client's update within its sensitivity, and nothing else", arguments: RecordKind.all)
  func moves(_ kind: RecordKind) async throws {
    let folder = try TinyTexts()
    for (name, content) in kind.others {
      try content.write(to: folder.folder.appendingPathComponent(name))
    }
    let before = try await released(kind, kind.content, in: folder)
    #expect(before.updates.count == 3)
    var moved = 0
    for place in [5, 8, 31, 43, 58, 64, 77, 91, 102, 117, 133, 149] {
      let after = try await released(kind, kind.changed(place), in: folder)
      // Of a public record everything may be known.
      let records = changedExamples(
        before.population.dataset.train, after.population.dataset.train,
        width: before.population.dataset.shape.valueCount)
      let known = Set(before.population.partition.publicIndices)
      guard !records.contains(where: { known.contains(Int32($0)) }) else { continue }
      #expect(after.population.partition.digest == before.population.partition.digest)
      #expect(after.start.trainableParameters == before.start.trainableParameters)
      try #require(after.updates.count == before.updates.count)
      var others = 0
      for (old, new) in zip(before.updates, after.updates) {
        #expect(old.entries == new.entries)
        guard old.values != new.values else { continue }
        others += 1
        let plan = before.population.clients[try #require(old.client)].plan
        // Adding and removing cost one clipping bound each.
        let bound = 2 * Self.maxGradNorm * Self.learningRate / Double(plan.batchSize)
        let (distance, size) = zip(old.values, new.values).reduce((0.0, 0.0)) {
          let difference = Double($1.0) - Double($1.1)
          return ($0.0 + difference * difference, $0.1 + Double($1.0) * Double($1.0))
        }
        #expect(distance.squareRoot() <= bound * 1.0001 + 1e-5 * size.squareRoot())
        #expect(distance.squareRoot() > 1e-3 * bound)
      }
      #expect(others <= 1)
      moved += others
    }
    // Not every record is dealt to somebody, and some are for testing.
    #expect(moved >= 2, "\(moved)")
  }
}
