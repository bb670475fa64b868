// What is left of gated layers: smaller matrices without the rows and columns whose gates are closed.
//
// Svirsky et al., "FineGates" (arXiv:2412.12951), deployment. Which gates are closed follows from released logits and costs
// nothing.

import Federation
import Learning
import Tensors

/// A layer W with gates, as W' of its open rows and columns: the layer's output is its bias, plus W' x[columns] in `rows`.
struct CompressedGates {
  private let host: HostSpec
  /// Ascending; columns as PyTorch has them.
  private let rows: [Int]
  private let columns: [(theirs: Int, ours: Int)]
  /// Of the merged layer, as it lies here: rows × columns of the host.
  private let weight: [Float]

  /// - Parameters:
  ///   - merged: the layer's weight with its gates multiplied in, rows × columns.
  ///   - gates: of rows and of columns, from 0 to 1.
  init(merged: [Float], gates: (rows: [Float], columns: [Float]), on host: HostSpec) {
    self.host = host
    weight = merged
    rows = gates.rows.indices.filter { gates.rows[$0] > 0 }
    let places = TorchLayout.columns(of: host)
    columns = gates.columns.indices.filter { gates.columns[$0] > 0 }
      .map { (theirs: places[$0], ours: $0) }.sorted { $0.theirs < $1.theirs }
  }

  /// The share of multiply-adds that is left, from 0 to 1.
  var multiplyAddsLeft: Double {
    Double(rows.count * columns.count) / Double(host.rows * host.columns)
  }

  /// `HOST.weight`, `HOST.rows` and `HOST.columns`.
  var tensors: [Safetensors.Tensor] {
    let values = rows.flatMap { row in columns.map { weight[row * host.columns + $0.ours] } }
    return [
      Safetensors.Tensor(
        name: host.weight, shape: [rows.count, columns.count], values: .float32(values)),
      Safetensors.Tensor(
        name: "\(host.name).rows", shape: [rows.count], values: .int32(rows.map(Int32.init))),
      Safetensors.Tensor(
        name: "\(host.name).columns", shape: [columns.count],
        values: .int32(columns.map { Int32($0.theirs) })),
    ]
  }
}

extension KindExport {
  /// The gated layers of a model without what is closed, with the share of multiply-adds left of each in the metadata; nil
  /// for kinds without gates.
  ///
  /// - Parameter base: a layer's frozen weight, rows × columns, where the run's files have it not.
  func compressed(
    _ model: Safetensors, base: (HostSpec) -> [Float]?, metadata: [String: String]
  ) throws -> Safetensors? {
    var metadata = metadata
    var tensors: [Safetensors.Tensor] = []
    for adapted in gated {
      let host = adapted.host
      guard let merged = merged(adapted, model, base: base(host)) else { continue }
      let logits = values(on: host, model)
      let small = CompressedGates(
        merged: merged.weight,
        gates: (
          rows: FineGatesAdapter.gates(logits["row_logit"] ?? []),
          columns: FineGatesAdapter.gates(logits["column_logit"] ?? [])
        ), on: host)
      tensors += small.tensors
      metadata["\(host.name).multiply_adds_left"] = "\(small.multiplyAddsLeft)"
    }
    return tensors.isEmpty ? nil : try Safetensors(tensors: tensors, metadata: metadata)
  }
}
