// Data of your own: two moons, made when they are asked for. Whatever can say a label and write floats is a source;
// settings and a loader make a data set of it that a scenario names.
//
// In a scenario: "data": {"name": "moons", "train_examples": 2000}.

import DPFLSim
import Foundation

struct TwoMoons: ExampleSource {
  let count: Int

  func label(at position: Int) -> Int { position % 2 }

  func write(_ position: Int, into destination: inout MutableSpan<Float>) {
    let (x, y) = point(position)
    destination[0] = x
    destination[1] = y
  }

  func point(_ position: Int) -> (Float, Float) {
    let angle = Float.pi * Float(position / 2) / Float(max(count / 2 - 1, 1))
    return position % 2 == 0
      ? (cos(angle), sin(angle)) : (1 - cos(angle), 0.5 - sin(angle))
  }
}

struct MoonsData: DatasetSettings {
  /// What is known before anything is loaded.
  static let sets = [
    KnownDataset(
      name: "moons", title: "two moons in the plane", loader: MoonsLoader(),
      shape: .features(count: 2), classCount: 2, licence: "none needed",
      source: "nothing to fetch")
  ]

  static func keys(of set: KnownDataset) -> [Key] {
    [.defaults("train_examples", 2000, .integer(10...100_000), "Training examples.")]
  }

  let trainExamples: Int

  init(_ fields: Fields, of set: KnownDataset) throws(ScenarioError) {
    trainExamples = try fields.integer("train_examples")
  }

  /// What `check` says before it loads.
  var traits: DatasetTraits {
    var traits = DatasetTraits()
    traits.trainExamples = trainExamples
    traits.testExamples = trainExamples / 2
    traits.isGenerated = true
    return traits
  }
}

struct MoonsLoader: DatasetLoader {
  func load(
    _ known: KnownDataset, _ request: DatasetRequest, in catalog: DatasetCatalog
  ) throws(DatasetError) -> Dataset {
    let count = (request.settings as? MoonsData)?.trainExamples ?? 2000
    func examples(_ part: Datasets.Examples.Part, _ count: Int) -> Datasets.Examples {
      let moons = TwoMoons(count: count)
      return Datasets.Examples(
        part: part, labels: (0..<count).map { UInt16(moons.label(at: $0)) },
        values: .floats((0..<count).flatMap { [moons.point($0).0, moons.point($0).1] }))
    }
    return try Dataset(
      name: known.name, shape: .features(count: 2), classCount: 2, normalization: .identity,
      train: examples(.train, count), test: examples(.test, count / 2))
  }
}
