extension Scenario {
  /// Residual blocks with group normalisation: conv1, block1, block2, ..., fc. Images only.
  public struct Residual: ModelSettings {
    public static let name = "resnet"
    public static let summary =
      "Residual blocks of 3x3 convolutions with group normalisation: conv1, block1, ..., fc."
    public static let input = ModelInput.images
    public static let keys: [Key] = [
      .defaults("width", 16, .integer(4...256), "Channels of the first block, a multiple of 4."),
      .defaults("blocks", 3, .integer(1...4), "Blocks; all but the first halve the image."),
    ]

    /// Channels of the first block. JSON key `width`: a multiple of 4 from 4 to 256; default 16.
    public let width: Int
    /// JSON key `blocks`: 1 to 4; default 3.
    public let blocks: Int

    public init(_ fields: Fields) throws(ScenarioError) {
      width = try fields.integer("width")
      blocks = try fields.integer("blocks")
    }

    public func problems(in scenario: Scenario) -> [SettingProblem] {
      guard width % 4 != 0 else { return [] }
      return [SettingProblem("model.width", "must be a multiple of 4, got \(width)")]
    }
  }
}
