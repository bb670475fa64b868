// Malformed models, adapters, local training, privacy and methods, case by case.

import Foundation
import Scenarios

let malformedTraining: [Malformed] = [
  // Model and adapter.
  .shape(
    "model.name", "must be \"cnn\", \"mlp\", \"logistic\", \"resnet\", \"bert\" or \"gpt\"",
    (["model", "name"], "vgg")),
  .shape("model.hidden", "only of \"mlp\"", (["model", "hidden"], [64])),
  .shape(
    "model.hidden", "at least 1 entries", (["model"], ["name": "mlp", "hidden": []]),
    (["adapter"], .null)),
  .shape(
    "model.hidden[1]", "at least 1", (["model"], ["name": "mlp", "hidden": [64, 0]]),
    (["adapter"], .null)),
  .shape("model.pretraining.epochs", "is missing", (["model", "pretraining", "epochs"], nil)),
  .shape(
    "model.pretraining.momentum", "at most 0.999", (["model", "pretraining", "momentum"], 1)),
  .shape(
    "model.pretraining.learning_rate", "above 0",
    (["model", "pretraining", "learning_rate"], 0)),
  .cross("model.pretraining", "needs public examples", (["data", "public_examples"], 0)),
  .cross(
    "model.pretraining.batch_size", "at most data.public_examples, 16",
    (["data", "public_examples"], 16)),
  .cross(
    "model.name", "a cnn needs images", (["data"], synthetic), (["model"], ["name": "cnn"]),
    (["population", "clusters", 0, "shift"], [:]), (["population", "clusters", 2, "shift"], [:]),
    (["population", "clusters", 3, "shift"], [:])),
  .cross(
    "population.clusters[0].shift.rotation", "only images can be rotated",
    (["data"], synthetic), (["model"], ["name": "logistic"]), (["adapter"], .null),
    (["population", "clusters", 2, "shift"], [:]), (["population", "clusters", 3, "shift"], [:])),
  .cross(
    "data.synthetic", "examples times features",
    (
      ["data"],
      ["name": "synthetic", "synthetic": ["train_examples": 1_000_000, "features": 1000]]
    ),
    (["model"], ["name": "logistic"]), (["adapter"], .null),
    (["population", "clusters"], [["name": "a", "clients": 2, "examples_per_client": 50]])),
  .shape(
    "adapter.type",
    "must be \"lora\", \"rgp\", \"prism\", \"ia3\", \"bitfit\", \"layer_norm\", "
      + "\"linear_probe\"",
    (["adapter", "type"], "dora")),
  .shape("adapter.r", "at least 1", (["adapter", "r"], 0)),
  .cross("adapter.r", "at most 10, the smaller side of fc", (["adapter", "r"], 11)),
  .cross(
    "adapter.r", "at most 16, the smaller side of conv1", (["adapter", "r"], 17),
    (["adapter", "target_modules"], ["conv1"])),
  .shape("adapter.lora_alpha", "above 0", (["adapter", "lora_alpha"], 0)),
  .shape("adapter.lora_alpha", "is missing", (["adapter", "lora_alpha"], nil)),
  .shape("adapter.target_modules", "at least 1", (["adapter", "target_modules"], [])),
  .shape(
    "adapter.target_modules", "conv1, conv2 and fc of cnn", (["adapter", "target_modules"], nil)),
  .cross(
    "adapter.target_modules[1]", "the cnn has no layer \"fc2\"; its layers are conv1, conv2, fc",
    (["adapter", "target_modules"], ["fc", "fc2"])),
  .shape(
    "adapter.target_modules[1]", "repeats entry 0", (["adapter", "target_modules"], ["fc", "fc"])),
  .shape("adapter.freeze_a", "true or false", (["adapter", "freeze_a"], "true")),
  .shape("adapter.aggregation", "\"fedsvd\"", (["adapter", "aggregation"], "mean")),
  .shape("adapter.layer_ranks[0]", "at least 1", (["adapter", "layer_ranks"], [0, 1])),
  .cross(
    "adapter.layer_ranks", "a rank for each of the 2 target_modules",
    (["adapter", "layer_ranks"], [1])),
  .cross(
    "adapter.layer_ranks[1]", "at most 10, the smaller side of fc",
    (["adapter", "layer_ranks"], [1, 11])),
  .cross("adapter.client_ranks", "ffa-lora needs equal ranks", (["adapter", "client_ranks"], [1])),
  .cross(
    "adapter.client_ranks", "at most 4, the adapter's rank",
    (["adapter", "client_ranks"], [2, 5]),
    (["adapter", "aggregation"], "flora")),
  .cross(
    "adapter.aggregation", "does more in a round than move models",
    (["adapter", "aggregation"], "deer"), (["privacy", "unit"], "client"),
    (["method"], ["name": "oracle"])),
  .cross(
    "server.optimizer", "flora decides itself", (["adapter", "aggregation"], "flora"),
    (["server"], ["optimizer": ["name": "fedavgm"]])),
  .cross(
    "adapter.aggregation", "knows no fedsvd", (["adapter", "aggregation"], "fedsvd"),
    (["method", "variant"], "as-released")),
  // Local training.
  .shape("local.steps", "epochs and steps exclude one another", (["local", "steps"], 5)),
  .shape("local.epochs", "at least 1", (["local", "epochs"], 0)),
  .shape("local.batch_size", "is missing", (["local", "batch_size"], nil)),
  .shape("local.batch_size", "at least 1", (["local", "batch_size"], 0)),
  .cross(
    "local.batch_size", "cannot exceed the data: must be at most 900",
    (["local", "batch_size"], 901),
    (cluster + ["examples_per_client"], ["min": 900, "max": 1000])),
  .shape("local.learning_rate", "above 0, got -0.5", (["local", "learning_rate"], -0.5)),
  .shape("local.learning_rate", "at most 100", (["local", "learning_rate"], 101)),
  .shape(
    "local.max_physical_batch_size", "at least 1", (["local", "max_physical_batch_size"], 0)),
  // Privacy.
  .shape("privacy", "is missing", (["privacy"], nil)),
  .shape("privacy.target_epsilon", "is missing", (["privacy", "target_epsilon"], nil)),
  .shape(
    "privacy.target_epsilon", "write null to train without privacy",
    (["privacy", "target_epsilon"], 0)),
  .shape("privacy.target_epsilon", "at most 1000", (["privacy", "target_epsilon"], 1e6)),
  .shape("privacy.target_epsilon", "got the string", (["privacy", "target_epsilon"], "none")),
  .shape("privacy.target_delta", "above 0", (["privacy", "target_delta"], 0)),
  .shape("privacy.target_delta", "below 1", (["privacy", "target_delta"], 1)),
  .shape("privacy.target_delta", "got null", (["privacy", "target_delta"], .null)),
  .shape("privacy.max_grad_norm", "at least 1e-06", (["privacy", "max_grad_norm"], 0)),
  .shape("privacy.max_grad_norm", "at least 1e-06", (["privacy", "max_grad_norm"], 1e-46)),
  .cross(
    "participation.deadline", "in times of the median client", (["participation"], ["deadline": 2]),
    (["privacy", "unit"], "client"), (["method"], ["name": "global"])),
  .shape("privacy.unit", "must be \"example\" or \"client\"", (["privacy", "unit"], "person")),
  .shape("privacy.noise_multiplier", "at least 0", (["privacy", "noise_multiplier"], -1)),
  .shape(
    "privacy.on_budget_exhausted", "must be \"stop\" or \"continue\"",
    (["privacy", "on_budget_exhausted"], "halt")),
  .shape("privacy.individual", "true or false", (["privacy", "individual"], "yes")),
  .shape(
    "privacy.clips_without_noise", "true or false", (["privacy", "clips_without_noise"], 1)),
  .shape(
    "privacy.relation", "must be \"add-or-remove-one\"", (["privacy", "relation"], "replace-one")),
  .shape("privacy.accountant", "did you mean \"rdp\"", (["privacy", "accountant"], "rdpp")),
  // Methods.
  .shape("method", "must be an object", (["method"], "r-dpcfl")),
  .shape("method.name", "is missing", (["method", "name"], nil)),
  .shape("method.name", "did you mean \"r-dpcfl\"", (["method", "name"], "rdpcfl")),
  .shape("method.lambda", "only of \"mr-mtl\"", (["method", "lambda"], 1)),
  .shape("method.lambda", "at least 0", (["method"], ["name": "mr-mtl", "lambda": -1])),
  .shape(
    "method.num_clusters", "only of \"r-dpcfl\", \"ifca\", \"fedem\", \"k-means\" or \"mbc\"",
    (["method"], ["name": "global", "num_clusters": 4])),
  .cross(
    "method.num_clusters", "at most the number of clients, 21, got 22",
    (["method", "num_clusters"], 22)),
  .cross(
    "method.num_clusters", "at most the number of clients",
    (["method"], ["name": "ifca", "num_clusters": 30])),
  .cross(
    "method.candidate_clusters[1]", "at most the number of clients",
    (["method", "candidate_clusters"], [2, 25])),
  .shape("method.candidate_clusters", "at least 1", (["method", "candidate_clusters"], [])),
  .shape("method.criterion", "must be \"separation\"", (["method", "criterion"], "aic")),
  .shape("method.variant", "\"as-intended\" or", (["method", "variant"], "fixed")),
  .cross("method.components", "at most the number of clients", (["method", "components"], 22)),
  .shape("method.components", "at least 1", (["method", "components"], 0)),
  .shape("method.mixture_starts", "at least 1", (["method", "mixture_starts"], 0)),
  .shape(
    "method.selection_epsilon_ratio", "above 0", (["method", "selection_epsilon_ratio"], 0)),
  .shape(
    "method.selection_epsilon_ratio", "below 1", (["method", "selection_epsilon_ratio"], 1)),
  .shape(
    "method.selection_rounds_ratio", "at most 1", (["method", "selection_rounds_ratio"], 1.5)),
  .shape(
    "method.first_round_noise_ratio", "at least 0.01", (["method", "first_round_noise_ratio"], 0)),
  .shape(
    "method.first_round_learning_rate", "above 0",
    (["method", "first_round_learning_rate"], 0)),
  .cross("rounds", "at least 2 for r-dpcfl", (["rounds"], 1)),
  .cross(
    "population.clusters", "at least 2 clients to tell apart",
    (["population", "clusters"], [["name": "a", "clients": 1, "examples_per_client": 500]])),
]
