// The readers of pretrained models: weights, configuration and vocabulary.

import Foundation
import Tensors
import Text

extension FuzzTarget {
  /// Whatever the file, an encoder and a decoder are refused, or every one of their values is finite.
  static let model = FuzzTarget(
    name: "model", form: .safetensors, largest: 16_384,
    seeds: {
      try configurations.map { configuration in
        let layout = Self.layout(of: configuration)
        let tensors = layout.map {
          Safetensors.Tensor(
            name: $0.name, shape: $0.shape,
            values: .float32(Array(repeating: 0.5, count: $0.shape.reduce(1, *))))
        }
        return [UInt8](try Safetensors(tensors: tensors).data())
      }
    },
    run: { bytes in
      guard let file = try? SafetensorsFile(bytes: bytes) else { return }
      for configuration in configurations {
        guard
          let store = try? ParameterStore(configuration: configuration, file: file, name: "x")
        else { continue }
        precondition(store.values.count == store.layout.count)
        precondition(store.values.allSatisfy(\.isFinite))
      }
    })

  private static let configurations: [TransformerConfiguration] = [
    .bert(
      BERTConfiguration(
        vocabularySize: 3, width: 2, blocks: 1, heads: 1, innerWidth: 2, positions: 2)),
    .gpt2(GPT2Configuration(vocabularySize: 3, width: 2, blocks: 1, heads: 2, positions: 2)),
  ]

  private static func layout(
    of configuration: TransformerConfiguration
  ) -> [ParameterLayout.Entry] {
    switch configuration {
    case .bert(let bert): bert.layout()?.entries ?? []
    case .gpt2(let gpt2): gpt2.layout()?.entries ?? []
    }
  }

  /// A configuration that is read claims no more than may be read, and heads that share the width.
  static let config = FuzzTarget(
    name: "config", form: .json, largest: 4096,
    seeds: {
      [
        """
        {"model_type": "bert", "vocab_size": 30522, "hidden_size": 384, "num_hidden_layers": 6,
         "num_attention_heads": 12, "intermediate_size": 1536, "hidden_act": "gelu", "type_vocab_size": 2,
         "max_position_embeddings": 512, "layer_norm_eps": 1e-12, "position_embedding_type": "absolute",
         "is_decoder": false}
        """,
        """
        {"model_type": "gpt2", "vocab_size": 50257, "n_embd": 768, "n_layer": 12, "n_head": 12, "n_inner": null,
         "n_positions": 1024, "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5,
         "tie_word_embeddings": true, "scale_attn_weights": true}
        """,
      ].map { Array($0.utf8) }
    },
    run: { bytes in
      switch try? TransformerConfiguration(json: Data(bytes)) {
      case .bert(let bert)?:
        precondition(bert.width % bert.heads == 0 && bert.layout() != nil)
      case .gpt2(let gpt2)?:
        precondition(gpt2.width % gpt2.heads == 0 && gpt2.layout() != nil)
      case nil: break
      }
    })

  /// A vocabulary, joinings and a text, with a byte 0x1E between them; what can be read encodes every text within
  /// its own numbers.
  static let vocabulary = FuzzTarget(
    name: "vocabulary", form: .bytes, largest: 8192,
    seeds: {
      [
        "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\n##s\na\n\u{1E}\u{1E}The [SEP] as, \u{E9}\u{301}\u{6F22} a\u{200B}s",
        "\(byteVocabulary)\u{1E}#version: 0.2\na b\nab ab\n\u{1E}"
          + "abab <|endoftext|> don't  \n a1\u{E9}",
      ].map { Array($0.utf8) }
    },
    run: { bytes in
      let parts = bytes.split(separator: 0x1E, maxSplits: 2, omittingEmptySubsequences: false)
        .map { Array($0) }
      guard parts.count == 3 else { return }
      let text = String(decoding: parts[2], as: UTF8.self)
      var tokenizers: [Tokenizer] = []
      for (lowercases, special) in [(true, true), (false, false)] {
        if let words = try? WordPiece(
          vocabulary: parts[0], name: "x", lowercases: lowercases, specialInText: special)
        {
          tokenizers.append(.wordPiece(words))
        }
      }
      if let pairs = try? BytePairEncoding(vocabulary: parts[0], merges: parts[1], name: "x") {
        tokenizers.append(.bytePair(pairs))
      }
      for tokenizer in tokenizers {
        let whole = tokenizer.encode(text, maximum: 1 << 20)
        let cut = tokenizer.encode(text, maximum: 3)
        precondition(whole.ids.count == whole.tokensBeforeCut)
        precondition(whole.tokensBeforeCut == cut.tokensBeforeCut && cut.ids.count <= 3)
        precondition(whole.ids.allSatisfy { $0 >= 0 && $0 < tokenizer.vocabularySize })
      }
    })

  private static let byteVocabulary: String = {
    var members: [String] = []
    var unprintable: UInt32 = 0x100
    for byte in UInt8.min...UInt8.max {
      let isPrintable =
        (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || (0xAE...0xFF).contains(byte)
      let symbol =
        Unicode.Scalar(isPrintable ? UInt32(byte) : unprintable).map { String($0) } ?? "?"
      if !isPrintable { unprintable += 1 }
      let escaped = symbol == "\\" || symbol == "\"" ? "\\" + symbol : symbol
      members.append("\"\(escaped)\":\(byte)")
    }
    members += ["\"ab\":256", "\"abab\":257", "\"<|endoftext|>\":258"]
    return "{\(members.joined(separator: ","))}"
  }()
}
