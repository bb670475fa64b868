// BERT and GPT-2 as lists of layers.

import Kernels

/// The sizes of a BERT encoder, as its `config.json` gives them.
public struct EncoderSizes: Sendable, Hashable {
  public var vocabulary: Int
  public var width: Int
  public var blocks: Int
  public var heads: Int
  public var inner: Int
  public var positions: Int
  public var types: Int
  public var epsilon: Float

  public init(
    vocabulary: Int, width: Int, blocks: Int, heads: Int, inner: Int, positions: Int,
    types: Int = 2, epsilon: Float = 1e-12
  ) {
    self.vocabulary = vocabulary
    self.width = width
    self.blocks = blocks
    self.heads = heads
    self.inner = inner
    self.positions = positions
    self.types = types
    self.epsilon = epsilon
  }

  /// all-MiniLM-L6-v2.
  public static let miniLM = EncoderSizes(
    vocabulary: 30_522, width: 384, blocks: 6, heads: 12, inner: 1536, positions: 512)
}

/// The sizes of a GPT-2 decoder.
public struct DecoderSizes: Sendable, Hashable {
  public var vocabulary: Int
  public var width: Int
  public var blocks: Int
  public var heads: Int
  public var inner: Int
  public var positions: Int
  public var epsilon: Float

  public init(
    vocabulary: Int, width: Int, blocks: Int, heads: Int, inner: Int, positions: Int,
    epsilon: Float = 1e-5
  ) {
    self.vocabulary = vocabulary
    self.width = width
    self.blocks = blocks
    self.heads = heads
    self.inner = inner
    self.positions = positions
    self.epsilon = epsilon
  }
}

extension Architecture {
  /// A BERT encoder, one vector a text, and a linear classifier on it. Tensors have Hugging Face's
  /// names without a leading `bert.`; the head is `classifier`.
  ///
  /// - Parameter maximum: the most tokens of a text.
  /// - Throws: `ArchitectureError` where heads do not divide the width or a text may be longer than
  ///   positions.
  public static func bert(
    _ configuration: EncoderSizes, maximumTokens maximum: Int,
    pooling: PoolingKind = .mean, classes: Int
  ) throws(ArchitectureError) -> Architecture {
    let c = configuration
    try check(width: c.width, heads: c.heads, positions: c.positions, maximum: maximum)
    let shape = BlockShape(
      width: c.width, heads: c.heads, inner: c.inner, epsilon: c.epsilon, isCausal: false,
      activation: .exact)
    let blocks = (0..<c.blocks).map { EncoderBlockSpec("encoder.layer.\($0)", shape) }
    return Architecture(
      name: "bert", input: .tokens(maximum: maximum, vocabulary: c.vocabulary), classes: classes,
      layers: [
        EmbeddingSpec.bert(
          vocabulary: c.vocabulary, positions: c.positions, types: c.types, width: c.width,
          epsilon: c.epsilon)
      ] + blocks + [
        PoolingSpec(pooling, width: c.width),
        LinearSpec("classifier", inputs: c.width, outputs: classes),
      ])
  }

  /// A GPT-2 decoder with tied output, trained to predict next tokens. Tensors have Hugging Face's
  /// names without a leading `transformer.`; linear weights are [out, in].
  ///
  /// - Throws: as `bert`.
  public static func gpt(
    _ configuration: DecoderSizes, maximumTokens maximum: Int,
    objective: any Objective = NextTokenLoss()
  ) throws(ArchitectureError) -> Architecture {
    let c = configuration
    try check(width: c.width, heads: c.heads, positions: c.positions, maximum: maximum)
    let shape = BlockShape(
      width: c.width, heads: c.heads, inner: c.inner, epsilon: c.epsilon, isCausal: true,
      activation: .tanh)
    let blocks = (0..<c.blocks).map { DecoderBlockSpec("h.\($0)", shape) }
    return Architecture(
      name: "gpt", input: .tokens(maximum: maximum, vocabulary: c.vocabulary),
      classes: c.vocabulary,
      layers: [
        EmbeddingSpec.gpt(vocabulary: c.vocabulary, positions: c.positions, width: c.width)
      ] + blocks + [
        NormSpec("ln_f", width: c.width, epsilon: c.epsilon),
        LanguageHeadSpec(vocabulary: c.vocabulary, width: c.width),
      ], objective: objective, outputRows: .token)
  }

  private static func check(
    width: Int, heads: Int, positions: Int, maximum: Int
  ) throws(ArchitectureError) {
    guard heads > 0, width > 0, width % heads == 0 else {
      throw ArchitectureError(
        description: "model: the width \(width) is not divisible by \(heads) heads; use a model "
          + "whose heads divide its width")
    }
    guard maximum >= 1, maximum <= positions else {
      throw ArchitectureError(
        description: "model.max_tokens: must be from 1 to the model's \(positions) positions, got "
          + "\(maximum)")
    }
  }
}
