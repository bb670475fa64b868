// LoRTA: one low-rank tensor for the updates of all layers.
//
// Hounie et al., "LoRTA: low rank tensor adaptation of large language models" (arXiv:2410.04060): a five-way
// CP decomposition over inputs, outputs of a head, heads, layers and kinds of matrix.

import Kernels

/// Rows of head h of layer l, matrix m: W + s·B diag(C_H[h] C_L[l] C_M[m]) A, s = lora_alpha/r.
///
/// Every target module is a kind of matrix; its hosts from input to output are the layers. Trained:
/// r (n + m/H + H + L + M) numbers in all, or B's r m/H alone. A and C start random and B at 0. All hosts share all
/// factors: an example's gradient is summed over all uses before the clip. Under DP-SGD all trained factors are
/// noised; with five of them the change carries noise terms up to the fifth order, so B alone is the default.
/// Materialised layers are post-processing. With B alone the mean of clients is a model; otherwise it is inexact.
public struct LoRTAAdapter: WeightAdapter, Hashable {
  public let kind = "lorta"
  public let rank: Int
  public let loraAlpha: Double
  public let heads: Int
  public let trainsAll: Bool
  public let targetModules: [String]
  public let modulesToSave: [String]
  /// The layer of every host, and how many layers there are.
  private let layerOfHost: [String: Int]
  private let layers: Int

  public init(
    rank: Int, loraAlpha: Double, heads: Int = 1, trainsAll: Bool = false,
    targetModules: [String], modulesToSave: [String] = []
  ) {
    self.rank = rank
    self.loraAlpha = loraAlpha
    self.heads = heads
    self.trainsAll = trainsAll
    self.targetModules = targetModules
    self.modulesToSave = modulesToSave
    layerOfHost = [:]
    layers = 0
  }

  private init(_ adapter: LoRTAAdapter, layerOfHost: [String: Int], layers: Int) {
    rank = adapter.rank
    loraAlpha = adapter.loraAlpha
    heads = adapter.heads
    trainsAll = adapter.trainsAll
    targetModules = adapter.targetModules
    modulesToSave = adapter.modulesToSave
    self.layerOfHost = layerOfHost
    self.layers = layers
  }

  fileprivate var scale: Float { Float(loraAlpha / Double(rank)) }

  public func fitted(to hosts: [AdaptedHost]) throws(ArchitectureError) -> any Adapter {
    var layerOfHost: [String: Int] = [:]
    var next: [Int: Int] = [:]
    for adapted in hosts {
      let host = adapted.host
      if let first = hosts.first?.host, host.rows != first.rows || host.columns != first.columns {
        throw ArchitectureError(
          description: "adapter.target_modules: lorta needs layers of one shape, \(host.name) is "
            + "\(host.rows)×\(host.columns) and \(first.name) \(first.rows)×\(first.columns); name "
            + "others")
      }
      guard host.rows % heads == 0 else {
        throw ArchitectureError(
          description: "adapter.heads: \(heads) heads do not divide the \(host.rows) outputs of "
            + "\(host.name)")
      }
      layerOfHost[host.name] = next[adapted.target, default: 0]
      next[adapted.target, default: 0] += 1
    }
    return LoRTAAdapter(self, layerOfHost: layerOfHost, layers: next.values.max() ?? 0)
  }

  public func tensors(on host: HostSpec, target: Int) -> [AdapterTensor] {
    func shared(
      _ name: String, _ rows: Int, _ columns: Int, _ start: TensorSpec.Start, _ isTrained: Bool
    ) -> AdapterTensor {
      AdapterTensor(
        name, rows: rows, columns: columns, start: start, isTrained: isTrained, isShared: true,
        isSilentAtStart: name != "lorta_B")
    }
    let deviation = 1 / Double(rank).squareRoot()
    return [
      shared("lorta_A", rank, host.columns, .gaussian(deviation: deviation), trainsAll),
      shared("lorta_B", host.rows / heads, rank, .constant(0), true),
      shared("lorta_C_H", heads, rank, .normal(mean: 1, deviation: 0.1), trainsAll),
      shared("lorta_C_L", layers, rank, .normal(mean: 1, deviation: 0.1), trainsAll),
      shared("lorta_C_M", targetModules.count, rank, .normal(mean: 1, deviation: 0.1), trainsAll),
    ]
  }

  fileprivate func layer(of host: HostSpec) -> Int { layerOfHost[host.name] ?? 0 }

  public func merge(
    _ tensors: [String: [Float]], into weights: inout HostWeights, on host: HostSpec, target: Int
  ) {
    guard let factors = LoRTAFactors(tensors) else { return }
    let height = host.rows / heads
    let layer = layer(of: host)
    for row in 0..<host.rows {
      let (head, inner) = row.quotientAndRemainder(dividingBy: height)
      for k in 0..<rank {
        let left =
          scale * factors.b[inner * rank + k] * factors.h[head * rank + k]
          * factors.l[layer * rank + k] * factors.m[target * rank + k]
        for column in 0..<host.columns {
          weights.weight[row * host.columns + column] += left * factors.a[k * host.columns + column]
        }
      }
    }
  }

  /// The change of a host's weight as s·B A.
  ///
  /// - Parameter tensors: the values of the shared tensors.
  /// - Returns: A, r × columns, which is every host's, and B, rows × r; nil where a tensor is missing.
  public func factors(
    _ tensors: [String: [Float]], on host: HostSpec, target: Int
  ) -> (a: [Float], b: [Float])? {
    guard let factors = LoRTAFactors(tensors) else { return nil }
    let (height, layer) = (host.rows / heads, layer(of: host))
    let b = (0..<host.rows * rank).map { place in
      let (row, k) = place.quotientAndRemainder(dividingBy: rank)
      let (head, inner) = row.quotientAndRemainder(dividingBy: height)
      return factors.b[inner * rank + k] * factors.h[head * rank + k]
        * factors.l[layer * rank + k] * factors.m[target * rank + k]
    }
    return (factors.a, b)
  }

  public func makePullback(on host: HostSpec, target: Int) -> any WeightPullback {
    LoRTAPullback(self, host, target: target)
  }
}

private struct LoRTAFactors {
  let a, b, h, l, m: [Float]

  init?(_ tensors: [String: [Float]]) {
    guard let a = tensors["lorta_A"], let b = tensors["lorta_B"], let h = tensors["lorta_C_H"],
      let l = tensors["lorta_C_L"], let m = tensors["lorta_C_M"]
    else { return nil }
    (self.a, self.b, self.h, self.l, self.m) = (a, b, h, l, m)
  }
}

private final class LoRTAPullback: WeightPullback {
  private let adapter: LoRTAAdapter
  private let host: HostSpec
  private let target: Int
  private let a: FloatBuffer
  /// B diag(w) of a head, where A is trained.
  private let weighted: FloatBuffer
  private let projected: FloatBuffer
  private let product: FloatBuffer
  private var factors: LoRTAFactors?

  private var rank: Int { adapter.rank }
  private var height: Int { host.rows / adapter.heads }

  init(_ adapter: LoRTAAdapter, _ host: HostSpec, target: Int) {
    self.adapter = adapter
    self.host = host
    self.target = target
    a = FloatBuffer(count: adapter.rank * host.columns)
    let height = host.rows / adapter.heads
    weighted = FloatBuffer(count: height * adapter.rank)
    projected = FloatBuffer(count: height * adapter.rank)
    product = FloatBuffer(count: adapter.rank * host.columns)
  }

  func load(_ tensors: [String: [Float]], base: HostWeights) {
    factors = LoRTAFactors(tensors)
    if let factors { a.write(factors.a) }
  }

  func pullBack(
    _ gradient: MatrixView, bias: FloatBuffer, place: (String) -> GradientPlace?
  ) {
    guard let factors else { return }
    let layer = adapter.layer(of: host)
    for head in 0..<adapter.heads {
      let g = gradient.rows(head * height..<(head + 1) * height)
      let p = MatrixView(projected, rows: height, columns: rank)
      multiply(g, MatrixView(a, rows: rank, columns: host.columns), transposeB: true, into: p)
      let scale = adapter.scale
      let (h, l, m) = (
        (0..<rank).map { factors.h[head * rank + $0] },
        (0..<rank).map { factors.l[layer * rank + $0] },
        (0..<rank).map { factors.m[target * rank + $0] }
      )
      if let b = place("lorta_B") {
        for row in 0..<height {
          for k in 0..<rank {
            b.buffer[b.offset + row * rank + k] +=
              scale * projected[row * rank + k] * h[k] * l[k] * m[k]
          }
        }
      }
      guard let placeA = place("lorta_A"), let placeH = place("lorta_C_H"),
        let placeL = place("lorta_C_L"), let placeM = place("lorta_C_M")
      else { continue }
      for k in 0..<rank {
        var sum: Float = 0
        for row in 0..<height {
          let b = factors.b[row * rank + k]
          sum += b * projected[row * rank + k]
          weighted[row * rank + k] = scale * b * h[k] * l[k] * m[k]
        }
        sum *= scale
        placeH.buffer[placeH.offset + head * rank + k] += sum * l[k] * m[k]
        placeL.buffer[placeL.offset + layer * rank + k] += sum * h[k] * m[k]
        placeM.buffer[placeM.offset + target * rank + k] += sum * h[k] * l[k]
      }
      multiply(
        MatrixView(weighted, rows: height, columns: rank), g, transposeA: true,
        into: MatrixView(product, rows: rank, columns: host.columns))
      placeA.buffer.addScaled(1, product, at: 0, to: placeA.offset, count: rank * host.columns)
    }
  }
}
