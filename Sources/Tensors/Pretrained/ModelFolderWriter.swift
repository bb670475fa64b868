// Writes the folder of a transformer as Hugging Face's save_pretrained does.

public import JSON

extension TransformerConfiguration {
  /// `config.json` as a value: what transformers needs to compute the model as it is computed here.
  public var document: JSONValue {
    switch self {
    case .bert(let bert):
      [
        "model_type": "bert", "architectures": ["BertModel"],
        "vocab_size": .integer(bert.vocabularySize), "hidden_size": .integer(bert.width),
        "num_hidden_layers": .integer(bert.blocks), "num_attention_heads": .integer(bert.heads),
        "intermediate_size": .integer(bert.innerWidth), "hidden_act": "gelu",
        "max_position_embeddings": .integer(bert.positions),
        "type_vocab_size": .integer(bert.tokenTypes),
        "layer_norm_eps": .number(bert.layerNormEpsilon), "position_embedding_type": "absolute",
        "hidden_dropout_prob": 0, "attention_probs_dropout_prob": 0,
      ]
    case .gpt2(let gpt2):
      [
        "model_type": "gpt2", "architectures": ["GPT2LMHeadModel"],
        "vocab_size": .integer(gpt2.vocabularySize), "n_embd": .integer(gpt2.width),
        "n_layer": .integer(gpt2.blocks), "n_head": .integer(gpt2.heads),
        "n_inner": .integer(gpt2.innerWidth), "n_positions": .integer(gpt2.positions),
        "activation_function": "gelu_new", "layer_norm_epsilon": .number(gpt2.layerNormEpsilon),
        "tie_word_embeddings": true, "resid_pdrop": 0, "embd_pdrop": 0, "attn_pdrop": 0,
      ]
    }
  }
}

extension Safetensors {
  /// A model's parameters under the names that transformers gives them.
  public init(
    _ parameters: ParameterStore, of configuration: TransformerConfiguration
  ) throws(SafetensorsError) {
    let prefix =
      switch configuration {
      case .bert: ""
      case .gpt2: "transformer."
      }
    try self.init(
      tensors: parameters.layout.entries.map { entry in
        Tensor(
          name: prefix + entry.name, shape: entry.shape,
          values: .float32(Array(parameters.values[entry.range])))
      }, metadata: ["format": "pt"])
  }
}
