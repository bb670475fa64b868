// What the tests of this room share: a sound scenario, and its variations.

import Datasets
import Federation
import Foundation
import Scenarios

/// The folder of the package.
let packageFolder = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

/// A scenario in which the linter finds nothing worth a warning.
enum Sound {
  static let catalog = DatasetCatalog(places: [])

  static let json = """
    {
      "name": "sound", "rounds": 20,
      "data": {
        "name": "synthetic",
        "synthetic": { "classes": 4, "features": 12, "train_examples": 20000 }
      },
      "population": {
        "clusters": [
          { "name": "a", "clients": 3, "minority": true, "examples_per_client": 300 },
          { "name": "b", "clients": 4, "examples_per_client": 300, "shift": { "label_offset": 1 } },
          { "name": "c", "clients": 4, "examples_per_client": 300, "shift": { "label_offset": 2 } }
        ]
      },
      "model": { "name": "logistic" },
      "local": { "batch_size": 30, "learning_rate": 0.5 },
      "privacy": { "target_epsilon": 5, "target_delta": 1e-4 },
      "method": { "name": "r-dpcfl", "candidate_clusters": [2, 3] }
    }
    """

  static func scenario(_ changes: [String] = []) throws -> Scenario {
    try Scenario(json: Data(json.utf8), overrides: changes)
  }

  static func report(_ changes: [String]) throws -> CheckReport {
    try PrivacyLinter(scenario: scenario(changes).askingItsTable(catalog), catalog: catalog)
      .report()
  }

  static let shipped = [
    "tiny.json", "skewed.json", "skewed-lora.json", "label-skew-budgets.json",
    "permuted-labels.json", "clipping.json",
    "paper/fashion-mnist-labels.json", "paper/fashion-mnist-rotation.json",
  ]
}
