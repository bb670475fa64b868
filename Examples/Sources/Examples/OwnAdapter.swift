// An adapter of your own: W′ = W + u vᵀ with v = (1, …, 1) / √n, so that a matrix of m rows has m trained numbers.
//
// `merge` is all that the forward pass needs; `pullBack` turns an example's gradient of W′ into that of u, which is
// clipped. Everything else (hosts, slots, exports, merging) follows from the two.
//
// In a scenario: "adapter": {"type": "row-sum", "target_modules": ["fc1"]}.

import DPFLSim

struct RowSum: BuildableAdapter {
  static let name = "row-sum"
  static let summary = "W + u v^T with a fixed v."
  static let keys: [Key] = [AdapterKeys.targetModules, AdapterKeys.modulesToSave]

  /// The facts that checks, forecasts and reports ask for.
  let traits: AdapterTraits

  init(_ fields: Fields) throws(ScenarioError) {
    traits = try AdapterTraits(fields, trains: "a vector of each layer's outputs", isLinear: true)
  }

  func adapter(seed: UInt64) -> any Adapter {
    RowSumAdapter(targetModules: traits.targetModules, modulesToSave: traits.modulesToSave)
  }
}

struct RowSumAdapter: WeightAdapter {
  let kind = "row-sum"
  let targetModules: [String]
  var modulesToSave: [String] = []

  func tensors(on host: HostSpec, target: Int) -> [AdapterTensor] {
    [AdapterTensor("row_sum_u", rows: host.rows, columns: 1, start: .constant(0), isTrained: true)]
  }

  func merge(
    _ tensors: [String: [Float]], into weights: inout HostWeights, on host: HostSpec, target: Int
  ) {
    guard let u = tensors["row_sum_u"] else { return }
    let v = 1 / Float(host.columns).squareRoot()
    for place in weights.weight.indices { weights.weight[place] += u[place / host.columns] * v }
  }

  func makePullback(on host: HostSpec, target: Int) -> any WeightPullback {
    RowSumPullback(columns: host.columns)
  }
}

private final class RowSumPullback: WeightPullback {
  /// n.
  private let columns: Int

  init(columns: Int) { self.columns = columns }

  func load(_ tensors: [String: [Float]], base: HostWeights) {}

  func pullBack(
    _ gradient: MatrixView, bias: FloatBuffer, place: (String) -> GradientPlace?
  ) {
    guard let target = place("row_sum_u") else { return }
    let v = 1 / Float(columns).squareRoot()
    for row in 0..<gradient.rows {
      var sum: Float = 0
      for column in 0..<columns {
        sum += gradient.buffer[gradient.offset + row * gradient.stride + column]
      }
      target.buffer[target.offset + row] += v * sum
    }
  }
}
