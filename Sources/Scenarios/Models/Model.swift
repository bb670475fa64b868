// What a scenario trains: the model and the public pretraining of its base.

extension Scenario {
  /// The network that every client trains. JSON key `model`; its `name` is required.
  public struct Model: Sendable, Hashable {
    /// Held by reference: a scenario is copied often, and settings are of any size.
    private final class Choice: Sendable {
      let settings: any ModelSettings
      let language: LanguageFacts?

      init(_ settings: any ModelSettings) {
        self.settings = settings
        language = settings.language
      }
    }
    private let choice: Choice
    /// Training of the base on the public examples, without privacy; nil starts from random
    /// weights. JSON key `pretraining`; default null.
    public let pretraining: Pretraining?
    /// A file with the base model, of models of images and tables; nil trains one or starts from random weights. JSON
    /// key `path`; default null.
    public let weights: String?

    public var settings: any ModelSettings { choice.settings }

    /// The name as the scenario writes it.
    public var name: String { type(of: settings).name }

    /// What it is fed with.
    public var input: ModelInput { type(of: settings).input }

    /// What it has to do with texts; nil for models of numbers.
    public var language: LanguageFacts? { choice.language }

    /// Public pretraining of the base model by SGD.
    public struct Pretraining: Sendable, Hashable {
      /// Passes over the public examples; 1 to 1000, required.
      public let epochs: Int
      /// Examples a step; 1 to 10^6 and at most the public examples; default 32.
      public let batchSize: Int
      /// Step size; above 0, at most 100; required.
      public let learningRate: Double
      /// Momentum; from 0, below 1 (at most 0.999); default 0.
      public let momentum: Double
    }

    public static func == (left: Model, right: Model) -> Bool {
      AnyHashable(left.settings) == AnyHashable(right.settings)
        && left.pretraining == right.pretraining && left.weights == right.weights
    }

    public func hash(into hasher: inout Hasher) {
      hasher.combine(AnyHashable(settings))
      hasher.combine(pretraining)
      hasher.combine(weights)
    }
  }
}

extension Scenario.Model {
  /// The layers with weights, from input to output; a convolution counts as its unfolded matrix. Nil for models
  /// whose layers only the built model tells.
  public func layers(for data: Scenario.DataSet) -> [ModelLayer]? { settings.layers(for: data) }

  /// The folder of pretrained weights, as the scenario writes it; nil for models without one.
  public var path: String? { language?.path }

  /// Where texts are cut; nil for models of numbers.
  public var maximumTokens: Int? { language?.maximumTokens }

  /// Whether the model predicts next tokens, and no labels.
  public var isDecoder: Bool { language?.predictsTokens ?? false }
}

extension Scenario {
  /// `model.path` as it is opened.
  public var modelPath: String? { opened(model.path) }

  /// The file of weights of a model of images or tables, as it is opened.
  public var weightsPath: String? { opened(model.weights) }
}

// MARK: - Format

extension Scenario.Model {
  private static let pretraining: Key = .defaults(
    "pretraining", .null,
    .nullable(
      .object(
        Shape([
          .required("epochs", .integer(1...1000), "Passes over the public examples."),
          .defaults("batch_size", 32, .integer(1...1_000_000), "Examples a step."),
          .required("learning_rate", .number(.above(0, to: 100)), "Step size of SGD."),
          .defaults("momentum", 0, .number(.from(0, to: 0.999)), "Momentum of SGD."),
        ]))),
    "Training of the base on the public examples, without privacy; null = random weights.")

  private static let weights: Key = .implied(
    "path", .null, .nullable(.text(1...4096)),
    "A safetensors file with the base in PyTorch's layout, such as base/model.safetensors of `export --peft`; "
      + "it has to be public: what a private run learned is refused (DP116). null = pretraining, or random weights."
  )

  static var shape: TaggedShape {
    TaggedShape(
      tag: "name", description: "Which network.",
      branches: ModelCatalog.all.map { model in
        .init(
          model.name, model.summary,
          model.keys + (model.canBePretrained ? [pretraining] : [])
            + (model.canBeLoaded ? [weights] : []))
      })
  }

  init(_ fields: Fields) throws(ScenarioError) {
    let name = try fields.string("name")
    guard let type = ModelCatalog.all.first(where: { $0.name == name }) else {
      throw ScenarioError(fields.path + "name", "names no known model, got \"\(name)\"")
    }
    choice = Choice(try type.init(fields))
    weights = type.canBeLoaded ? try fields.optionalString("path") : nil
    guard type.canBePretrained, let training = try fields.optionalFields("pretraining") else {
      pretraining = nil
      return
    }
    pretraining = Pretraining(
      epochs: try training.integer("epochs"), batchSize: try training.integer("batch_size"),
      learningRate: try training.number("learning_rate"), momentum: try training.number("momentum"))
  }
}
