// Trained rows among the tokens of every text: soft prompts and planning tokens.
//
// Lester, Al-Rfou, Constant, "The power of scale for parameter-efficient prompt tuning" (EMNLP 2021); Wang et al.,
// "Guiding language model reasoning with planning tokens" (2023). PEFT's `PROMPT_TUNING` and `TRAINABLE_TOKENS`.

import Kernels

/// Rows of the embedding that every text gets beside its own tokens. They take positions of their own, so that the
/// tokens behind them move.
public struct SoftRows: Sendable, Hashable {
  public enum Role: Sendable, Hashable {
    /// Vectors without a word: nothing predicts them.
    case prompt
    /// Words behind the vocabulary, with vectors that a tied output layer uses too. Where they are not predicted, the
    /// text's own tokens alone are counted in the loss.
    case tokens(predicted: Bool)
  }

  public let count: Int
  /// The text's own tokens in front of them; a shorter text has them behind its last.
  public let after: Int
  public let role: Role

  /// - Precondition: at least one row.
  public init(count: Int, after: Int, role: Role) {
    precondition(count >= 1 && after >= 0, "no such rows")
    self.count = count
    self.after = after
    self.role = role
  }

  /// The words that they add to the vocabulary.
  var words: Int { role == .prompt ? 0 : count }

  /// The last part of the trained tensor's name.
  public var tensor: String {
    role == .prompt ? "prompt_embeddings" : "trainable_tokens_delta"
  }

  /// Where the rows are among all rows of an example.
  func place(in rows: Range<Int>) -> Range<Int> {
    let first = rows.lowerBound + min(after, rows.count - count)
    return first..<first + count
  }
}

/// A soft prompt in front of every text, or planning tokens behind its first tokens; the model itself is frozen.
///
/// Trained: `count` rows as wide as the model. Under DP-SGD an example's gradient of all rows (of planning tokens with
/// what the tied output layer adds) enters its clip with `modules_to_save`, and all numbers are noised. The loss is
/// the text's own. Every block sees the rows, so nothing below can be cached. The mean of clients' rows is the mean of
/// their models' numbers. Not mergeable: the rows are inputs.
public struct SoftRowsAdapter: Adapter, Hashable {
  public let rows: SoftRows
  public let modulesToSave: [String]
  public var kind: String { rows.role == .prompt ? "prompt" : "planning-tokens" }
  public var targetModules: [String] { [] }
  public var softRows: SoftRows? { rows }
  public var isMergeable: Bool { false }

  public init(_ rows: SoftRows, modulesToSave: [String] = []) {
    self.rows = rows
    self.modulesToSave = modulesToSave
  }

  public func tensors(on host: HostSpec, target: Int) -> [AdapterTensor] { [] }

  public func merge(
    _ tensors: [String: [Float]], into weights: inout HostWeights, on host: HostSpec, target: Int
  ) {}
}

extension SoftRows {
  /// Checks that a model has room for the rows, and gives the name of its embedding.
  func embedding(
    of architecture: Architecture, modulesToSave: [String]
  ) throws(ArchitectureError) -> EmbeddingSpec {
    let kind = role == .prompt ? "prompt" : "planning-tokens"
    guard case .tokens(let maximum, _) = architecture.input,
      let layer = architecture.layers.first as? EmbeddingSpec
    else {
      throw ArchitectureError(
        description: "adapter.type: \"\(kind)\" trains rows among the tokens of texts, and a "
          + "\(architecture.name) takes numbers; use \"bert\" or \"gpt\", or another kind")
    }
    guard role == .prompt || architecture.outputRows == .token else {
      throw ArchitectureError(
        description: "adapter.type: \"planning-tokens\" are words of a decoder, and a "
          + "\(architecture.name) predicts labels; use \"prompt\"")
    }
    guard maximum + count <= layer.positions else {
      throw ArchitectureError(
        description: "adapter: \(count) rows and texts of up to \(maximum) tokens need "
          + "\(maximum + count) positions, the model has \(layer.positions); lower model.max_tokens "
          + "to \(max(layer.positions - count, 0)) or train fewer rows")
    }
    guard !modulesToSave.contains(layer.name) else {
      throw ArchitectureError(
        description:
          "adapter.modules_to_save: \(layer.name) holds the rows of \"\(kind)\" and cannot "
          + "be trained whole beside them; leave it out")
    }
    return layer
  }

  /// Rows at their start: those of random words for a prompt; the vocabulary's mean with a little noise for words,
  /// which are alike at first and must part.
  func start(words table: ArraySlice<Float>, width: Int, seed: UInt64) -> [Float] {
    var stream = RandomStream(seed: seed, purpose: .initialization, step: 3)
    let vocabulary = table.count / width
    guard role != .prompt else {
      return (0..<count).flatMap { _ in
        let word = Int(stream.next(upperBound: UInt64(vocabulary)))
        return table.dropFirst(word * width).prefix(width)
      }
    }
    var mean = [Double](repeating: 0, count: width)
    for (place, value) in table.enumerated() { mean[place % width] += Double(value) }
    return (0..<count * width).map { place in
      Float(mean[place % width] / Double(vocabulary) + 0.02 * stream.nextGaussian())
    }
  }
}

extension TrainingPlan {
  /// Rows that an adapter puts into every text.
  public var softRows: SoftRows? { adapter?.softRows }

  /// θ at its start with soft rows, which come from the base's words.
  func withSoftStart(_ theta: [Float], base: [Float], seed: UInt64) -> [Float] {
    guard let rows = softRows, let layer = architecture.layers.first as? EmbeddingSpec,
      let slot = trainedSlot("\(layer.name).\(rows.tensor)"),
      let words = architecture.slot(layer.words)
    else { return theta }
    var theta = theta
    theta.replaceSubrange(
      slot.range, with: rows.start(words: base[words.range], width: layer.width, seed: seed))
    return theta
  }

  /// Rows of an example of so many tokens.
  func rows(of length: Int) -> Int { length + (softRows?.count ?? 0) }

  /// The most rows of an example.
  var longest: Int { rows(of: architecture.input.maximumLength) }

  /// Numbers of a row of outputs: the model's, and a logit for each word that an adapter adds.
  var outputCount: Int { architecture.classes + (softRows?.words ?? 0) }
}

/// A text with an adapter's words in it.
struct SourceWithTokens<Source: ExampleSource>: ExampleSource {
  let source: Source
  let rows: SoftRows
  /// The id of the first added word.
  let first: Int

  var count: Int { source.count }
  func label(at position: Int) -> Int { source.label(at: position) }
  func length(at position: Int) -> Int { source.length(at: position) + rows.count }
  func write(_ position: Int, into destination: inout MutableSpan<Float>) {}

  func write(_ position: Int, into destination: inout MutableSpan<Int32>) {
    var own = [Int32](repeating: 0, count: source.length(at: position))
    var span = own.mutableSpan
    source.write(position, into: &span)
    let place = rows.place(in: 0..<own.count + rows.count)
    for t in own.indices { destination[t < place.lowerBound ? t : t + rows.count] = own[t] }
    for t in place { destination[t] = Int32(clamping: first + t - place.lowerBound) }
  }
}

extension FloatBuffer {
  /// Scores an example among whose rows are soft ones: outputs of its own tokens where nobody predicts the others, so
  /// that the loss is that of the text, and the last soft row predicts the token behind it.
  func score<Source: ExampleSource>(
    _ objective: any Objective, soft: SoftRows, rows: Range<Int>, width: Int, words: Int,
    source: Source, position: Int
  ) -> ExampleScore {
    guard soft.role != .tokens(predicted: true) else {
      return objective.score(
        self, rows: rows, width: width,
        source: SourceWithTokens(source: source, rows: soft, first: words), position: position)
    }
    // Rows in front of the one that predicts what follows the soft rows move up, and back again.
    let front = max(soft.place(in: rows).lowerBound - 1, rows.lowerBound)
    for row in (rows.lowerBound..<front).reversed() {
      write(array(at: row * width, count: width), at: (row + soft.count) * width)
    }
    let score = objective.score(
      self, rows: rows.dropFirst(soft.count), width: width, source: source, position: position)
    for row in rows.lowerBound..<front {
      write(array(at: (row + soft.count) * width, count: width), at: row * width)
    }
    clear(at: front * width, count: soft.count * width)
    return score
  }
}
