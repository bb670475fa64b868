// What became of texts when they were cut into tokens.

/// How many texts of a data set were cut, and how much of them.
public struct TextFacts: Sendable, Hashable, Codable {
  public struct Part: Sendable, Hashable, Codable {
    public let texts: Int
    /// Texts of which something was left out.
    public internal(set) var cut = 0
    /// Tokens that were kept, those that the tokenizer adds included.
    public internal(set) var tokens = 0
    /// Tokens that were left out.
    public internal(set) var tokensLeftOut = 0
    /// Tokens of the longest text before it was cut.
    public internal(set) var longest = 0
    /// Texts without a character but white space.
    public internal(set) var empty = 0

    /// Tokens of a text after the cut; 0 without texts.
    public var meanTokens: Double { texts > 0 ? Double(tokens) / Double(texts) : 0 }
  }

  /// Where texts are cut.
  public let maximumTokens: Int
  public let train: Part
  public let test: Part

  /// Tokens that were left out over all tokens, of both parts.
  public var shareLeftOut: Double {
    let leftOut = train.tokensLeftOut + test.tokensLeftOut
    let all = train.tokens + test.tokens + leftOut
    return all > 0 ? Double(leftOut) / Double(all) : 0
  }

  /// One sentence about what was cut, without a full stop.
  public var description: String {
    let (cut, texts) = (train.cut + test.cut, train.texts + test.texts)
    let longest = max(train.longest, test.longest)
    let empty = train.empty + test.empty
    let nothing = empty > 0 ? "; \(empty) of \(texts) texts are empty" : ""
    guard cut > 0 else {
      return
        "no text is longer than \(maximumTokens) tokens (the longest has \(longest))\(nothing)"
    }
    let leftOut = train.tokensLeftOut + test.tokensLeftOut
    let all = train.tokens + test.tokens + leftOut
    return
      "\(cut) of \(texts) texts are cut to \(maximumTokens) tokens (the longest has \(longest)), "
      + "which leaves out \(leftOut) of \(all) tokens\(nothing)"
  }
}
