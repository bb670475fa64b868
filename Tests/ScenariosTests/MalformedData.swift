// Malformed data and populations, case by case.

import Foundation
import Scenarios

let cluster: [Step] = ["population", "clusters", 0]
let synthetic: JSONValue = ["name": "synthetic", "synthetic": ["train_examples": 100_000]]

/// Every case of `MalformedTests`.
let malformedScenarios = malformedData + malformedTraining

private let malformedData: [Malformed] = [
  // Top level.
  .shape("name", "is missing", (["name"], nil)),
  .shape("name", "must be a name", (["name"], "")),
  .shape("name", "must be a name", (["name"], "../etc")),
  .shape("name", "must be a name", (["name"], "-skewed")),
  .shape("name", "must be a name", (["name"], .string(String(repeating: "a", count: 65)))),
  .shape("name", "got null", (["name"], .null)),
  .shape("name", "must be a name", (["name"], "größe")),
  .shape(
    "description", "at most 2000", (["description"], .string(String(repeating: "a", count: 2001)))),
  .shape("seed", "at least 0", (["seed"], -1)),
  .shape("seed", "at most 2^53", (["seed"], .integer(1 << 53 + 1))),
  .shape("seed", "must be an integer", (["seed"], 0.5)),
  .shape("rounds", "is missing; write an integer from 1 to 100000", (["rounds"], nil)),
  .shape("rounds", "at least 1, got -3", (["rounds"], -3)),
  .shape("rounds", "at most 100000", (["rounds"], 100_001)),
  .shape("rounds", "got 1e+300", (["rounds"], 1e300)),
  .shape("rounds", "got the string \"20\"", (["rounds"], "20")),
  .shape("rounds", "got true", (["rounds"], true)),
  .shape("cohort_size", "at least 1", (["cohort_size"], 0)),
  .cross("cohort_size", "at most the number of clients, 21, got 22", (["cohort_size"], 22)),
  .shape("round", "did you mean \"rounds\"", (["round"], 5)),
  .shape("zzz", "the keys here are", (["zzz"], 5)),
  .shape("evaluation.every", "at least 1", (["evaluation"], ["every": 0])),
  // Data.
  .shape("data.name", "did you mean \"fashion-mnist\"", (["data", "name"], "fashion_mnist")),
  .shape("data.name", "is missing", (["data", "name"], nil)),
  .shape("data.path", "got 5", (["data", "path"], 5)),
  .shape("data.public_examples", "at least 0", (["data", "public_examples"], -1)),
  .cross(
    "data.public_examples", "at most the 60000 training examples",
    (["data", "public_examples"], 60_001),
    (["data", "name"], "mnist"), (["population", "overlap"], true)),
  .shape("data.synthetic", "only of \"synthetic\"", (["data", "synthetic"], [:])),
  .shape("data.label_column", "only of \"images\", \"csv\"", (["data", "label_column"], "y")),
  .shape("data.path", "is missing", (["data"], ["name": "csv", "label_column": "y"])),
  .shape("data.label_column", "is missing", (["data"], ["name": "csv", "path": "a.csv"])),
  .shape(
    "data.label_column", "got a list of 1",
    (["data"], ["name": "csv", "path": "a.csv", "label_column": ["y"]])),
  .shape(
    "data.header", "true or false",
    (["data"], ["name": "csv", "path": "a", "label_column": 0, "header": 1])),
  .shape(
    "data.synthetic.classes", "at least 2",
    (["data"], ["name": "synthetic", "synthetic": ["classes": 1]])),
  .shape(
    "data.synthetic.separation", "at least 0",
    (["data"], ["name": "synthetic", "synthetic": ["separation": -1]])),
  .shape(
    "data.synthetic.features", "at most 10000",
    (["data"], ["name": "synthetic", "synthetic": ["features": 10_001]])),
  // Population.
  .shape("population", "is missing", (["population"], nil)),
  .shape("population", "must be an object", (["population"], [])),
  .shape("population.clusters", "at least 1 entries", (["population", "clusters"], [])),
  .shape("population.clusters", "must be a list", (["population", "clusters"], 4)),
  .shape("population.clusters[0]", "must be an object", (cluster, 5)),
  .shape("population.overlap", "true or false", (["population", "overlap"], "yes")),
  .shape(
    "population.test_examples_per_client", "at least 1",
    (["population", "test_examples_per_client"], 0)),
  .cross(
    "population.test_examples_per_client", "at most the 10000 test examples",
    (["population", "test_examples_per_client"], 10_001)),
  .shape(
    "population.label_skew.type", "did you mean \"dirichlet\"",
    (["population", "label_skew"], ["type": "dirichelet", "alpha": 1])),
  .shape(
    "population.label_skew.alpha", "at least 0.001",
    (["population", "label_skew"], ["type": "dirichlet", "alpha": 0])),
  .shape(
    "population.label_skew.alpha", "is missing",
    (["population", "label_skew"], ["type": "dirichlet"])),
  .shape(
    "population.label_skew.alpha", "only of \"dirichlet\"",
    (["population", "label_skew"], ["type": "shards", "per_client": 2, "alpha": 1])),
  .cross(
    "population.label_skew.per_client", "number of classes, 10, got 11",
    (["population", "label_skew"], ["type": "shards", "per_client": 11])),
  .cross(
    "population.clusters[0].label_skew.per_client", "number of classes",
    (cluster + ["label_skew"], ["type": "shards", "per_client": 11])),
  .shape(
    "population.quantity_skew.sigma", "at most 3",
    (["population", "quantity_skew"], ["type": "lognormal", "sigma": 4])),
  .shape("population.quantity_skew", "must be an object", (["population", "quantity_skew"], 1)),
  // Clusters.
  .shape("population.clusters[0].name", "is missing", (cluster + ["name"], nil)),
  .cross(
    "population.clusters[1].name", "already the name of clusters[0]",
    (["population", "clusters", 1, "name"], "rotated-180")),
  .shape("population.clusters[0].clients", "at least 1, got 0", (cluster + ["clients"], 0)),
  .shape("population.clusters[0].clients", "at least 1, got -6", (cluster + ["clients"], -6)),
  .shape("population.clusters[0].clients", "at most 1000000", (cluster + ["clients"], 1_000_001)),
  .shape("population.clusters[0].clients", "got 2.5", (cluster + ["clients"], 2.5)),
  .shape("population.clusters[0].minority", "true or false", (cluster + ["minority"], 1)),
  .shape(
    "population.clusters[0].examples_per_client", "is missing",
    (cluster + ["examples_per_client"], nil)),
  .shape(
    "population.clusters[0].examples_per_client", "at least 1, got 0",
    (cluster + ["examples_per_client"], 0)),
  .shape(
    "population.clusters[0].examples_per_client", "got null",
    (cluster + ["examples_per_client"], .null)),
  .shape(
    "population.clusters[0].examples_per_client[1]", "at least 1",
    (cluster + ["examples_per_client"], [1000, 0, 1000])),
  .cross(
    "population.clusters[0].examples_per_client", "one entry for each of the 3 clients, got 2",
    (cluster + ["examples_per_client"], [1000, 1000])),
  .shape(
    "population.clusters[0].examples_per_client.max", "is missing",
    (cluster + ["examples_per_client"], ["min": 100])),
  .cross(
    "population.clusters[0].examples_per_client.max", "at least min, which is 900, got 800",
    (cluster + ["examples_per_client"], ["min": 900, "max": 800])),
  .cross(
    "population.clusters", "up to 66000 examples but there are only the 50000 training examples",
    (cluster + ["examples_per_client"], 16_000)),
  .cross(
    "population.clusters", "examples but there are only",
    (cluster + ["examples_per_client"], ["min": 100, "max": 16_000])),
  .cross(
    "population.clusters[0].examples_per_client", "at most the 50000",
    (cluster + ["examples_per_client"], 50_001), (["population", "overlap"], true)),
  .shape(
    "population.clusters[0].shift.rotation", "at most 360",
    (cluster + ["shift", "rotation"], 361)),
  .shape(
    "population.clusters[0].shift.rotation", "must be a number",
    (cluster + ["shift", "rotation"], "90")),
  .shape(
    "population.clusters[0].shift.angle", "did you mean \"rotation\"",
    (cluster + ["shift", "angle"], 90)),
  .shape("population.clusters[0].shift", "got null", (cluster + ["shift"], .null)),
  .shape(
    "population.clusters[0].shift.label_permutation[2]", "repeats entry 0",
    (cluster + ["shift", "label_permutation"], [0, 1, 0])),
  .cross(
    "population.clusters[0].shift.label_permutation", "each class from 0 to 9 once",
    (cluster + ["shift", "label_permutation"], [1, 0])),
  .cross(
    "population.clusters[0].shift.label_offset", "below the number of classes, 10, got 10",
    (cluster + ["shift", "label_offset"], 10)),
  .shape(
    "population.clusters[0].shift.label_offset", "at least 0",
    (cluster + ["shift", "label_offset"], -1)),
  .shape(
    "population.clusters[0].shift.feature_noise", "at least 0",
    (cluster + ["shift", "feature_noise"], -0.1)),
  .shape(
    "population.clusters[0].privacy.target_epsilon", "above 0",
    (cluster + ["privacy"], ["target_epsilon": 0])),
  .shape(
    "population.clusters[0].privacy.accountant", "did you mean \"privacy.accountant\"",
    (cluster + ["privacy"], ["accountant": "pld"])),
  .cross(
    "population.clusters[0].client_privacy", "one entry for each of the 3 clients, got 1",
    (cluster + ["client_privacy"], [[:]])),
  .shape(
    "population.clusters[0].client_privacy[1].target_delta", "below 1",
    (cluster + ["client_privacy"], [[:], ["target_delta": 1], [:]])),
  .shape(
    "population.clusters[0].client_privacy[1]", "must be an object, got 5",
    (cluster + ["client_privacy"], [[:], 5, [:]])),
]
