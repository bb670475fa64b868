// The kinds of adapters that scenarios may name.

public enum AdapterCatalog {
  private static let kinds = KindCatalog<any AdapterSettings.Type>(
    [
      Scenario.Adapter.LoRA.self, Scenario.Adapter.RGP.self, Scenario.Adapter.PRISM.self,
      Scenario.Adapter.IA3.self,
      Scenario.Adapter.BitFit.self, Scenario.Adapter.LayerNorm.self,
      Scenario.Adapter.LinearProbe.self, Scenario.Adapter.SparseUpdate.self,
      Scenario.Adapter.FineGates.self, Scenario.Adapter.VeRA.self, Scenario.Adapter.ConvLoRA.self,
      Scenario.Adapter.LoRTA.self, Scenario.Adapter.Bottleneck.self,
      Scenario.Adapter.Compacter.self, Scenario.Adapter.OpLoRA.self, Scenario.Adapter.Prompt.self,
      Scenario.Adapter.PlanningTokens.self, Scenario.Adapter.ExpertMixture.self,
      Scenario.Adapter.RandomProjection.self,
    ], key: "adapter", name: { $0.name }, isSame: { $0 == $1 })

  /// In the order of the documentation.
  public static var all: [any AdapterSettings.Type] { kinds.all }

  /// Lets scenarios name one more kind.
  ///
  /// - Throws: `ScenarioError` if another kind has its name.
  package static func add(_ adapter: any AdapterSettings.Type) throws(ScenarioError) {
    try kinds.add(adapter)
  }
}
