// The rules that average adapters, against brute force: who reproduces the mean of products, who does not,
// and what noise makes of them.

import Federation
import Kernels
import Learning
import Privacy
import Scenarios
import TestSupport
import Testing

typealias Rule = Scenario.Adapter.Aggregation

extension Rule {
  /// The rules for low-rank factors; the plain mean of other kinds is none.
  static let withFactors = AggregationCatalog.all.map { Rule($0) } + [.rgp, .prism]
}

/// Random matrices and clients.
private struct Draws {
  var stream: RandomStream

  init(_ seed: UInt64) { stream = RandomStream(seed: seed, purpose: .test) }

  mutating func matrix(_ rows: Int, _ columns: Int, _ deviation: Double = 1) -> Matrix {
    Matrix(
      rows: rows, columns: columns,
      // Single precision, as in the vectors that clients send.
      elements: (0..<rows * columns).map { _ in
        Double(Float(deviation * stream.nextGaussian()))
      })
  }

  mutating func factors(_ m: Int, _ n: Int, rank r: Int, scale: Double = 2) -> LayerFactors {
    LayerFactors(a: matrix(r, n), b: matrix(m, r), scale: scale)
  }
}

/// Two adapted layers, 6 × 9 and 8 × 5, three clients of rank 3.
private func input(
  _ trained: TrainedFactors, residual: Bool, seed: UInt64 = 1
) -> AggregationInput {
  var draws = Draws(seed)
  let start = AdapterModel(
    layers: [draws.factors(6, 9, rank: 3), draws.factors(8, 5, rank: 3)],
    residual: residual ? [draws.matrix(6, 9), draws.matrix(8, 5)] : [])
  let clients = (0..<3).map { _ in
    start.layers.map { layer in
      var moved = draws.factors(layer.b.rows, layer.a.columns, rank: 3)
      if trained == .b { moved.a = layer.a }
      if trained == .a { moved.b = layer.b }
      return moved
    }
  }
  return AggregationInput(start: start, clients: clients, trained: trained, seed: seed, round: 2)
}

/// Σ p_k s B_k A_k by loops.
private func meanProduct(_ clients: [LayerFactors]) -> Matrix {
  var total = Matrix(rows: clients[0].b.rows, columns: clients[0].a.columns)
  for client in clients {
    for i in 0..<total.rows {
      for j in 0..<total.columns {
        for k in 0..<client.a.rows {
          total[i, j] +=
            client.scale * client.b[i, k] * client.a[k, j] / Double(clients.count)
        }
      }
    }
  }
  return total
}

/// What the rule adds to the weights beyond what was folded in before, against the brute-force mean.
private func relativeError(_ rule: Rule, _ input: AggregationInput) throws -> Double {
  let next = try rule.makeRule().aggregate(input)
  var (missed, whole) = (0.0, 0.0)
  for (layer, change) in next.weightChanges.enumerated() {
    var exact = meanProduct(input.clients.map { $0[layer] })
    whole += exact.squaredNorm
    if let residual = input.start.residual.indices.contains(layer)
      ? input.start.residual[layer] : nil
    {
      exact = exact.adding(residual)
    }
    missed += change.adding(exact, times: -1).squaredNorm
  }
  let reported = input.error(of: next)
  #expect(abs(reported.missed - missed) < 1e-9 * whole)
  #expect(abs(reported.whole - whole) < 1e-9 * whole)
  return (missed / whole).squareRoot()
}

@Suite("Averaging of adapters")
struct AggregationRuleTests {
  @Test(
    "factors that cannot be averaged name their client by its number, not by its place in the list")
  func refusal() {
    let sound = input(.both, residual: false)
    var clients = sound.clients
    clients[1][0].b = Matrix(
      rows: 6, columns: 3, elements: [Double](repeating: .infinity, count: 18))
    let broken = AggregationInput(
      start: sound.start, clients: clients, numbers: [4, 17, 31], trained: .both)
    #expect(throws: FederationError.updateOutOfRange(client: 17, value: .infinity)) {
      try broken.withMeanFactors()
    }
  }

  @Test("FLoRA and FedEx reproduce the mean of products, FedIT and LoRA-FAIR do not")
  func exactness() throws {
    for seed in UInt64(1)...5 {
      #expect(try relativeError(.floRA, input(.both, residual: true, seed: seed)) < 1e-6)
      #expect(try relativeError(.fedExLoRA, input(.both, residual: true, seed: seed)) < 1e-6)
      let plain = try relativeError(.fedIT, input(.both, residual: false, seed: seed))
      let fair = try relativeError(.loRAFAIR, input(.both, residual: false, seed: seed))
      #expect(plain > 0.1)
      #expect(fair > 0.01 && fair < plain)
    }
  }

  @Test("rules that train one factor beside a common one reproduce it")
  func linear() throws {
    for seed in UInt64(1)...5 {
      #expect(try relativeError(.ffaLoRA, input(.b, residual: false, seed: seed)) < 1e-6)
      #expect(try relativeError(.fedSVD, input(.b, residual: false, seed: seed)) < 1e-6)
      #expect(try relativeError(.fedASK, input(.b, residual: false, seed: seed)) < 1e-6)
      for rule in [Rule.roLoRA, .deer] {
        #expect(try relativeError(rule, input(.b, residual: false, seed: seed)) < 1e-6)
        #expect(try relativeError(rule, input(.a, residual: false, seed: seed)) < 1e-6)
      }
    }
  }

  @Test("FlexLoRA is exact at full rank and otherwise the best approximation of its rank")
  func decomposition() throws {
    var draws = Draws(3)
    // Rank 5 holds everything a 5 × 7 or 7 × 5 matrix can be.
    for (m, n) in [(5, 7), (7, 5)] {
      let start = AdapterModel(layers: [draws.factors(m, n, rank: 5)])
      let clients = (0..<4).map { _ in [draws.factors(m, n, rank: 5)] }
      let full = AggregationInput(start: start, clients: clients, trained: .both)
      #expect(try relativeError(.flexLoRA, full) < 1e-6)
    }
    let start = AdapterModel(layers: [draws.factors(6, 9, rank: 2)])
    let clients = (0..<4).map { _ in [draws.factors(6, 9, rank: 2)] }
    let cut = AggregationInput(start: start, clients: clients, trained: .both)
    let next = try Rule.flexLoRA.makeRule().aggregate(cut)
    let exact = meanProduct(clients.map { $0[0] })
    // The error is what the other singular values hold; those come from the eigenvalues of W Wᵀ.
    let values = try exact.multiplied(by: exact.transposed).symmetricEigen().values
    let rest = values.dropFirst(2).reduce(0, +)
    let missed = next.weightChanges[0].adding(exact, times: -1).squaredNorm
    #expect(abs(missed - rest) < 1e-8 * exact.squaredNorm)
    // A has orthonormal rows, and B descending columns: a client of rank 1 gets the largest.
    let a = next.layers[0].a
    let gram = a.multiplied(by: a.transposed)
    #expect(difference(gram, Matrix(rows: [[1, 0], [0, 1]])) < 1e-10)
    let lengths = next.layers[0].b.transposed
    #expect(lengths.firstRows(1).squaredNorm >= 0.5 * lengths.squaredNorm)
  }

  @Test(
    "clients of different ranks add up in FlexLoRA and FLoRA", arguments: [Rule.flexLoRA, .floRA])
  func differentRanks(_ rule: Rule) throws {
    var draws = Draws(4)
    let start = AdapterModel(
      layers: [draws.factors(6, 9, rank: 6)],
      residual: rule == .floRA ? [Matrix(rows: 6, columns: 9)] : [])
    let clients = [1, 4, 2].map { [draws.factors(6, 9, rank: $0)] }
    let input = AggregationInput(start: start, clients: clients, trained: .both)
    #expect(try relativeError(rule, input) < 1e-6)
  }

  @Test("LoRA-FAIR's correction solves its equation: (W* − (B + ΔB) A) Aᵀ = λ ΔB")
  func correction() throws {
    let input = input(.both, residual: false)
    let means = try Rule.fedIT.makeRule().aggregate(input)
    let next = try Rule.loRAFAIR.makeRule().aggregate(input)
    for (layer, factors) in next.layers.enumerated() {
      let exact = meanProduct(input.clients.map { $0[layer] })
      let left = exact.adding(factors.product, times: -1).scaled(by: 1 / factors.scale)
        .multiplied(by: factors.a.transposed)
      let right = factors.b.adding(means.layers[layer].b, times: -1).scaled(by: 0.01)
      #expect(difference(left, right) < 1e-8 * (1 + left.squaredNorm.squareRoot()))
    }
  }

  @Test("rewriting a model for a phase keeps its weights and makes the other factor orthonormal")
  func preparation() throws {
    var draws = Draws(5)
    let ordinary = draws.factors(6, 9, rank: 3)
    var empty = draws.factors(6, 9, rank: 3)
    empty.b = Matrix(rows: 6, columns: 3)
    var deficient = draws.factors(6, 9, rank: 3)
    deficient.a = Matrix(rows: [0, 0, 1].map { deficient.a.row($0) })
    let model = AdapterModel(layers: [ordinary, empty, deficient])
    for (rule, trained) in [(Rule.fedSVD, TrainedFactors.b), (.deer, .b), (.deer, .a)] {
      let next = try rule.makeRule().prepared(model, for: trained)
      for (before, after) in zip(model.layers, next.layers) {
        #expect(difference(before.product, after.product) < 1e-9)
        let basis = trained == .b ? after.a : after.b.transposed
        let gram = basis.multiplied(by: basis.transposed)
        for i in 0..<3 {
          for j in 0..<3 { #expect(abs(gram[i, j] - (i == j ? 1 : 0)) < 1e-10) }
        }
      }
    }
    // FedSVD orders the components: columns of B are orthogonal and descending.
    let svd = try Rule.fedSVD.makeRule().prepared(model, for: .b).layers[0].b.transposed
    let lengths = (0..<3).map { svd.row($0).reduce(0) { $0 + $1 * $1 } }
    #expect(lengths == lengths.sorted(by: >))
    #expect(abs(zip(svd.row(0), svd.row(2)).reduce(0) { $0 + $1.0 * $1.1 }) < 1e-9)
  }

  @Test("FedASK gives both factors the same singular values, in order, and lose no rank")
  func sketches() throws {
    var given = input(.b, residual: false)
    let next = try Rule.fedASK.makeRule().aggregate(given)
    for layer in next.layers {
      let columns = layer.b.transposed
      let left = columns.multiplied(by: columns.transposed)
      let right = layer.a.multiplied(by: layer.a.transposed)
      #expect(difference(left, right) < 1e-9)
      #expect((1..<3).allSatisfy { left[$0, $0] <= left[$0 - 1, $0 - 1] + 1e-12 })
      #expect(abs(left[0, 1]) + abs(left[0, 2]) + abs(left[1, 2]) < 1e-9)
    }
    // Nobody moved from B = 0: A must be able to carry the next gradient.
    let still = given.clients.map { layers in
      layers.map {
        LayerFactors(a: $0.a, b: Matrix(rows: $0.b.rows, columns: $0.b.columns), scale: $0.scale)
      }
    }
    given = AggregationInput(start: given.start, clients: still, trained: .b, seed: 1)
    for layer in try Rule.fedASK.makeRule().aggregate(given).layers {
      #expect(layer.b.squaredNorm == 0)
      #expect((0..<3).allSatisfy { k in layer.a.row(k).reduce(0) { $0 + $1 * $1 } > 0.9 })
    }
  }

  @Test("noise of single clients: exact averaging of products has K times the energy of FedIT's")
  func quadraticNoise() throws {
    let (count, trials) = (8, 120)
    var draws = Draws(6)
    var (apart, exact) = (0.0, 0.0)
    for _ in 0..<trials {
      let zero = LayerFactors(
        a: Matrix(rows: 4, columns: 20), b: Matrix(rows: 10, columns: 4), scale: 1)
      let clients = (0..<count).map { _ in
        [LayerFactors(a: draws.matrix(4, 20), b: draws.matrix(10, 4), scale: 1)]
      }
      let plain = AggregationInput(
        start: AdapterModel(layers: [zero]), clients: clients, trained: .both)
      let folding = AggregationInput(
        start: AdapterModel(layers: [zero], residual: [Matrix(rows: 10, columns: 20)]),
        clients: clients, trained: .both)
      apart += try Rule.fedIT.makeRule().aggregate(plain).weightChanges[0].squaredNorm
      exact += try Rule.fedExLoRA.makeRule().aggregate(folding).weightChanges[0].squaredNorm
    }
    #expect(abs(exact / apart / Double(count) - 1) < 0.1)
    // s⁴ m n r / K² and s⁴ m n r / K with unit noise.
    let unit = 10.0 * 20 * 4 * Double(trials)
    #expect(abs(apart / (unit / Double(count * count)) - 1) < 0.1)
    #expect(abs(exact / (unit / Double(count)) - 1) < 0.1)
  }

  @Test("steps of a round are shared among its phases, each once, and nobody is left out for ever")
  func phases() {
    for total in 0...7 {
      for count in 1...3 {
        for round in 0...3 {
          let parts = (0..<count).map {
            Phase(.b, index: $0, count: count).steps(of: total, round: round)
          }
          #expect(parts.flatMap(Array.init) == Array(0..<total))
        }
      }
    }
    // With a single step a round B and A take turns.
    let turns = (0..<2).map { round in
      (0..<2).map { Phase(.b, index: $0, count: 2).steps(of: 1, round: round).count }
    }
    #expect(turns == [[1, 0], [0, 1]])
  }
}
