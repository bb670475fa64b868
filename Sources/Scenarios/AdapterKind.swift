// The kinds of adapters beside LoRA and RGP, as a scenario names them. What each adds to a layer, and what of it
// enters the clip and the noise, stands with the kind in Learning/Adapters; docs/adapters.md has them all.

extension Scenario.Adapter {
  /// Which kind, with the settings that others do not have.
  public enum Kind: Sendable, Hashable {
    case lora
    case rgp
    /// Scales of outputs; of inputs for those target modules that `feedforward_modules` names too.
    case ia3(feedforwardModules: [String])
    case bitFit
    case layerNorm
    /// Nothing beside the layers of `modules_to_save`: a linear classifier on frozen features.
    case linearProbe
    /// Values on a mask of r·(rows + columns) places: drawn from the scenario's seed, or where the base model's gradient
    /// on the public examples is largest.
    case sparse(isPublic: Bool)
    /// Gates with the published penalty on their openness: its weight, and the share of gates to keep open.
    case fineGates(penalty: Double, keep: Double)
    case veRA
    case convLoRA
    /// `heads` that divide every layer's outputs; all five factors trained, or B alone.
    case loRTA(heads: Int, trainsAll: Bool)
    /// A small network of so many inner units behind each layer.
    case bottleneck(width: Int)
    /// The same with matrices of `factors` Kronecker products, whose rules are frozen unless said otherwise.
    case compacter(width: Int, factors: Int, trainsRule: Bool)
    /// LoRA whose factors a network of so many hidden units emits.
    case opLoRA(hidden: Int)
    /// So many trained rows in front of every text.
    case prompt(rows: Int)
    /// So many trained words behind a text's first tokens; counted in the loss where predicted.
    case planningTokens(count: Int, after: Int, predict: Bool)

    /// As the key `type` has it.
    public var name: String {
      switch self {
      case .lora: "lora"
      case .rgp: "rgp"
      case .ia3: "ia3"
      case .bitFit: "bitfit"
      case .layerNorm: "layer_norm"
      case .linearProbe: "linear_probe"
      case .sparse: "sparse"
      case .fineGates: "finegates"
      case .veRA: "vera"
      case .convLoRA: "conv-lora"
      case .loRTA: "lorta"
      case .bottleneck: "bottleneck"
      case .compacter: "compacter"
      case .opLoRA: "op-lora"
      case .prompt: "prompt"
      case .planningTokens: "planning-tokens"
      }
    }

    /// Whether the model depends linearly on what is trained, so that the mean of clients' numbers is the mean of
    /// their weights.
    public var isLinear: Bool {
      switch self {
      case .ia3, .bitFit, .layerNorm, .linearProbe, .sparse, .loRTA(_, trainsAll: false), .prompt,
        .planningTokens:
        true
      case .lora, .rgp, .fineGates, .veRA, .convLoRA, .loRTA(_, trainsAll: true), .bottleneck,
        .compacter, .opLoRA:
        false
      }
    }

    /// Whether tensors are shared by several layers, so that groups of layers cannot bound them.
    var sharesTensors: Bool {
      switch self {
      case .loRTA, .compacter(_, _, trainsRule: true): true
      default: false
      }
    }

    /// Whether its tensors are LoRA's A and B.
    public var hasFactors: Bool {
      switch self {
      case .lora, .rgp, .opLoRA: true
      default: false
      }
    }

    /// Whether the trained tensors are in layers that no target module names: the model's own, or rows of its embedding.
    var trainsModelTensors: Bool {
      self == .bitFit || self == .layerNorm || self == .linearProbe || softRows != nil
    }

    /// Rows that every text gets; nil for kinds that change weights.
    package var softRows: Int? {
      switch self {
      case .prompt(let rows): rows
      case .planningTokens(let count, _, _): count
      default: nil
      }
    }
  }
}

// MARK: - Format

extension Scenario.Adapter.Kind {
  private static let rank: Key = .required(
    "r", .integer(1...1024), "Rank.")
  private static let targets: Key = .required(
    "target_modules", .list(of: .identifier, count: 1...256, distinct: true),
    "Layers to adapt, by their names or the last parts of them.")
  private static let saved: Key = .absent(
    "modules_to_save", .list(of: .identifier, count: 1...16, distinct: true),
    "Layers that are trained whole beside the adapter, such as a fresh classifier.")

  static let branches: [TaggedShape.Branch] = [
    .init(
      "ia3", "Learned scales of a layer's outputs, or of its inputs.",
      [
        targets, saved,
        .absent(
          "feedforward_modules", .list(of: .identifier, count: 1...256, distinct: true),
          "Those of the target modules whose inputs are scaled instead."),
      ]),
    .init("bitfit", "The model's biases alone are trained.", [saved]),
    .init("layer_norm", "Scales and shifts of normalisations alone are trained.", [saved]),
    .init(
      "linear_probe",
      "Nothing of the base is adapted: a classifier on its frozen features is trained.",
      [
        .required(
          "modules_to_save", .list(of: .identifier, count: 1...16, distinct: true),
          "The layers that are trained whole, such as fc.")
      ]),
    .init(
      "sparse", "W + S with S zero but at r (rows + columns) places.",
      [
        rank, targets, saved,
        .implied(
          "mask", "random", .choice(["random", "public"]),
          "The places: random, or where the base model's gradient on the public examples is largest."
        ),
      ]),
    .init(
      "finegates", "Gates on the rows and columns of frozen weights.",
      [
        targets, saved,
        .defaults(
          "penalty", 0, .number(.from(0, to: 1000)),
          "Weight of the penalty that closes gates; it depends on no example and is added after the noise."
        ),
        .defaults(
          "keep", 0.7, .number(.from(0, to: 1)), "Share of gates that the penalty wants open."),
      ]),
    .init(
      "vera", "Scales beside random matrices of rank r that all layers share.",
      [rank, targets, saved]),
    .init(
      "conv-lora", "Low-rank adaptation of whole kernels: W + scale reshape(B A).",
      [
        rank,
        .required(
          "lora_alpha", .number(.above(0, to: 10_000)), "Numerator of the scale lora_alpha / r."),
        targets, saved,
      ]),
    .init(
      "lorta", "One low-rank tensor for the updates of all target modules, layers of one shape.",
      [
        rank,
        .required(
          "lora_alpha", .number(.above(0, to: 10_000)), "Numerator of the scale lora_alpha / r."),
        targets, saved,
        .defaults("heads", 1, .integer(1...256), "Heads of a layer, a divisor of its outputs."),
        .defaults(
          "trained", "b", .choice(["b", "all"]),
          "B alone, or all five factors, whose noise multiplies up to the fifth order."),
      ]),
    .init(
      "bottleneck", "A small network with a residual path behind a layer.",
      [
        .required("width", .integer(1...4096), "Inner units."), targets, saved,
      ]),
    .init(
      "compacter", "A bottleneck whose matrices are sums of Kronecker products.",
      [
        .required("width", .integer(1...4096), "Inner units, a multiple of factors."),
        .defaults("factors", 4, .integer(1...64), "Products in each sum, a divisor of all widths."),
        .defaults(
          "phm_rule", "frozen", .choice(["frozen", "trained"]),
          "Whether the rules that all layers share are trained; their gradients dominate the clip."),
        targets, saved,
      ]),
    .init(
      "op-lora",
      "LoRA whose factors a small network emits; clip and noise concern the factors alone.",
      [
        rank,
        .required(
          "lora_alpha", .number(.above(0, to: 10_000)), "Numerator of the scale lora_alpha / r."),
        targets, saved,
        .defaults("hidden", 16, .integer(1...1024), "Hidden units of each layer's network."),
      ]),
    .init(
      "prompt", "A soft prompt: trained rows in front of every text of a frozen model.",
      [
        .defaults(
          "num_virtual_tokens", 20, .integer(1...1024), "Rows; they take positions of the model."),
        saved,
      ]),
    .init(
      "planning-tokens", "Trained words that a frozen decoder reads in every text.",
      [
        .defaults("count", 2, .integer(1...1024), "Words; they take positions of the model."),
        .defaults(
          "after", 1, .integer(0...1024), "The text's own tokens in front of them."),
        .defaults(
          "predict", false, .boolean,
          "Whether the words count in the loss, or the text's own tokens alone."),
        saved,
      ]),
  ]

  init(_ fields: Fields) throws(ScenarioError) {
    self =
      switch try fields.string("type") {
      case "rgp": .rgp
      case "ia3":
        .ia3(
          feedforwardModules: fields.optional("feedforward_modules") == nil
            ? [] : try fields.strings("feedforward_modules"))
      case "bitfit": .bitFit
      case "layer_norm": .layerNorm
      case "linear_probe": .linearProbe
      case "sparse":
        .sparse(
          isPublic: fields.optional("mask") == nil
            ? false : try fields.string("mask") == "public")
      case "finegates":
        .fineGates(penalty: try fields.number("penalty"), keep: try fields.number("keep"))
      case "vera": .veRA
      case "conv-lora": .convLoRA
      case "lorta":
        .loRTA(
          heads: try fields.integer("heads"), trainsAll: try fields.string("trained") == "all")
      case "bottleneck": .bottleneck(width: try fields.integer("width"))
      case "compacter":
        .compacter(
          width: try fields.integer("width"), factors: try fields.integer("factors"),
          trainsRule: try fields.string("phm_rule") == "trained")
      case "op-lora": .opLoRA(hidden: try fields.integer("hidden"))
      case "prompt": .prompt(rows: try fields.integer("num_virtual_tokens"))
      case "planning-tokens":
        .planningTokens(
          count: try fields.integer("count"), after: try fields.integer("after"),
          predict: try fields.boolean("predict"))
      default: .lora
      }
  }
}

// MARK: - Checks

extension Scenario {
  /// The settings of kinds beside LoRA.
  func checkAdapterKind(_ problems: inout ProblemList) {
    guard let adapter else { return }
    let place = JSONPath() + "adapter"
    if case .ia3(let inputs) = adapter.kind,
      let name = inputs.first(where: { !adapter.targetModules.contains($0) })
    {
      problems.add(
        place + "feedforward_modules", "\(name) is not in target_modules; add it there")
    }
    if case .opLoRA = adapter.kind, method.traits.pullsModels {
      problems.add(
        JSONPath() + "method" + "name",
        "mr-mtl pulls A and B to a centre, which op-lora's networks emit anew in every step; use another "
          + "method")
    }
    if case .sparse(isPublic: true) = adapter.kind, !data.hasPublicExamples {
      problems.add(
        place + "mask",
        "\"public\" needs public examples; set data.public_examples above 0, or this to \"random\"")
    }
    if adapter.kind.softRows != nil {
      let name = adapter.kind.name
      if model.maximumTokens == nil {
        problems.add(
          place + "type",
          "\"\(name)\" trains rows among the tokens of texts, and a \(model.name) takes none; use another kind, "
            + "or \"bert\" or \"gpt\" on texts")
      } else if case .planningTokens = adapter.kind, !model.isDecoder {
        problems.add(
          place + "type",
          "\"planning-tokens\" are words of a decoder, and a \(model.name) predicts labels; use \"prompt\""
        )
      }
    }
    if adapter.kind.sharesTensors, privacy.clipping.groups != nil {
      problems.add(
        JSONPath() + "privacy" + "clipping",
        "thresholds by layer cannot bound what all layers of \(adapter.kind.name) share; use \"flat\""
      )
    }
  }
}
