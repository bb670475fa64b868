// Scenarios that run in milliseconds and together use every part of a checkpoint.

import Foundation
import Scenarios

/// Four clients with twenty examples each.
let tinyScenario = """
  {
    "name": "fuzz", "rounds": 3,
    "data": {
      "name": "synthetic", "public_examples": 0,
      "synthetic": { "classes": 2, "features": 3, "train_examples": 80, "test_examples": 20 }
    },
    "population": {
      "test_examples_per_client": 5,
      "clusters": [
        { "name": "a", "clients": 2, "examples_per_client": 20 },
        { "name": "b", "clients": 2, "examples_per_client": 20, "shift": { "label_offset": 1 } }
      ]
    },
    "model": { "name": "logistic" },
    "local": { "steps": 2, "batch_size": 5, "learning_rate": 0.5 },
    "privacy": {
      "target_epsilon": 50, "target_delta": 1e-3, "max_grad_norm": 1, "noise_multiplier": 2
    },
    "method": { "name": "r-dpcfl", "candidate_clusters": [1, 2] }
  }
  """

private let lora =
  #"adapter={"type": "lora", "r": 1, "lora_alpha": 2, "target_modules": ["fc1"], "#
  + #""aggregation": "#

/// Changes to the tiny scenario, one list a variant.
let variants: [[String]] = [
  [],
  [#"method={"name": "ifca"}"#, #"server={"optimizer": {"name": "fedadam"}}"#],
  [
    #"method={"name": "global"}"#, "privacy.individual=true", "cohort_size=2",
    #"server={"optimizer": {"name": "fedavgm"}}"#,
  ],
  [
    #"method={"name": "global"}"#, "privacy.target_epsilon=1.5",
    "privacy.on_budget_exhausted=continue",
  ],
  [#"method={"name": "global"}"#, "privacy.unit=client"],
  [
    #"model={"name": "mlp", "hidden": [3]}"#,
    #"privacy.clipping={"name": "per-layer-adaptive"}"#,
  ],
  [#"model={"name": "mlp", "hidden": [3]}"#, lora + #""fedsa-lora"}"#],
  [#"model={"name": "mlp", "hidden": [3]}"#, lora + #""fedex-lora"}"#],
  [#"method={"name": "mr-mtl"}"#],
]

func variant(_ changes: [String]) throws -> Scenario {
  try Scenario(json: Data(tinyScenario.utf8), overrides: changes)
}
