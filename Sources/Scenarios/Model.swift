// What a scenario trains: the model, its public pretraining, its adapter, and the local training.

extension Scenario {
  /// The network that every client trains. JSON key `model`; required.
  public struct Model: Sendable, Hashable {
    /// Which network. JSON key `name`; required.
    public let architecture: Architecture
    /// Training of the base on the public examples, without privacy; nil starts from random
    /// weights. JSON key `pretraining`; default null.
    public let pretraining: Pretraining?
    /// A file with the base model, of models of images and tables; nil trains one or starts from random weights. JSON
    /// key `path`; default null.
    public let weights: String?

    /// The known networks.
    public enum Architecture: Sendable, Hashable {
      /// The paper's two convolutions and a linear layer: conv1, conv2, fc. Images only.
      case cnn
      /// Linear layers with ReLU between them: fc1, fc2, ... JSON key `hidden`, the widths of the
      /// hidden layers: 1 to 8 of them, each 1 to 4096, default [64].
      case mlp(hidden: [Int])
      /// Multinomial logistic regression: fc.
      case logistic
      /// Residual blocks with group normalisation: conv1, block1, block2, ..., fc. Images only. JSON keys
      /// `width` (channels of the first block, a multiple of 4 from 4 to 256, default 16) and `blocks` (1 to 4,
      /// default 3).
      case resnet(width: Int, blocks: Int)
      /// A pretrained BERT encoder with a linear head `classifier` on one vector a text. Texts only.
      case bert(Encoder)
      /// A GPT-2 decoder that predicts the next token of a text; no labels. Texts only.
      case gpt(Decoder)
    }

    /// Public pretraining of the base model by SGD.
    public struct Pretraining: Sendable, Hashable {
      /// Passes over the public examples; 1 to 1000, required.
      public let epochs: Int
      /// Examples a step; 1 to 10^6 and at most the public examples; default 32.
      public let batchSize: Int
      /// Step size; above 0, at most 100; required.
      public let learningRate: Double
      /// Momentum; from 0, below 1 (at most 0.999); default 0.
      public let momentum: Double
    }
  }

  /// A LoRA adapter on a frozen base (Hu et al., arXiv:2106.09685), the carriers of RGP (Yu et al., ICML
  /// 2021), or another kind (docs/adapters.md); nil trains the whole model. JSON key `adapter`, an object whose
  /// `type` decides what other keys it has; default null.
  public struct Adapter: Sendable, Hashable {
    /// JSON key `type`, with the settings of kinds beside LoRA.
    public let kind: Kind
    /// Rank r; 1 up to the smaller side of every adapted matrix; required; 0 for kinds without one.
    public let r: Int
    /// α of the scale α/r; above 0, at most 10^4; required.
    public let loraAlpha: Double
    /// Names of the adapted layers, in full or their last parts; required.
    public let targetModules: [String]
    /// Layers that are trained whole beside the adapter, such as a fresh classifier. JSON key
    /// `modules_to_save`; default none.
    public let modulesToSave: [String]
    /// Whether A stays at its shared random value and only B is trained. JSON key `freeze_a`;
    /// default true; does not count where `aggregation` is given.
    public let freezeA: Bool
    /// Whether the scale is α/√r instead of α/r. JSON key `use_rslora`; default false.
    public let useRSLoRA: Bool
    /// How clients' adapters are averaged; left out, FFA-LoRA where A is frozen, else FedIT.
    public let aggregation: Aggregation
    /// Rank of each target module in turn, instead of r. JSON key `layer_ranks`; may be left out.
    public let layerRanks: [Int]?
    /// Ranks of the clients, client k taking the entry k modulo their number; each at most r. JSON
    /// key `client_ranks`; may be left out: everybody has r. For FlexLoRA and FLoRA.
    public let clientRanks: [Int]?

    /// The ways to average adapters; docs/lora-and-privacy.md compares them.
    public enum Aggregation: String, Sendable, Hashable, Codable, CaseIterable {
      case fedIT = "fedit"
      case ffaLoRA = "ffa-lora"
      case roLoRA = "rolora"
      case flexLoRA = "flexlora"
      case floRA = "flora"
      case fedSALoRA = "fedsa-lora"
      case fedExLoRA = "fedex-lora"
      case loRAFAIR = "lora-fair"
      case deer
      case fedSVD = "fedsvd"
      /// No rule for adapters: the weights that carriers move are averaged. Chosen by `type` "rgp".
      case rgp
      /// The plain mean of all trained numbers: of the kinds beside LoRA.
      case mean

      /// The rules that a LoRA adapter can name.
      static var ofLoRA: [Aggregation] { allCases.filter { $0 != .rgp && $0 != .mean } }

      /// Whether clients train the same parameters in every round and phase.
      public var trainsOneSet: Bool { self != .roLoRA && self != .deer && self != .fedSVD }

      /// Whether the mean of the models of several clients, parameter by parameter, is a model: none of them
      /// has its factors in a basis of its own, or part of its change outside of the factors.
      public var meansAreModels: Bool {
        switch self {
        case .ffaLoRA, .fedIT, .roLoRA, .loRAFAIR, .fedSALoRA, .rgp, .mean: true
        case .flexLoRA, .floRA, .fedExLoRA, .deer, .fedSVD: false
        }
      }

      /// Whether the server needs no more than one sum over clients a round: what secure aggregation and the
      /// protection of whole clients give.
      public var needsOneSumOnly: Bool {
        switch self {
        case .fedIT, .ffaLoRA, .roLoRA, .fedSVD, .rgp, .mean: true
        case .flexLoRA, .floRA, .fedSALoRA, .fedExLoRA, .loRAFAIR, .deer: false
        }
      }
    }

    /// Whether models are more than a vector of trained parameters that is averaged as it is.
    public var hasOwnExchange: Bool {
      aggregation != .ffaLoRA && aggregation != .fedIT && aggregation != .mean
    }
  }

  /// The training inside a client, one round long. JSON key `local`; required.
  public struct Local: Sendable, Hashable {
    /// How long: JSON keys `epochs` (1 to 1000) or `steps` (1 to 10^6), never both; default 1
    /// epoch.
    public let duration: Duration
    /// Expected examples a Poisson-sampled batch, the divisor of every step; 1 up to the smallest
    /// client's examples; required.
    public let batchSize: Int
    /// Step size; above 0, at most 100; required.
    public let learningRate: Double
    /// What becomes of a noisy gradient. JSON key `optimizer`; default plain SGD.
    public let optimizer: Optimizer
    /// How the step size changes in the course of the run. JSON key `learning_rate_schedule`;
    /// default: it stays.
    public let learningRateSchedule: LearningRateSchedule
    /// Examples that go through the network at once: bounds memory, changes no result.
    /// JSON key `max_physical_batch_size`; 1 to 65536, default 64.
    public let maxPhysicalBatchSize: Int

    /// The length of local training in a round.
    public enum Duration: Sendable, Hashable {
      /// Passes: round(examples / batch_size) steps each, as the Federation room counts them.
      case epochs(Int)
      case steps(Int)
    }
  }
}

// MARK: - Layers

extension Scenario.Model {
  /// The name as the scenario writes it.
  public var name: String {
    switch architecture {
    case .cnn: "cnn"
    case .mlp: "mlp"
    case .logistic: "logistic"
    case .resnet: "resnet"
    case .bert: "bert"
    case .gpt: "gpt"
    }
  }

  /// A layer that an adapter can target, as the matrix its weights form; a side is nil where only
  /// the data files can say it.
  public struct Layer: Sendable, Hashable {
    public let name: String
    public let outputs: Int?
    public let inputs: Int?
  }

  /// The layers with weights, from input to output; a convolution counts as its unfolded matrix. Nil for models
  /// whose layers only the built model tells.
  public func layers(for data: Scenario.DataSet) -> [Layer]? {
    switch architecture {
    case .cnn:
      let image = data.imageShape
      return [
        Layer(name: "conv1", outputs: 16, inputs: image.map { 25 * $0.channels }),
        Layer(name: "conv2", outputs: 32, inputs: 25 * 16),
        Layer(
          name: "fc", outputs: data.classes,
          inputs: image.map { 32 * ($0.height / 4) * ($0.width / 4) }),
      ]
    case .mlp(let hidden):
      let inputs: [Int?] = [data.features] + hidden
      let outputs: [Int?] = hidden + [data.classes]
      return zip(outputs, inputs).enumerated().map { index, sides in
        Layer(name: "fc\(index + 1)", outputs: sides.0, inputs: sides.1)
      }
    case .logistic:
      return [Layer(name: "fc", outputs: data.classes, inputs: data.features)]
    case .resnet, .bert, .gpt: return nil
    }
  }
}

// MARK: - Format

extension Scenario.Model {
  private static let pretraining: Key = .defaults(
    "pretraining", .null,
    .nullable(
      .object(
        Shape([
          .required("epochs", .integer(1...1000), "Passes over the public examples."),
          .defaults("batch_size", 32, .integer(1...1_000_000), "Examples a step."),
          .required("learning_rate", .number(.above(0, to: 100)), "Step size of SGD."),
          .defaults("momentum", 0, .number(.from(0, to: 0.999)), "Momentum of SGD."),
        ]))),
    "Training of the base on the public examples, without privacy; null = random weights.")

  private static let weights: Key = .implied(
    "path", .null, .nullable(.text(1...4096)),
    "A safetensors file with the base in PyTorch's layout, such as base/model.safetensors of `export --peft`; "
      + "it counts as public. null = pretraining, or random weights.")

  static let shape = TaggedShape(
    tag: "name", description: "Which network.",
    branches: [
      .init(
        "cnn", "Two 5x5 convolutions and a linear layer: conv1, conv2, fc.",
        [pretraining, weights]),
      .init(
        "mlp", "Linear layers with ReLU between: fc1, fc2, ...",
        [
          .defaults(
            "hidden", [64], .list(of: .integer(1...4096), count: 1...8, distinct: false),
            "Widths of the hidden layers."), pretraining, weights,
        ]),
      .init("logistic", "Multinomial logistic regression: fc.", [pretraining, weights]),
      .init(
        "resnet",
        "Residual blocks of 3x3 convolutions with group normalisation: conv1, block1, ..., fc.",
        [
          .defaults(
            "width", 16, .integer(4...256), "Channels of the first block, a multiple of 4."),
          .defaults("blocks", 3, .integer(1...4), "Blocks; all but the first halve the image."),
          pretraining, weights,
        ]),
      .init("bert", "A pretrained BERT encoder and a linear classifier on texts.", Encoder.keys),
      .init(
        "gpt", "A GPT-2 decoder that predicts next tokens, pretrained or from scratch.",
        Decoder.keys + [pretraining]),
    ])

  init(_ fields: Fields) throws(ScenarioError) {
    switch try fields.string("name") {
    case "cnn": architecture = .cnn
    case "mlp": architecture = .mlp(hidden: try fields.integers("hidden"))
    case "resnet":
      architecture = .resnet(
        width: try fields.integer("width"), blocks: try fields.integer("blocks"))
    case "bert": architecture = .bert(try Encoder(fields))
    case "gpt": architecture = .gpt(try Decoder(fields))
    default: architecture = .logistic
    }
    switch architecture {
    case .cnn, .mlp, .logistic, .resnet: weights = try fields.optionalString("path")
    case .bert, .gpt: weights = nil
    }
    guard let training = try fields.optionalFields("pretraining") else {
      pretraining = nil
      return
    }
    pretraining = Pretraining(
      epochs: try training.integer("epochs"), batchSize: try training.integer("batch_size"),
      learningRate: try training.number("learning_rate"), momentum: try training.number("momentum"))
  }
}

extension Scenario.Adapter {
  static let shape = TaggedShape(
    tag: "type", description: "Which kind of adapter.",
    branches: [
      .init(
        "lora", "Low-rank adaptation: W + scale B A.",
        [
          .required("r", .integer(1...1024), "Rank, at most the smaller side of each matrix."),
          .required(
            "lora_alpha", .number(.above(0, to: 10_000)),
            "Numerator of the scale lora_alpha / r."),
          .required(
            "target_modules", .list(of: .identifier, count: 1...256, distinct: true),
            "Layers to adapt, by their names or the last parts of them; cnn has conv1, conv2, fc; mlp has "
              + "fc1, fc2, ...; logistic has fc; bert has encoder.layer.0.attention.self.query, ...; gpt has "
              + "h.0.attn.c_attn, ..."),
          .absent(
            "modules_to_save", .list(of: .identifier, count: 1...16, distinct: true),
            "Layers that are trained whole beside the adapter, such as a fresh classifier."),
          .defaults(
            "freeze_a", true, .boolean,
            "Keep A at its shared random value and train only B; the default under privacy."),
          .defaults(
            "use_rslora", false, .boolean, "Scale by lora_alpha / sqrt(r) instead."),
          .absent(
            "aggregation",
            .choice(Scenario.Adapter.Aggregation.ofLoRA.map(\.rawValue)),
            "How adapters are averaged (docs/lora-and-privacy.md); freeze_a does not count then. "
              + "Without it: ffa-lora where A is frozen, else fedit."),
          .absent(
            "layer_ranks", .list(of: .integer(1...1024), count: 1...256, distinct: false),
            "The rank of each target module in turn, instead of r."),
          .absent(
            "client_ranks", .list(of: .integer(1...1024), count: 1...1000, distinct: false),
            "Ranks of the clients, each at most r; client k takes entry k modulo their number. For "
              + "flexlora and flora."),
        ]),
      .init(
        "rgp",
        "Reparametrised gradients: DP-SGD on thin carriers that are chosen anew in every step.",
        [
          .required("r", .integer(1...1024), "Rank, at most the smaller side of each matrix."),
          .required(
            "target_modules", .list(of: .identifier, count: 1...16, distinct: true),
            "Layers whose weights are trained; cnn has conv1, conv2, fc; mlp has fc1, fc2, ...; "
              + "logistic has fc."),
        ]),
    ] + Kind.branches)

  init(_ fields: Fields) throws(ScenarioError) {
    kind = try Kind(fields)
    r = fields.optional("r") == nil ? 0 : try fields.integer("r")
    guard kind == .rgp || kind == .lora else {
      loraAlpha =
        fields.optional("lora_alpha") == nil ? Double(r) : try fields.number("lora_alpha")
      targetModules =
        fields.optional("target_modules") == nil ? [] : try fields.strings("target_modules")
      modulesToSave =
        fields.optional("modules_to_save") == nil ? [] : try fields.strings("modules_to_save")
      useRSLoRA = false
      // The factors of op-lora are LoRA's, averaged one by one.
      aggregation = kind.hasFactors ? .fedIT : .mean
      freezeA = false
      layerRanks = nil
      clientRanks = nil
      return
    }
    guard kind == .lora else {
      // Carriers have no scale.
      loraAlpha = Double(r)
      targetModules = try fields.strings("target_modules")
      modulesToSave = []
      useRSLoRA = false
      aggregation = .rgp
      freezeA = false
      layerRanks = nil
      clientRanks = nil
      return
    }
    loraAlpha = try fields.number("lora_alpha")
    targetModules = try fields.strings("target_modules")
    modulesToSave =
      fields.optional("modules_to_save") == nil ? [] : try fields.strings("modules_to_save")
    useRSLoRA = try fields.boolean("use_rslora")
    if fields.optional("aggregation") != nil {
      aggregation = try fields.choice("aggregation")
    } else {
      aggregation = try fields.boolean("freeze_a") ? .ffaLoRA : .fedIT
    }
    freezeA = aggregation == .ffaLoRA
    layerRanks = fields.optional("layer_ranks") == nil ? nil : try fields.integers("layer_ranks")
    clientRanks = fields.optional("client_ranks") == nil ? nil : try fields.integers("client_ranks")
  }
}

extension Scenario.Local {
  static let shape = Shape(
    [
      .defaults(
        "epochs", .null, .nullable(.integer(1...1000)),
        "Passes over the client's examples in a round; not together with steps. With neither, 1."),
      .defaults(
        "steps", .null, .nullable(.integer(1...1_000_000)),
        "Steps in a round, instead of epochs."),
      .required(
        "batch_size", .integer(1...1_000_000),
        "Expected size of a Poisson-sampled batch, the divisor of every step."),
      .required("learning_rate", .number(.above(0, to: 100)), "Step size of local training."),
      Optimizer.key, LearningRateSchedule.key,
      .defaults(
        "max_physical_batch_size", 64, .integer(1...65_536),
        "Examples that go through the network at once; bounds memory, changes no result."),
    ], exclusive: ["epochs", "steps"])

  init(_ fields: Fields) throws(ScenarioError) {
    if let steps = try fields.optionalInteger("steps") {
      duration = .steps(steps)
    } else {
      duration = .epochs(try fields.integer("epochs"))
    }
    batchSize = try fields.integer("batch_size")
    learningRate = try fields.number("learning_rate")
    optimizer = try Optimizer(fields.optionalFields("optimizer"))
    learningRateSchedule = try LearningRateSchedule(
      fields.optionalFields("learning_rate_schedule"))
    maxPhysicalBatchSize = try fields.integer("max_physical_batch_size")
  }
}
