// VeRA: scales beside random matrices that all layers share.
//
// Kopiczko, Blankevoort, Asano, "VeRA: vector-based random matrix adaptation" (ICLR 2024); PEFT's `VERA`.

import Kernels

/// y = W x + b_v ⊙ (B (d_v ⊙ (A x))) + b; A and B are random, frozen and common to all hosts, d_v starts at 0.1
/// and b_v at 0.
///
/// Trained: m + r numbers a host. Under DP-SGD d_v and b_v enter the per-example clip and are noised; A and B come
/// from the public seed. The change is bilinear in (b_v, d_v): the mean of clients is inexact in second order.
public struct VeRAAdapter: WeightAdapter, Hashable {
  public let kind = "vera"
  public let rank: Int
  public let targetModules: [String]
  public let modulesToSave: [String]
  /// Rows of B and columns of A: of the largest host.
  private let outputs: Int
  private let inputs: Int

  public init(rank: Int, targetModules: [String], modulesToSave: [String] = []) {
    self.init(rank, targetModules, modulesToSave, outputs: 0, inputs: 0)
  }

  private init(
    _ rank: Int, _ targetModules: [String], _ modulesToSave: [String], outputs: Int, inputs: Int
  ) {
    self.rank = rank
    self.targetModules = targetModules
    self.modulesToSave = modulesToSave
    self.outputs = outputs
    self.inputs = inputs
  }

  public func fitted(to hosts: [AdaptedHost]) -> any Adapter {
    VeRAAdapter(
      rank, targetModules, modulesToSave, outputs: hosts.map(\.host.rows).max() ?? 0,
      inputs: hosts.map(\.host.columns).max() ?? 0)
  }

  public func tensors(on host: HostSpec, target: Int) -> [AdapterTensor] {
    func shared(_ name: String, _ rows: Int, _ columns: Int) -> AdapterTensor {
      AdapterTensor(
        name, rows: rows, columns: columns,
        start: .gaussian(deviation: 1 / Double(columns).squareRoot()), isTrained: false,
        isShared: true)
    }
    return [
      AdapterTensor(
        "vera_lambda_d", rows: rank, columns: 1, start: .constant(0.1), isTrained: true,
        isSilentAtStart: true),
      AdapterTensor(
        "vera_lambda_b", rows: host.rows, columns: 1, start: .constant(0), isTrained: true),
      shared("vera_A", rank, inputs), shared("vera_B", outputs, rank),
    ]
  }

  public func merge(
    _ tensors: [String: [Float]], into weights: inout HostWeights, on host: HostSpec, target: Int
  ) {
    guard let d = tensors["vera_lambda_d"], let b = tensors["vera_lambda_b"],
      let left = tensors["vera_A"], let right = tensors["vera_B"]
    else { return }
    for row in 0..<host.rows {
      for k in 0..<rank {
        let factor = b[row] * right[row * rank + k] * d[k]
        for column in 0..<host.columns {
          weights.weight[row * host.columns + column] += factor * left[k * inputs + column]
        }
      }
    }
  }

  public func makePullback(on host: HostSpec, target: Int) -> any WeightPullback {
    VeRAPullback(host, rank: rank, inputs: inputs, outputs: outputs)
  }
}

private final class VeRAPullback: WeightPullback {
  private let host: HostSpec
  private let rank: Int
  private let inputs: Int
  private let a: FloatBuffer
  /// diag(b) B and B diag(d).
  private let scaledRows: FloatBuffer
  private let scaledColumns: FloatBuffer
  /// G Aᵀ.
  private let projected: FloatBuffer

  init(_ host: HostSpec, rank: Int, inputs: Int, outputs: Int) {
    self.host = host
    self.rank = rank
    self.inputs = inputs
    a = FloatBuffer(count: rank * inputs)
    scaledRows = FloatBuffer(count: host.rows * rank)
    scaledColumns = FloatBuffer(count: host.rows * rank)
    projected = FloatBuffer(count: host.rows * rank)
  }

  func load(_ tensors: [String: [Float]], base: HostWeights) {
    guard let d = tensors["vera_lambda_d"], let b = tensors["vera_lambda_b"],
      let left = tensors["vera_A"], let right = tensors["vera_B"]
    else { return }
    a.write(left)
    for row in 0..<host.rows {
      for k in 0..<rank {
        scaledRows[row * rank + k] = b[row] * right[row * rank + k]
        scaledColumns[row * rank + k] = right[row * rank + k] * d[k]
      }
    }
  }

  func pullBack(
    _ gradient: MatrixView, bias: FloatBuffer, place: (String) -> GradientPlace?
  ) {
    let p = MatrixView(projected, rows: host.rows, columns: rank)
    multiply(
      gradient, MatrixView(a, rows: rank, columns: host.columns, stride: inputs), transposeB: true,
      into: p)
    if let target = place("vera_lambda_d") {
      target.buffer.addColumnDots(
        p, MatrixView(scaledRows, rows: host.rows, columns: rank), to: target.offset)
    }
    if let target = place("vera_lambda_b") {
      target.buffer.addRowDots(
        p, MatrixView(scaledColumns, rows: host.rows, columns: rank), to: target.offset)
    }
  }
}
