// Whatever the scenario format offers can be carried out: each descriptor has its way to run.

import Federation
import Scenarios
import Testing

@Suite("Descriptors")
struct DescriptorTests {
  @Test("methods run, models and adapters are built, rules average")
  func complete() throws {
    for method in MethodCatalog.all { #expect(method is any RunnableMethod.Type, "\(method.name)") }
    for model in ModelCatalog.all { #expect(model is any BuildableModel.Type, "\(model.name)") }
    for kind in AdapterCatalog.all { #expect(kind is any BuildableAdapter.Type, "\(kind.name)") }
    for rule in AggregationCatalog.all {
      #expect(rule is any AggregationRule.Type, "\(rule.name)")
      #expect(try !Scenario.Adapter.Aggregation(rule).makeRule().phases(round: 0).isEmpty)
    }
  }

  @Test("each says in its facts what it is, and no two have one name")
  func facts() {
    let names = [
      MethodCatalog.all.map { $0.name }, ModelCatalog.all.map { $0.name },
      AdapterCatalog.all.map { $0.name }, AggregationCatalog.all.map { $0.name },
    ]
    for names in names { #expect(Set(names).count == names.count && !names.contains("")) }
    let rules = AggregationCatalog.all.map { $0.traits }
    #expect(rules.allSatisfy { !$0.trains.isEmpty && !$0.sends.isEmpty && !$0.averages.isEmpty })
    // Where vectors are averaged as they are, the mean of models is a model.
    #expect(rules.allSatisfy { $0.hasOwnExchange || $0.meansAreModels && $0.needsOneSumOnly })
  }
}
