// What is trained on top of a frozen base.

extension Scenario {
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
}

// MARK: - Format

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
