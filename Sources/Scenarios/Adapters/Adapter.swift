// What is trained on top of a frozen base.

extension Scenario {
  /// A LoRA adapter on a frozen base (Hu et al., arXiv:2106.09685), the carriers of RGP (Yu et al., ICML
  /// 2021), or another kind (docs/adapters.md); nil trains the whole model. JSON key `adapter`, an object whose
  /// `type` decides what other keys it has; default null.
  public struct Adapter: Sendable, Hashable {
    /// Held by reference: a scenario is copied often, and settings are of any size.
    private final class Choice: Sendable {
      let settings: any AdapterSettings
      let traits: AdapterTraits

      init(_ settings: any AdapterSettings) {
        self.settings = settings
        traits = settings.traits
      }
    }
    private let choice: Choice

    public var settings: any AdapterSettings { choice.settings }
    public var traits: AdapterTraits { choice.traits }

    /// As the key `type` has it.
    public var name: String { type(of: settings).name }

    /// Names of the adapted layers, in full or their last parts.
    public var targetModules: [String] { traits.targetModules }

    /// Layers that are trained whole beside the adapter, such as a fresh classifier.
    public var modulesToSave: [String] { traits.modulesToSave }

    /// How clients' adapters are averaged.
    public var aggregation: Aggregation { traits.aggregation }

    /// Whether models are more than a vector of trained parameters that is averaged as it is.
    public var hasOwnExchange: Bool { aggregation.traits.hasOwnExchange }

    /// The key that decides what is sent, and what to set it to where updates are to be sent as they are.
    var exchangePath: String { settings is LoRA ? "adapter.aggregation" : "adapter.type" }
    var plainExchange: String {
      settings is LoRA ? "fedit or ffa-lora" : "\"lora\" with fedit or ffa-lora"
    }

    public static func == (left: Adapter, right: Adapter) -> Bool {
      AnyHashable(left.settings) == AnyHashable(right.settings)
    }

    public func hash(into hasher: inout Hasher) {
      hasher.combine(AnyHashable(settings))
    }
  }
}

// MARK: - Format

extension Scenario.Adapter {
  static var shape: TaggedShape {
    TaggedShape(
      tag: "type", description: "Which kind of adapter.",
      branches: AdapterCatalog.all.map { .init($0.name, $0.summary, $0.keys) })
  }

  init(_ fields: Fields) throws(ScenarioError) {
    let name = try fields.string("type")
    guard let type = AdapterCatalog.all.first(where: { $0.name == name }) else {
      throw ScenarioError(fields.path + "type", "names no known adapter, got \"\(name)\"")
    }
    choice = Choice(try type.init(fields))
  }
}
