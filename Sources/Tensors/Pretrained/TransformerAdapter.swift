// LoRA factors on linear layers of a pretrained transformer, as a folder that PEFT (huggingface/peft) reads and writes.
//
// Layout as written by peft 0.21: `adapter_config.json`, and `adapter_model.safetensors` with lora_A (r x inputs) and
// lora_B (outputs x r) under `base_model.model.` and the path of the layer in the model.

public import JSON

/// Low-rank changes of linear layers: W + s B A with s = alpha / r, or alpha / √r under rsLoRA.
public struct TransformerAdapter: Sendable, Hashable {
  /// The factors of one linear layer.
  public struct Factors: Sendable, Hashable {
    /// The layer by the name of its weight without `.weight`: `encoder.layer.5.attention.self.query`,
    /// `h.0.attn.c_attn`.
    public let layer: String
    public let rank: Int
    /// rank x inputs.
    public let a: [Float]
    /// outputs x rank.
    public let b: [Float]

    public init(layer: String, rank: Int, a: [Float], b: [Float]) {
      self.layer = layer
      self.rank = rank
      self.a = a
      self.b = b
    }
  }

  public let configuration: TransformerConfiguration
  public let loraAlpha: Double
  public let usesRSLoRA: Bool
  /// In increasing order of their layers.
  public let factors: [Factors]

  /// - Throws: `ModelFolderError` for layers that the model does not have or that are no linear ones, and for
  ///   factors that do not fit them.
  public init(
    configuration: TransformerConfiguration, loraAlpha: Double, usesRSLoRA: Bool = false,
    factors: [Factors]
  ) throws(ModelFolderError) {
    self.configuration = configuration
    self.loraAlpha = loraAlpha
    self.usesRSLoRA = usesRSLoRA
    self.factors = factors.sorted { $0.layer < $1.layer }
    guard !factors.isEmpty, Set(factors.map(\.layer)).count == factors.count else {
      throw ModelFolderError(
        .malformed, at: "adapter", "has no layer, or one twice; give each layer once")
    }
    guard let layout = configuration.layout else {
      throw ModelFolderError(
        .malformed, at: "adapter", "is for a model that is too large to be read")
    }
    for factor in factors {
      guard let weight = layout[factor.layer + ".weight"], weight.shape.count == 2,
        !factor.layer.contains("embeddings"), !factor.layer.hasPrefix("w")
      else {
        throw ModelFolderError(
          .malformed, at: factor.layer,
          "is no linear layer of the model; name one that config.json has")
      }
      let (outputs, inputs) = configuration.sides(of: weight)
      guard (1...min(outputs, inputs)).contains(factor.rank),
        factor.a.count == factor.rank * inputs,
        factor.b.count == factor.rank * outputs
      else {
        throw ModelFolderError(
          .malformed, at: factor.layer,
          "has factors of rank \(factor.rank) that do not fit \(outputs) outputs and \(inputs) inputs; "
            + "give A as rank x inputs and B as outputs x rank")
      }
    }
  }

  /// The factor in front of B A.
  public func scale(rank: Int) -> Double {
    loraAlpha / (usesRSLoRA ? Double(rank).squareRoot() : Double(rank))
  }

  /// The parameters of the model with the changes added to its weights.
  ///
  /// - Precondition: the parameters are of a model of this configuration.
  public func merged(into base: ParameterStore) -> ParameterStore {
    var values = base.values
    for factor in factors {
      guard let weight = base.layout[factor.layer + ".weight"] else {
        preconditionFailure("an adapter is merged into its own model")
      }
      let (outputs, inputs) = configuration.sides(of: weight)
      let scale = scale(rank: factor.rank)
      for output in 0..<outputs {
        for input in 0..<inputs {
          var sum = 0.0
          for place in 0..<factor.rank {
            sum +=
              Double(factor.b[output * factor.rank + place])
              * Double(factor.a[place * inputs + input])
          }
          let place =
            configuration.storesInputsFirst ? input * outputs + output : output * inputs + input
          values[weight.offset + place] += Float(scale * sum)
        }
      }
    }
    return ParameterStore(layout: base.layout, values: values)
  }
}

extension TransformerConfiguration {
  /// The parameters in their order, an encoder's without its pooler.
  var layout: ParameterLayout? {
    switch self {
    case .bert(let bert): bert.layout()
    case .gpt2(let gpt2): gpt2.layout()
    }
  }

  /// GPT-2 stores linear weights as inputs x outputs.
  package var storesInputsFirst: Bool {
    switch self {
    case .bert: false
    case .gpt2: true
    }
  }

  func sides(of weight: ParameterLayout.Entry) -> (outputs: Int, inputs: Int) {
    storesInputsFirst ? (weight.shape[1], weight.shape[0]) : (weight.shape[0], weight.shape[1])
  }

  /// What a layer's name begins with in the class that the adapter is for: `BertModel`, whose output is pooled and
  /// classified outside of it, or `GPT2LMHeadModel`.
  fileprivate var layerPrefix: String {
    switch self {
    case .bert: ""
    case .gpt2: "transformer."
    }
  }
}

// MARK: - Writing

extension TransformerAdapter {
  private static let prefix = "base_model.model."

  /// `adapter_config.json` as a value.
  ///
  /// - Parameter baseModel: where the base model lies, as `base_model_name_or_path` says it.
  public func document(baseModel: String) -> JSONValue {
    let rank = factors.map(\.rank).max() ?? 1
    var ranks: [String: JSONValue] = [:]
    for factor in factors where factor.rank != rank {
      ranks[configuration.layerPrefix + factor.layer] = .integer(factor.rank)
    }
    let taskType: JSONValue =
      switch configuration {
      case .bert: "FEATURE_EXTRACTION"
      case .gpt2: "CAUSAL_LM"
      }
    return [
      "peft_type": "LORA", "task_type": taskType, "base_model_name_or_path": .string(baseModel),
      "r": .integer(rank), "lora_alpha": .number(loraAlpha), "use_rslora": .bool(usesRSLoRA),
      "rank_pattern": .object(ranks), "alpha_pattern": [:], "lora_dropout": 0.0, "bias": "none",
      "target_modules": .array(factors.map { .string(configuration.layerPrefix + $0.layer) }),
      "modules_to_save": .null, "fan_in_fan_out": .bool(configuration.storesInputsFirst),
      "inference_mode": true, "use_dora": false, "init_lora_weights": true,
    ]
  }

  /// `adapter_model.safetensors`.
  ///
  /// - Parameter metadata: strings beside `format`, such as the ε under which the factors were trained.
  /// - Throws: `SafetensorsError` for metadata beyond what a header holds.
  public func tensors(metadata: [String: String] = [:]) throws(SafetensorsError) -> Safetensors {
    let tensors = factors.flatMap { factor in
      let name = Self.prefix + configuration.layerPrefix + factor.layer
      return [
        Safetensors.Tensor(
          name: name + ".lora_A.weight", shape: [factor.rank, factor.a.count / factor.rank],
          values: .float32(factor.a)),
        Safetensors.Tensor(
          name: name + ".lora_B.weight", shape: [factor.b.count / factor.rank, factor.rank],
          values: .float32(factor.b)),
      ]
    }
    return try Safetensors(tensors: tensors, metadata: metadata.merging(["format": "pt"]) { $1 })
  }
}

// MARK: - Reading

extension TransformerAdapter {
  /// Reads an adapter's two files, as PEFT or this program wrote them.
  ///
  /// - Parameters:
  ///   - document: `adapter_config.json`.
  ///   - tensors: `adapter_model.safetensors`.
  ///   - configuration: of the base model.
  /// - Throws: `ModelFolderError` that names the key or the tensor.
  public init(
    document: JSONValue, tensors: Safetensors, configuration: TransformerConfiguration
  ) throws(ModelFolderError) {
    let place = "adapter_config.json"
    func refuse(_ key: String, _ wanted: String) -> ModelFolderError {
      ModelFolderError(
        .unsupported, at: place,
        "\(key): is \(document[key]?.text ?? "missing"), which is not read; use an adapter with \(wanted)"
      )
    }
    guard document["peft_type"] == "LORA" else { throw refuse("peft_type", "\"LORA\"") }
    for (key, wanted) in [("bias", "none"), ("modules_to_save", nil), ("use_dora", nil)]
      as [(String, String?)]
    {
      let value = document[key] ?? .null
      let isUsual = wanted.map { value == .string($0) } ?? (value == .null || value == .bool(false))
      guard isUsual || value == .null || value == [] else { throw refuse(key, wanted ?? "none") }
    }
    guard case .object(let alphas) = document["alpha_pattern"] ?? [:], alphas.isEmpty else {
      throw refuse("alpha_pattern", "none")
    }
    guard (document["fan_in_fan_out"] ?? false) == .bool(configuration.storesInputsFirst) else {
      throw refuse("fan_in_fan_out", "\(configuration.storesInputsFirst)")
    }
    let alpha: Double
    switch document["lora_alpha"] {
    case .integer(let value)?: alpha = Double(value)
    case .number(let value)?: alpha = value
    default: throw refuse("lora_alpha", "a number")
    }
    try self.init(
      configuration: configuration, loraAlpha: alpha,
      usesRSLoRA: document["use_rslora"] == .bool(true),
      factors: try Self.factors(tensors, configuration))
  }

  private static func factors(
    _ tensors: Safetensors, _ configuration: TransformerConfiguration
  ) throws(ModelFolderError) -> [Factors] {
    let start = prefix + configuration.layerPrefix
    var halves: [String: [Character: Safetensors.Tensor]] = [:]
    for tensor in tensors.tensors {
      let half: Character? =
        tensor.name.hasSuffix(".lora_A.weight")
        ? "A" : tensor.name.hasSuffix(".lora_B.weight") ? "B" : nil
      guard let half, tensor.name.hasPrefix(start), tensor.shape.count == 2 else {
        throw ModelFolderError(
          .malformed, at: "adapter_model.safetensors",
          "\(tensor.name.debugDescription) is no factor of a layer; use an adapter of \(start)...")
      }
      let layer = tensor.name.dropFirst(start.count).dropLast(".lora_A.weight".count)
      halves[String(layer), default: [:]][half] = tensor
    }
    var factors: [Factors] = []
    for (layer, pair) in halves {
      guard let a = pair["A"], let b = pair["B"], case .float32(let aValues) = a.values,
        case .float32(let bValues) = b.values, aValues.allSatisfy(\.isFinite),
        bValues.allSatisfy(\.isFinite), a.shape[0] == b.shape[1]
      else {
        throw ModelFolderError(
          .malformed, at: "adapter_model.safetensors",
          "the factors of \(layer) are not a pair of finite matrices of one rank; save the adapter again"
        )
      }
      factors.append(Factors(layer: layer, rank: a.shape[0], a: aValues, b: bValues))
    }
    return factors
  }
}
