// Arrow: a model that carries several low-rank adapters and routes each row, or each example, to those whose
// directions it lies along (Ostapenko et al., arXiv:2405.11157). Nothing is trained and no label is seen: routing is
// post-processing of released adapters.

public import Kernels

/// Experts on a frozen model. For evaluation alone: nothing of it is trained.
public struct ArrowAdapter: Adapter {
  public let kind = "arrow"
  public let targetModules: [String]
  public let routing: ExpertRouting
  let experts: Int
  /// The rank of each host's factors, experts together.
  private let ranks: [String: Int]
  private let heads: [String]

  /// - Parameter experts: at least one, all on the same hosts.
  public init(_ experts: [RoutedExpert], routing: ExpertRouting) {
    self.routing = routing
    self.experts = experts.count
    var ranks: [String: Int] = [:]
    for expert in experts {
      for (host, factors) in expert.factors { ranks[host, default: 0] += factors.a.rows }
    }
    self.ranks = ranks
    heads = (experts.first?.heads.keys ?? [:].keys).sorted()
    targetModules = ranks.keys.sorted() + heads
  }

  public var isMergeable: Bool { false }
  public var trainsNothing: Bool { true }

  /// Names in full: what merely ends like one is not meant.
  public func mode(on host: HostSpec, target: Int) -> HostMode {
    targetModules[target] == host.name ? .adapted : .frozen
  }

  public func tensors(
    on host: HostSpec, target: Int
  ) throws(ArchitectureError) -> [AdapterTensor] {
    func tensor(_ name: String, _ rows: Int, _ columns: Int) -> AdapterTensor {
      AdapterTensor(name, rows: rows, columns: columns, start: .constant(0), isTrained: false)
    }
    if let rank = ranks[host.name] {
      return [
        tensor("experts_A", rank, host.columns), tensor("experts_B", host.rows, rank),
        tensor("prototypes", experts, host.columns), tensor("ranks", experts, 1),
      ]
    }
    guard heads.contains(host.name) else { return [] }
    return [
      tensor("experts_weight", experts * host.rows, host.columns),
      tensor("experts_bias", experts * host.rows, 1),
    ]
  }

  public func merge(
    _ tensors: [String: [Float]], into weights: inout HostWeights, on host: HostSpec, target: Int
  ) {}

  public func makeTerm(_ context: AdapterContext) -> (any AdapterTerm)? {
    let hosts = ranks.keys.sorted()
    let gates = context.workspace.scratch(
      "expert gates", count: hosts.count * context.examples * experts)
    if let place = hosts.firstIndex(of: context.host.name) {
      return RoutedFactors(
        context, experts: experts, routing: routing, gates: gates,
        at: place * context.examples * experts)
    }
    return heads.contains(context.host.name)
      ? RoutedHead(context, experts: experts, gates: gates, hosts: hosts.count) : nil
  }

  /// The frozen factors of a plan with this adapter.
  ///
  /// - Parameter experts: those that it was made with.
  public static func frozenFactors(
    of plan: TrainingPlan, experts: [RoutedExpert]
  ) throws(EigenError) -> [Float] {
    var values: [String: [Float]] = [:]
    for host in plan.architecture.hosts {
      let own = experts.compactMap { $0.factors[host.name] }
      let heads = experts.compactMap { $0.heads[host.name] }
      if !own.isEmpty {
        values["\(host.name).experts_A"] = own.flatMap { $0.a.elements.map { Float($0) } }
        values["\(host.name).experts_B"] = (0..<host.rows).flatMap { row in
          own.flatMap { $0.b.row(row).map { Float($0) } }
        }
        var prototypes: [Float] = []
        for factors in own { prototypes += try factors.prototype().map { Float($0) } }
        values["\(host.name).prototypes"] = prototypes
        values["\(host.name).ranks"] = own.map { Float($0.a.rows) }
      }
      if !heads.isEmpty {
        values["\(host.name).experts_weight"] = heads.flatMap(\.weight)
        values["\(host.name).experts_bias"] = heads.flatMap(\.bias)
      }
    }
    return plan.frozenFactorSlots.flatMap { slot in
      values[slot.name] ?? [Float](repeating: 0, count: slot.count)
    }
  }
}

/// Σ_e w_e B_e A_e x beside a frozen host. Nothing of it is trained, so nothing is asked of it on the way back.
private final class RoutedFactors: AdapterTerm {
  private let plan: TrainingPlan
  private let host: HostSpec
  private let experts: Int
  private let routing: ExpertRouting
  private let rank: Int
  private let down: Panels
  private let up: Panels
  private let directions: Panels
  private let inner: FloatBuffer
  private let logits: FloatBuffer
  /// The mean weights of each example of a tile on this host, from `place`.
  private let gates: FloatBuffer
  private let place: Int
  private var ranks: [Int] = []

  init(
    _ context: AdapterContext, experts: Int, routing: ExpertRouting, gates: FloatBuffer,
    at place: Int
  ) {
    plan = context.plan
    host = context.host
    self.experts = experts
    self.routing = routing
    self.gates = gates
    self.place = place
    rank = context.slot("experts_A")?.slot.rows ?? 0
    down = Panels(depth: context.host.columns, columns: rank)
    up = Panels(depth: rank, columns: context.host.rows)
    directions = Panels(depth: context.host.columns, columns: experts)
    inner = FloatBuffer(count: context.rows * rank)
    logits = FloatBuffer(count: context.rows * experts)
  }

  func load(frozen: FrozenParameters) {
    let tensors = plan.adapterValues(on: host, frozen: frozen.factors, trainable: [])
    down.pack(
      tensors["experts_A"] ?? [], at: 0, rows: rank, columns: host.columns, transposed: true)
    up.pack(tensors["experts_B"] ?? [], at: 0, rows: host.rows, columns: rank, transposed: true)
    directions.pack(
      tensors["prototypes"] ?? [], at: 0, rows: experts, columns: host.columns, transposed: true)
    ranks = (tensors["ranks"] ?? []).map { Int($0) }
  }

  func load(trainable: [Float]) {}

  func forward(_ x: MatrixView, _ y: MatrixView, tile: Tile) {
    let h = MatrixView(inner, rows: tile.rows, columns: rank)
    chainMultiply(x, by: down, into: h)
    chainMultiply(
      x, by: directions, into: MatrixView(logits, rows: tile.rows, columns: experts))
    for example in 0..<tile.count { share(tile.rows(of: example), example: example) }
    chainMultiply(h, by: up, start: .target, into: y)
  }

  /// Multiplies each expert's part of an example's rows by its weight.
  private func share(_ rows: Range<Int>, example: Int) {
    func sizes(_ row: Int) -> [Double] {
      (0..<experts).map { Double(logits[row * experts + $0].magnitude) }
    }
    var mean = [Double](repeating: 0, count: experts)
    var common: [Double]?
    if case .arrow(byExample: false, _, _) = routing {
    } else {
      var sum = [Double](repeating: 0, count: experts)
      for row in rows { for (e, size) in sizes(row).enumerated() { sum[e] += size } }
      common = routing.weights(of: sum.map { $0 / Double(max(rows.count, 1)) })
    }
    for row in rows {
      let weights = common ?? routing.weights(of: sizes(row))
      var column = row * rank
      for (e, weight) in weights.enumerated() {
        mean[e] += weight / Double(rows.count)
        for _ in 0..<ranks[e] {
          inner[column] *= Float(weight)
          column += 1
        }
      }
    }
    for e in 0..<experts { gates[place + example * experts + e] = Float(mean[e]) }
  }

  func backward(
    _ x: MatrixView, outputGradient: MatrixView, inputGradient: MatrixView?, tile: Tile
  ) {}
  func squaredNorm(of example: Int) -> Double { 0 }
  func accumulate(_ tile: Tile, coefficients: [Float]) {}
  func drainSum(into total: inout [Float]) {}
}

/// The heads of all experts, by the mean weights of an example over all routed hosts.
private final class RoutedHead: AdapterTerm {
  private let plan: TrainingPlan
  private let host: HostSpec
  private let experts: Int
  private let examples: Int
  private let gates: FloatBuffer
  private let hosts: Int
  private let panels: Panels
  private let outputs: FloatBuffer
  private var bias: [Float] = []

  init(_ context: AdapterContext, experts: Int, gates: FloatBuffer, hosts: Int) {
    plan = context.plan
    host = context.host
    self.experts = experts
    self.gates = gates
    self.hosts = hosts
    examples = context.examples
    panels = Panels(depth: context.host.columns, columns: experts * context.host.rows)
    outputs = FloatBuffer(count: context.rows * experts * context.host.rows)
  }

  func load(frozen: FrozenParameters) {
    let tensors = plan.adapterValues(on: host, frozen: frozen.factors, trainable: [])
    panels.pack(
      tensors["experts_weight"] ?? [], at: 0, rows: experts * host.rows, columns: host.columns,
      transposed: true)
    bias = tensors["experts_bias"] ?? []
  }

  func load(trainable: [Float]) {}

  func forward(_ x: MatrixView, _ y: MatrixView, tile: Tile) {
    let width = experts * host.rows
    chainMultiply(x, by: panels, into: MatrixView(outputs, rows: tile.rows, columns: width))
    for example in 0..<tile.count {
      for e in 0..<experts {
        let weight =
          (0..<hosts).reduce(Float(0)) {
            $0 + gates[($1 * examples + example) * experts + e]
          } / Float(hosts)
        for row in tile.rows(of: example) {
          for column in 0..<host.rows {
            let own = e * host.rows + column
            y.buffer[y.offset + row * y.stride + column] +=
              weight * (outputs[row * width + own] + bias[own])
          }
        }
      }
    }
  }

  func backward(
    _ x: MatrixView, outputGradient: MatrixView, inputGradient: MatrixView?, tile: Tile
  ) {}
  func squaredNorm(of example: Int) -> Double { 0 }
  func accumulate(_ tile: Tile, coefficients: [Float]) {}
  func drainSum(into total: inout [Float]) {}
}
