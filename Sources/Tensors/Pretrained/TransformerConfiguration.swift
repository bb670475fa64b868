// A transformer as the `config.json` of a Hugging Face folder describes it.

/// The encoder of BERT (Devlin et al., 2019): post-norm, learned positions, exact GELU.
public struct BERTConfiguration: Sendable, Hashable, Codable {
  /// Words, V. JSON key `vocab_size`.
  public let vocabularySize: Int
  /// Width d. JSON key `hidden_size`; a multiple of `heads`.
  public let width: Int
  /// Blocks L. JSON key `num_hidden_layers`.
  public let blocks: Int
  /// Heads H. JSON key `num_attention_heads`.
  public let heads: Int
  /// Inner width f of the feed-forward part. JSON key `intermediate_size`.
  public let innerWidth: Int
  /// The most tokens of an example. JSON key `max_position_embeddings`.
  public let positions: Int
  /// Token types; only the first is used. JSON key `type_vocab_size`.
  public let tokenTypes: Int
  /// ε inside the root of the layer norms. JSON key `layer_norm_eps`.
  public let layerNormEpsilon: Double

  public init(
    vocabularySize: Int, width: Int, blocks: Int, heads: Int, innerWidth: Int, positions: Int,
    tokenTypes: Int = 2, layerNormEpsilon: Double = 1e-12
  ) {
    self.vocabularySize = vocabularySize
    self.width = width
    self.blocks = blocks
    self.heads = heads
    self.innerWidth = innerWidth
    self.positions = positions
    self.tokenTypes = tokenTypes
    self.layerNormEpsilon = layerNormEpsilon
  }
}

/// The decoder GPT-2 (Radford et al., 2019): pre-norm, learned positions, GELU by tanh, output tied to the
/// word vectors.
public struct GPT2Configuration: Sendable, Hashable, Codable {
  /// Words, V. JSON key `vocab_size`.
  public let vocabularySize: Int
  /// Width d. JSON key `n_embd`; a multiple of `heads`.
  public let width: Int
  /// Blocks L. JSON key `n_layer`.
  public let blocks: Int
  /// Heads H. JSON key `n_head`.
  public let heads: Int
  /// Inner width of the feed-forward part. JSON key `n_inner`; null is 4 d.
  public let innerWidth: Int
  /// The most tokens of an example. JSON key `n_positions`.
  public let positions: Int
  /// ε inside the root of the layer norms. JSON key `layer_norm_epsilon`.
  public let layerNormEpsilon: Double

  public init(
    vocabularySize: Int, width: Int, blocks: Int, heads: Int, innerWidth: Int? = nil,
    positions: Int, layerNormEpsilon: Double = 1e-5
  ) {
    self.vocabularySize = vocabularySize
    self.width = width
    self.blocks = blocks
    self.heads = heads
    self.innerWidth = innerWidth ?? 4 * width
    self.positions = positions
    self.layerNormEpsilon = layerNormEpsilon
  }
}

/// Which of the two a folder holds.
public enum TransformerConfiguration: Sendable, Hashable {
  case bert(BERTConfiguration)
  case gpt2(GPT2Configuration)

  public var vocabularySize: Int {
    switch self {
    case .bert(let bert): bert.vocabularySize
    case .gpt2(let gpt2): gpt2.vocabularySize
    }
  }

  /// The most tokens of an example.
  public var positions: Int {
    switch self {
    case .bert(let bert): bert.positions
    case .gpt2(let gpt2): gpt2.positions
    }
  }
}

// MARK: - Tensors

extension BERTConfiguration {
  /// The parameters in their order, under Hugging Face's names without the leading `bert.`; weights of
  /// linear layers are outputs x inputs.
  ///
  /// Nil for more values than are read (4 GB).
  public func layout(pooler: Bool = false) -> ParameterLayout? {
    var tensors: [(name: String, shape: [Int])] = [
      ("embeddings.word_embeddings.weight", [vocabularySize, width]),
      ("embeddings.position_embeddings.weight", [positions, width]),
      ("embeddings.token_type_embeddings.weight", [tokenTypes, width]),
    ]
    func append(linear name: String, _ outputs: Int, _ inputs: Int) {
      tensors.append((name + ".weight", [outputs, inputs]))
      tensors.append((name + ".bias", [outputs]))
    }
    func append(norm name: String) {
      tensors.append((name + ".weight", [width]))
      tensors.append((name + ".bias", [width]))
    }
    append(norm: "embeddings.LayerNorm")
    for block in 0..<blocks {
      let place = "encoder.layer.\(block)."
      for name in ["query", "key", "value"] {
        append(linear: place + "attention.self." + name, width, width)
      }
      append(linear: place + "attention.output.dense", width, width)
      append(norm: place + "attention.output.LayerNorm")
      append(linear: place + "intermediate.dense", innerWidth, width)
      append(linear: place + "output.dense", width, innerWidth)
      append(norm: place + "output.LayerNorm")
    }
    if pooler { append(linear: "pooler.dense", width, width) }
    return ParameterLayout(tensors)
  }
}

extension GPT2Configuration {
  /// The parameters in their order, under Hugging Face's names without the leading `transformer.`; weights
  /// of linear layers are inputs x outputs, `c_attn` with the columns of query, key and value side by side.
  ///
  /// Nil for more values than are read (4 GB).
  public func layout() -> ParameterLayout? {
    var tensors: [(name: String, shape: [Int])] = [
      ("wte.weight", [vocabularySize, width]), ("wpe.weight", [positions, width]),
    ]
    func append(linear name: String, _ inputs: Int, _ outputs: Int) {
      tensors.append((name + ".weight", [inputs, outputs]))
      tensors.append((name + ".bias", [outputs]))
    }
    func append(norm name: String) {
      tensors.append((name + ".weight", [width]))
      tensors.append((name + ".bias", [width]))
    }
    for block in 0..<blocks {
      let place = "h.\(block)."
      append(norm: place + "ln_1")
      append(linear: place + "attn.c_attn", width, 3 * width)
      append(linear: place + "attn.c_proj", width, width)
      append(norm: place + "ln_2")
      append(linear: place + "mlp.c_fc", width, innerWidth)
      append(linear: place + "mlp.c_proj", innerWidth, width)
    }
    append(norm: "ln_f")
    return ParameterLayout(tensors)
  }
}
