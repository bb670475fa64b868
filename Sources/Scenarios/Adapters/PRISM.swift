extension Scenario.Adapter {
  /// DP-SGD in the tangent space of the matrices of a rank (arXiv:2606.00944): clip and noise do not depend on how the change
  /// of the weights is written as a product.
  public struct PRISM: AdapterSettings {
    public static let name = "prism"
    public static let summary =
      "Changes of rank r: DP-SGD on tangents, clipped by their true length, whatever the factors."
    public static let keys = RGP.keys

    public let traits: AdapterTraits

    public init(_ fields: Fields) throws(ScenarioError) {
      traits = try AdapterTraits(carriersOf: fields, .prism)
    }
  }
}
