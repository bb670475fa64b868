// A rule of aggregation of your own: the median of the clients' B, entry by entry, so that no single client moves it far.
//
// In a scenario: "adapter": {"type": "lora", ..., "aggregation": "median-b"}. What a rule computes, it computes from
// what clients released, which costs no privacy.

import DPFLSim

struct MedianOfB: AggregationRule {
  static let name = "median-b"

  /// The facts that checks, exports and reports ask for.
  static var traits: AggregationTraits {
    var traits = AggregationTraits(
      trains: "B beside a common A", sends: "B", averages: "median of every entry of B")
    traits.needsOneSumOnly = false
    return traits
  }

  func phases(round: Int) -> [TrainedFactors] { [.b] }

  func aggregate(_ input: AggregationInput) -> AdapterModel {
    var model = input.start
    for layer in model.layers.indices {
      let b = model.layers[layer].b
      let clients = input.clients.map { $0[layer].b.elements }
      let median = b.elements.indices.map { place in
        let sorted = clients.map { $0[place] }.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
      }
      model.layers[layer].b = Matrix(rows: b.rows, columns: b.columns, elements: median)
    }
    return model
  }
}
