// The methods that scenarios may name.

public enum MethodCatalog {
  private static let kinds = KindCatalog<any MethodSettings.Type>(
    [
      Scenario.RobustClustered.self, Scenario.Global.self, Scenario.LocalModels.self,
      Scenario.Ifca.self,
      Scenario.MeanRegularized.self, Scenario.FedProx.self, Scenario.Ditto.self,
      Scenario.Scaffold.self,
      Scenario.FedEM.self, Scenario.KMeansClusters.self, Scenario.ModelClusters.self,
      Scenario.RecursiveClusters.self,
      Scenario.Oracle.self,
    ], key: "method", name: { $0.name }, isSame: { $0 == $1 })

  /// Methods of the literature that are not here, with the reason and what to use (docs/method.md works them out).
  static let refused = [
    "pacfl":
      "pacfl sends singular vectors of each client's raw data, a release without noise whose sensitivity one record "
      + "does not bound; use \"r-dpcfl\" or \"k-means\", which cluster by noisy updates",
    "rr-cluster":
      "rr-cluster moves clients between clusters by their sizes, so that one client's coming moves others' updates too "
      + "and the sum's sensitivity is no longer one clipping bound; use \"ifca\" with privacy.unit \"client\"",
    "pina":
      "pina weighs updates by a test of normality, and what it tests and how it splits its budget is not published; use "
      + "\"ifca\" with privacy.unit \"client\"",
  ]

  /// In the order of the documentation.
  public static var all: [any MethodSettings.Type] { kinds.all }

  /// Lets scenarios name one more method.
  ///
  /// - Throws: `ScenarioError` if another method has its name.
  package static func add(_ method: any MethodSettings.Type) throws(ScenarioError) {
    try kinds.add(method)
  }
}
