// From the adapter that a scenario names to the kind that layers train.

public import Learning
public import Scenarios

/// Settings that know how their adapter is built.
public protocol BuildableAdapter: AdapterSettings {
  /// The adapter as layers train it. What it adds to a layer, and what of it enters the clip and the noise, stands
  /// with the kind.
  ///
  /// - Parameter seed: the scenario's, from which masks are drawn: public, and the same for all clients.
  func adapter(seed: UInt64) -> any Learning.Adapter
}

extension AdapterCatalog {
  /// Lets scenarios name an adapter of another package.
  ///
  /// - Throws: `ScenarioError` if another kind has its name.
  public static func add(buildable adapter: any BuildableAdapter.Type) throws(ScenarioError) {
    try add(adapter)
  }
}

extension Scenario.Adapter {
  /// The adapter as layers train it.
  ///
  /// - Throws: `ArchitectureError` for settings that do not say how.
  public func built(seed: UInt64) throws(ArchitectureError) -> any Learning.Adapter {
    guard let buildable = settings as? any BuildableAdapter else {
      throw ArchitectureError(
        description:
          "adapter.type: nothing says how \"\(name)\" is built; add it by AdapterCatalog.add(buildable:)"
      )
    }
    return buildable.adapter(seed: seed)
  }
}
