// BERT and GPT-2 as lists of layers.

import Kernels
public import Tensors

extension Architecture {
  /// A BERT encoder, one vector a text, and a linear classifier on it. Tensors have Hugging Face's
  /// names without a leading `bert.`; the head is `classifier`.
  ///
  /// - Parameter maximum: the most tokens of a text.
  /// - Throws: `ArchitectureError` where heads do not divide the width or a text may be longer than
  ///   positions.
  public static func bert(
    _ configuration: BERTConfiguration, maximumTokens maximum: Int,
    pooling: PoolingKind = .mean, classes: Int
  ) throws(ArchitectureError) -> Architecture {
    let c = configuration
    try check(width: c.width, heads: c.heads, positions: c.positions, maximum: maximum)
    let shape = BlockShape(
      width: c.width, heads: c.heads, inner: c.innerWidth, epsilon: Float(c.layerNormEpsilon),
      isCausal: false,
      activation: .exact)
    let blocks = (0..<c.blocks).map { EncoderBlockSpec("encoder.layer.\($0)", shape) }
    return Architecture(
      name: "bert", input: .tokens(maximum: maximum, vocabulary: c.vocabularySize),
      classes: classes,
      layers: [
        EmbeddingSpec.bert(
          vocabulary: c.vocabularySize, positions: c.positions, types: c.tokenTypes, width: c.width,
          epsilon: Float(c.layerNormEpsilon))
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
    _ configuration: GPT2Configuration, maximumTokens maximum: Int,
    objective: any Objective = NextTokenLoss()
  ) throws(ArchitectureError) -> Architecture {
    let c = configuration
    try check(width: c.width, heads: c.heads, positions: c.positions, maximum: maximum)
    let shape = BlockShape(
      width: c.width, heads: c.heads, inner: c.innerWidth, epsilon: Float(c.layerNormEpsilon),
      isCausal: true,
      activation: .tanh)
    let blocks = (0..<c.blocks).map { DecoderBlockSpec("h.\($0)", shape) }
    return Architecture(
      name: "gpt", input: .tokens(maximum: maximum, vocabulary: c.vocabularySize),
      classes: c.vocabularySize,
      layers: [
        EmbeddingSpec.gpt(vocabulary: c.vocabularySize, positions: c.positions, width: c.width)
      ] + blocks + [
        NormSpec("ln_f", width: c.width, epsilon: Float(c.layerNormEpsilon)),
        LanguageHeadSpec(vocabulary: c.vocabularySize, width: c.width),
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
