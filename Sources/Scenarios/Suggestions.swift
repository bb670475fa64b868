// "Did you mean": the nearest key by spelling, by the names of other systems, or by its place.

/// What an unknown key may have been meant to be.
struct Suggestions: Sendable {
  /// The full path of every key of the format, without list indices, by the key's own name.
  let places: [String: [String]]

  init(for root: Shape) {
    var places: [String: [String]] = [:]
    for path in root.keyPaths() {
      let name = path.split(separator: ".").last.map(String.init) ?? path
      places[name, default: []].append(path)
    }
    self.places = places
  }

  /// The key to offer instead of `name`: a key of the same object by itself, any other with its
  /// path.
  func suggestion(for name: String, among allowed: [String], at path: JSONPath) -> String? {
    let folded = Self.folded(name)
    // `batchSize` and `Batch-Size` are the same word as `batch_size`.
    if let same = allowed.first(where: { Self.folded($0) == folded }) { return same }
    let targets = Self.aliases[folded] ?? []
    for target in targets {
      let last = target.split(separator: ".").last.map(String.init) ?? target
      if allowed.contains(last) { return last }
    }
    if let near = nearest(to: name, among: allowed) { return near }
    if let target = targets.first { return target }
    // Of several places the one nearest to the top is the likeliest.
    // A word that many objects have says nothing of the place.
    guard !["name", "path", "kind", "column"].contains(name) else { return nil }
    return places[name]?.min { $0.count(where: { $0 == "." }) < $1.count(where: { $0 == "." }) }
  }

  /// The nearest of some words, when it is near enough to be a slip of the hand.
  func nearest(to word: String, among words: [String]) -> String? {
    guard word.utf8.count <= 64 else { return nil }
    let scored = words.map {
      (word: $0, distance: Self.distance(Self.folded(word), Self.folded($0)))
    }
    guard let best = scored.min(by: { ($0.distance, $0.word) < ($1.distance, $1.word) }) else {
      return nil
    }
    return best.distance <= max(1, min(word.count, best.word.count) / 3) ? best.word : nil
  }

  /// Lower case without separators.
  private static func folded(_ word: String) -> String {
    word.lowercased().filter { $0 != "_" && $0 != "-" && $0 != " " }
  }

  /// Insertions, deletions, replacements and swaps of neighbours between two words.
  static func distance(_ first: String, _ second: String) -> Int {
    let (a, b) = (Array(first.unicodeScalars), Array(second.unicodeScalars))
    var beforeLast: [Int] = []
    var last = Array(0...b.count)
    for i in a.indices {
      var row = [i + 1]
      for j in b.indices {
        var best = min(last[j] + (a[i] == b[j] ? 0 : 1), last[j + 1] + 1, row[j] + 1)
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
          best = min(best, beforeLast[j - 1] + 1)
        }
        row.append(best)
      }
      (beforeLast, last) = (last, row)
    }
    return last[b.count]
  }

  /// How other systems call our keys (TensorFlow Federated, Flower, Opacus, pfl-research, FedML,
  /// the released R-DPCFL code and others), folded; the first key whose name is allowed here is
  /// offered.
  private static let aliases: [String: [String]] = {
    let names: [(String, [String])] = [
      (
        "privacy.target_epsilon",
        ["epsilon", "eps", "target_eps", "noise", "sigma"]
      ),
      ("privacy.target_epsilon", ["noise_parameter", "noise_scale", "budget", "privacy_budget"]),
      ("privacy.target_delta", ["delta"]),
      (
        "privacy.max_grad_norm", ["clip", "clipping_norm", "clip_norm", "l2_norm_clip", "clipping"]
      ),
      ("privacy.max_grad_norm", ["max_per_sample_grad_norm", "local_max_grad_norm", "clip_bound"]),
      ("privacy.max_grad_norm", ["max_norm", "clipping_bound", "clipping_threshold", "c"]),
      ("privacy.unit", ["privacy_unit"]),
      ("privacy.relation", ["adjacency", "neighboring_relation"]),
      ("privacy.accountant", ["accounting_mode", "accounting"]),
      ("cohort_size", ["clients_per_round", "num_sampled_clients", "client_num_per_round"]),
      ("cohort_size", ["sample_client_num", "num_clients_per_iteration", "fraction_train"]),
      (
        "rounds",
        ["num_rounds", "num_server_rounds", "comm_round", "total_round_num", "global_rounds"]
      ),
      ("rounds", ["central_num_iterations", "max_iteration", "communication_rounds", "E"]),
      ("seed", ["random_seed", "random_state", "manual_seed"]),
      ("local.learning_rate", ["lr", "local_lr", "local_learning_rate", "step_size", "eta"]),
      ("model.pretraining.learning_rate", ["lr"]),
      (
        "local.epochs", ["local_epochs", "num_epochs", "num_local_epochs", "local_num_epochs", "K"]
      ),
      ("model.pretraining.epochs", ["num_epochs"]),
      ("local.steps", ["local_steps", "local_num_steps", "local_update_steps", "iterations"]),
      (
        "local.batch_size",
        ["batch", "bs", "local_batch_size", "b", "lot_size", "expected_batch_size"]
      ),
      (
        "local.max_physical_batch_size",
        ["micro_batch_size", "physical_batch_size", "num_microbatches"]
      ),
      ("adapter.lora_alpha", ["alpha", "lora_scaling", "scaling"]),
      ("adapter.r", ["rank", "lora_r", "lora_rank", "peft_lora_r"]),
      ("adapter.target_modules", ["modules", "layers", "target_layers", "lora_target_modules"]),
      ("adapter", ["lora", "peft"]), ("adapter.use_rslora", ["rslora"]),
      ("adapter.freeze_a", ["frozen_a", "ffa", "ffa_lora"]),
      ("adapter.aggregation", ["aggregator", "aggregation_rule", "averaging", "rule"]),
      ("adapter.layer_ranks", ["rank_pattern", "ranks"]),
      ("population.label_skew", ["partition", "dirichlet", "dirichlet_alpha", "partition_alpha"]),
      ("population.label_skew", ["niid", "partition_by", "alpha", "heterogeneity"]),
      ("population.quantity_skew", ["unbalanced", "size_skew"]),
      (
        "population.clusters",
        ["num_clients", "total_clients", "num_supernodes", "population_size"]
      ),
      ("population.clusters.clients", ["num_clients", "client_num_in_total", "n", "size"]),
      ("population.clusters.examples_per_client", ["samples_per_client", "examples", "samples"]),
      ("population.clusters.examples_per_client", ["num_samples", "data_size"]),
      ("population.clusters.minority", ["ratio_minority", "is_minority"]),
      ("population.clusters.shift", ["shifts", "covariate_shift", "concept_shift"]),
      ("population.clusters.shift.rotation", ["rotate", "angle", "degrees"]),
      ("population.clusters.shift.label_permutation", ["labelflip", "permutation", "label_shift"]),
      ("population.clusters.shift.feature_noise", ["noise", "noise_std"]),
      ("population.test_examples_per_client", ["test_samples", "test_size"]),
      ("data", ["dataset"]), ("data.name", ["dataset", "dataset_name"]),
      ("data.public_examples", ["public", "public_size", "public_samples", "public_share"]),
      ("data.label_column", ["label", "target", "label_key"]),
      ("data.delimiter", ["sep", "separator"]), ("data.missing", ["na_values", "null_values"]),
      ("data.feature_columns", ["features", "usecols", "inputs"]),
      ("data.drop_columns", ["drop", "exclude", "ignore_columns", "exclude_columns"]),
      ("model.hidden", ["hidden_sizes", "hidden_layers", "layers", "width"]),
      ("model.pretraining", ["pretrained", "pretrain"]),
      ("method", ["algorithm", "strategy", "aggregator", "trainer"]),
      ("method.num_clusters", ["true_num_clusters", "n_clusters", "k", "m", "n_components"]),
      ("method.candidate_clusters", ["candidate_ms", "candidates"]),
      ("method.selection_epsilon_ratio", ["selection_budget_ratio"]),
      ("method.selection_rounds_ratio", ["clustering_rounds_ratio"]),
      ("method.mixture_starts", ["n_init"]), ("method.lambda", ["lam", "mu", "proximal_mu"]),
      ("evaluation.every", ["eval_every", "evaluation_frequency", "test_interval", "frequency"]),
    ]
    var table: [String: [String]] = [:]
    for (target, spellings) in names {
      for spelling in spellings { table[folded(spelling), default: []].append(target) }
    }
    return table
  }()
}

extension Shape {
  /// Every key below this shape with the keys above it, `population.clusters.clients`.
  func keyPaths(below prefix: String = "") -> [String] {
    keys.flatMap { key in
      [prefix + key.name] + key.kind.shapes.flatMap { $0.keyPaths(below: prefix + key.name + ".") }
    }
  }
}

extension Kind {
  /// The objects a value of this kind can be or contain.
  var shapes: [Shape] {
    switch self {
    case .object(let shape): [shape]
    case .tagged(let tagged): tagged.branches.map { Shape(tagged.keys(of: $0)) }
    case .nullable(let inner), .list(let inner, _, _): inner.shapes
    case .either(let kinds): kinds.flatMap(\.shapes)
    default: []
    }
  }
}
