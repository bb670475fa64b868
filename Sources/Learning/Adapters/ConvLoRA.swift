// Low-rank adaptation of a convolution's kernel, k·k places at once.
//
// Aleem et al., "ConvLoRA and AdaBN based domain adaptation" (ISBI 2024): kernel + s·reshape(B A) with A of
// r k × c_in k and B of c_out k × r k. The published form goes with batch statistics (AdaBN), which couple
// examples and would be a release without account: these models have group normalisation instead. The other
// method of the name (Conv-LoRA, ICLR 2024) routes inside the bottleneck and has a loss over batches: not offered.

import Kernels

/// W + s·reshape(B A) on convolutions, s = lora_alpha/r; A starts random, B at 0.
///
/// Trained: (c_in k + c_out k) r k numbers a host. Under DP-SGD A and B enter the per-example clip and are noised,
/// so that their product carries quadratic noise as LoRA's does; the merged kernel is post-processing. The mean of
/// the factors is not the mean of the products: averaging is inexact.
public struct ConvLoRAAdapter: WeightAdapter, Hashable {
  public let kind = "conv-lora"
  public let rank: Int
  public let loraAlpha: Double
  public let targetModules: [String]
  public let modulesToSave: [String]

  public init(
    rank: Int, loraAlpha: Double, targetModules: [String], modulesToSave: [String] = []
  ) {
    self.rank = rank
    self.loraAlpha = loraAlpha
    self.targetModules = targetModules
    self.modulesToSave = modulesToSave
  }

  fileprivate var scale: Float { Float(loraAlpha / Double(rank)) }

  public func tensors(
    on host: HostSpec, target: Int
  ) throws(ArchitectureError) -> [AdapterTensor] {
    guard case .kernel(let size, let channels) = host.order else {
      throw ArchitectureError(
        description:
          "adapter.target_modules: conv-lora is for convolutions and \(host.name) is none; "
          + "leave it out, or train it whole by modules_to_save")
    }
    return [
      AdapterTensor(
        "lora_A", rows: rank * size, columns: channels * size,
        start: .gaussian(deviation: 1 / Double(rank * size).squareRoot()), isTrained: true,
        isSilentAtStart: true),
      AdapterTensor(
        "lora_B", rows: host.rows * size, columns: rank * size, start: .constant(0),
        isTrained: true),
    ]
  }

  public func merge(
    _ tensors: [String: [Float]], into weights: inout HostWeights, on host: HostSpec, target: Int
  ) {
    guard let a = tensors["lora_A"], let b = tensors["lora_B"], let places = KernelPlaces(host)
    else { return }
    let inner = rank * places.size
    for row in 0..<places.rows {
      for column in 0..<places.columns {
        var value: Float = 0
        for k in 0..<inner { value += b[row * inner + k] * a[k * places.columns + column] }
        weights.weight[places.map[row * places.columns + column]] += scale * value
      }
    }
  }

  public func makePullback(on host: HostSpec, target: Int) -> any WeightPullback {
    ConvLoRAPullback(host, rank: rank, scale: scale)
  }
}

/// Where the elements of B A, `c_out k × c_in k`, stand in a kernel: read row by row they are the kernel as
/// [out][in][row][column], and ours are [out][row][column][in].
private struct KernelPlaces {
  let size: Int
  let rows: Int
  let columns: Int
  let map: [Int]

  init?(_ host: HostSpec) {
    guard case .kernel(let size, let channels) = host.order else { return nil }
    self.size = size
    rows = host.rows * size
    columns = channels * size
    map = (0..<host.rows * channels * size * size).map { flat in
      let (rest, v) = flat.quotientAndRemainder(dividingBy: size)
      let (outer, u) = rest.quotientAndRemainder(dividingBy: size)
      let (out, channel) = outer.quotientAndRemainder(dividingBy: channels)
      return ((out * size + u) * size + v) * channels + channel
    }
  }
}

private final class ConvLoRAPullback: WeightPullback {
  private let rank: Int
  private let scale: Float
  private let places: KernelPlaces?
  private let a: FloatBuffer
  private let b: FloatBuffer
  private let turned: FloatBuffer
  private let change: FloatBuffer

  init(_ host: HostSpec, rank: Int, scale: Float) {
    self.scale = scale
    places = KernelPlaces(host)
    self.rank = rank * (places?.size ?? 0)
    let (rows, columns) = (places?.rows ?? 0, places?.columns ?? 0)
    a = FloatBuffer(count: self.rank * columns)
    b = FloatBuffer(count: self.rank * rows)
    turned = FloatBuffer(count: rows * columns)
    change = FloatBuffer(count: self.rank * max(rows, columns))
  }

  func load(_ tensors: [String: [Float]], base: HostWeights) {
    a.write(tensors["lora_A"] ?? [])
    b.write(tensors["lora_B"] ?? [])
  }

  func pullBack(
    _ gradient: MatrixView, bias: FloatBuffer, place: (String) -> GradientPlace?
  ) {
    guard let places else { return }
    turned.clear()
    turned.addElements(of: gradient, at: places.map, to: 0)
    let g = MatrixView(turned, rows: places.rows, columns: places.columns)
    if let target = place("lora_B") {
      multiply(
        g, MatrixView(a, rows: rank, columns: places.columns), transposeB: true, alpha: scale,
        into: MatrixView(change, rows: places.rows, columns: rank))
      target.buffer.addScaled(1, change, at: 0, to: target.offset, count: places.rows * rank)
    }
    if let target = place("lora_A") {
      multiply(
        MatrixView(b, rows: places.rows, columns: rank), g, transposeA: true, alpha: scale,
        into: MatrixView(change, rows: rank, columns: places.columns))
      target.buffer.addScaled(1, change, at: 0, to: target.offset, count: places.columns * rank)
    }
  }
}
