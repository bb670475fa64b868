// FineGates: gates on the rows and columns of a frozen weight.
//
// Svirsky et al., "FineGates" (arXiv:2412.12951): gate = clamp(tanh(logit) + 0.5 + e, 0, 1), with noise e in
// training alone.

import Foundation
import Kernels

/// y = g_row ⊙ (W (g_column ⊙ x)) + b with g = clamp(tanh(logit) + 0.5, 0, 1); the bias is not gated.
///
/// Trained: m + n logits a host, starting at N(0.4, 0.1²), a gate of 0.88; the published N(1, 0.1²) lies where the
/// clamp has no gradient, and only a penalty that closes gates moves it. Under DP-SGD all logits enter the per-example clip and
/// are noised; the published penalty on open gates depends on no example and comes after the noise. Which gates are closed, and the smaller matrix that is left, are post-processing. The published
/// gate noise e is no privacy noise and is left out: a gate is a deterministic function of its logit. A logit
/// beyond the clamp has no gradient of its own; noise can reopen its gate. Gates of a mean of logits are not the
/// mean of gates: averaging is inexact.
public struct FineGatesAdapter: WeightAdapter, Hashable {
  public let kind = "finegates"
  public let targetModules: [String]
  public let modulesToSave: [String]
  /// Weight of the penalty |mean P(open) − keep|, summed over the two sides of every host.
  public let penalty: Double
  public let keep: Double

  public init(
    targetModules: [String], penalty: Double = 0, keep: Double = 1, modulesToSave: [String] = []
  ) {
    self.penalty = penalty
    self.keep = keep
    self.targetModules = targetModules
    self.modulesToSave = modulesToSave
  }

  public func tensors(on host: HostSpec, target: Int) -> [AdapterTensor] {
    [
      AdapterTensor(
        "row_logit", rows: host.rows, columns: 1, start: .normal(mean: 0.4, deviation: 0.1),
        isTrained: true),
      AdapterTensor(
        "column_logit", rows: host.columns, columns: 1, start: .normal(mean: 0.4, deviation: 0.1),
        isTrained: true),
    ]
  }

  /// A gate and its derivative by the logit.
  static func gate(_ logit: Float) -> (value: Float, slope: Float) {
    let t = Elementary.tanh(single: logit)
    let open = t + 0.5
    return open <= 0 ? (0, 0) : open >= 1 ? (1, 0) : (open, 1 - t * t)
  }

  /// The gradient of the penalty. P(open) = ½ − ½ erf((−½ − tanh(logit))/(½√2)), with the published deviation of ½.
  /// It depends on no example: under DP-SGD it is added after the noise and costs nothing.
  public func penaltyGradient(of theta: [Float], in plan: TrainingPlan) -> [Float]? {
    guard penalty > 0 else { return nil }
    var gradient = [Float](repeating: 0, count: theta.count)
    for slot in plan.slots
    where slot.name.hasSuffix(".row_logit") || slot.name.hasSuffix(".column_logit") {
      let means = theta[slot.range].map { Elementary.tanh(Double($0)) }
      let open = means.map { 0.5 - 0.5 * Elementary.erf((-0.5 - $0) / (0.5 * 2.0.squareRoot())) }
      let excess = open.reduce(0, +) / Double(slot.count) - keep
      let sign = excess > 0 ? 1.0 : excess < 0 ? -1.0 : 0
      for (place, t) in zip(slot.range, means) {
        let z = (0.5 + t) / 0.5
        let density = Elementary.exp(-z * z / 2) / (2 * Double.pi).squareRoot() / 0.5
        gradient[place] = Float(penalty * sign / Double(slot.count) * density * (1 - t * t))
      }
    }
    return gradient
  }

  /// The gates of these logits, from 0 (closed) to 1.
  public static func gates(_ logits: [Float]) -> [Float] { logits.map { gate($0).value } }

  public func merge(
    _ tensors: [String: [Float]], into weights: inout HostWeights, on host: HostSpec, target: Int
  ) {
    guard let rows = tensors["row_logit"]?.map({ Self.gate($0).value }),
      let columns = tensors["column_logit"]?.map({ Self.gate($0).value })
    else { return }
    for row in 0..<host.rows {
      for column in 0..<host.columns {
        weights.weight[row * host.columns + column] *= rows[row] * columns[column]
      }
    }
  }

  public func makePullback(on host: HostSpec, target: Int) -> any WeightPullback {
    FineGatesPullback(host)
  }
}

private final class FineGatesPullback: WeightPullback {
  private let host: HostSpec
  /// W times the gates of the other side.
  private let columnGated: FloatBuffer
  private let rowGated: FloatBuffer
  private let dots: FloatBuffer
  private var rowSlopes: [Float] = []
  private var columnSlopes: [Float] = []

  init(_ host: HostSpec) {
    self.host = host
    columnGated = FloatBuffer(count: host.rows * host.columns)
    rowGated = FloatBuffer(count: host.rows * host.columns)
    dots = FloatBuffer(count: max(host.rows, host.columns))
  }

  func load(_ tensors: [String: [Float]], base: HostWeights) {
    let rows = (tensors["row_logit"] ?? []).map(FineGatesAdapter.gate)
    let columns = (tensors["column_logit"] ?? []).map(FineGatesAdapter.gate)
    rowSlopes = rows.map(\.slope)
    columnSlopes = columns.map(\.slope)
    var (byRow, byColumn) = (base.weight, base.weight)
    for row in 0..<host.rows {
      for column in 0..<host.columns {
        byRow[row * host.columns + column] *= rows[row].value
        byColumn[row * host.columns + column] *= columns[column].value
      }
    }
    rowGated.write(byRow)
    columnGated.write(byColumn)
  }

  func pullBack(
    _ gradient: MatrixView, bias: FloatBuffer, place: (String) -> GradientPlace?
  ) {
    if let target = place("row_logit") {
      dots.clear()
      dots.addRowDots(
        gradient, MatrixView(columnGated, rows: host.rows, columns: host.columns), to: 0)
      for row in 0..<host.rows { target.buffer[target.offset + row] += dots[row] * rowSlopes[row] }
    }
    if let target = place("column_logit") {
      dots.clear()
      dots.addColumnDots(
        gradient, MatrixView(rowGated, rows: host.rows, columns: host.columns), to: 0)
      for column in 0..<host.columns {
        target.buffer[target.offset + column] += dots[column] * columnSlopes[column]
      }
    }
  }
}
