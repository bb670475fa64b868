// PRISM: coordinates of the tangent space keep lengths, are those of the gradient, and do not know of the factors.

import Federation
import Kernels
import Learning
import Testing

@Suite("Tangents at a low-rank change")
struct TangentTests {
  private func trace(_ a: Matrix, _ b: Matrix) -> Double {
    let product = a.multiplied(by: b)
    return (0..<product.rows).reduce(0) { $0 + product[$1, $1] }
  }

  /// X = Lᵀ G (I − Rᵀ R) and Y = G Rᵀ.
  private func coordinates(_ g: Matrix, _ own: GradientCarriers) -> (x: Matrix, y: Matrix) {
    let y = g.multiplied(by: own.r.transposed)
    let left = own.l.transposed.multiplied(by: g)
    let core = own.l.transposed.multiplied(by: y)
    return (left.adding(core.multiplied(by: own.r), times: -1), y)
  }

  @Test("the coordinates have the length of the projected gradient, and give it back")
  func isometry() throws {
    var stream = RandomStream(seed: 4, purpose: .test)
    let change = matrix(14, 3, &stream).multiplied(by: matrix(3, 11, &stream))
    let own = try GradientCarriers(tangentAt: change, rank: 3)
    let g = matrix(14, 11, &stream)
    let (x, y) = coordinates(g, own)
    let projected = own.tangent(x: x, y: y)
    #expect(abs(projected.squaredNorm - x.squaredNorm - y.squaredNorm) < 1e-9)
    // The orthogonal projection, by RGP's formula.
    let again = own.reconstruct(
      dL: g.multiplied(by: own.r.transposed), dR: own.l.transposed.multiplied(by: g))
    #expect(difference(projected, again) < 1e-10)
    // RGP clips by more than that: the core counts twice.
    let rgp = y.squaredNorm + own.l.transposed.multiplied(by: g).squaredNorm
    #expect(rgp > projected.squaredNorm + 0.1)
  }

  @Test("the length is the published one, with factors of any gauge")
  func gauges() throws {
    var stream = RandomStream(seed: 5, purpose: .test)
    let (b, a) = (matrix(12, 2, &stream), matrix(2, 9, &stream))
    let (db, da) = (matrix(12, 2, &stream), matrix(2, 9, &stream))
    let tangent = db.multiplied(by: a).adding(b.multiplied(by: da))
    let own = try GradientCarriers(tangentAt: b.multiplied(by: a), rank: 2)
    let (x, y) = coordinates(tangent, own)
    #expect(difference(own.tangent(x: x, y: y), tangent) < 1e-10)
    for scale in [1, 1e3, 1e-3] {
      let (sb, sa) = (b.scaled(by: scale), a.scaled(by: 1 / scale))
      let (sdb, sda) = (db.scaled(by: scale), da.scaled(by: 1 / scale))
      let published =
        trace(sdb.transposed.multiplied(by: sdb), sa.multiplied(by: sa.transposed))
        + trace(sda.multiplied(by: sda.transposed), sb.transposed.multiplied(by: sb))
        + 2 * trace(sda.multiplied(by: sa.transposed), sdb.transposed.multiplied(by: sb))
      #expect(abs(published - x.squaredNorm - y.squaredNorm) < 1e-8 * published)
      // What the factors' own gradients are clipped by runs away with the gauge.
      let gauged = try GradientCarriers(tangentAt: sb.multiplied(by: sa), rank: 2)
      #expect(abs(coordinates(tangent, gauged).y.squaredNorm - y.squaredNorm) < 1e-8)
    }
  }

  @Test("noise on the coordinates is as large as the tangent space has dimensions")
  func noise() throws {
    var stream = RandomStream(seed: 6, purpose: .test)
    let (m, n, rank) = (9, 13, 2)
    let own = try GradientCarriers(
      tangentAt: matrix(m, rank, &stream).multiplied(by: matrix(rank, n, &stream)), rank: rank)
    var total = 0.0
    let draws = 4000
    for _ in 0..<draws {
      let (x, y) = (matrix(rank, n, &stream), matrix(m, rank, &stream))
      total += own.tangent(x: x, y: y).squaredNorm
    }
    let dimensions = Double(rank * (m + n - rank))
    let deviation = (2 * dimensions / Double(draws)).squareRoot()
    #expect(abs(total / Double(draws) - dimensions) < 5 * deviation)
  }

  @Test("retraction is the best approximation of the rank")
  func retraction() throws {
    var stream = RandomStream(seed: 7, purpose: .test)
    for shape in [(12, 7), (7, 12)] {
      let change = matrix(shape.0, shape.1, &stream)
      let own = try GradientCarriers(tangentAt: change, rank: 3)
      let retracted = own.retracted(change)
      let gram =
        shape.0 <= shape.1
        ? change.multiplied(by: change.transposed) : change.transposed.multiplied(by: change)
      let rest = try gram.symmetricEigen().values.sorted(by: >).dropFirst(3).reduce(0, +)
      #expect(abs(change.adding(retracted, times: -1).squaredNorm - rest) < 1e-9)
      #expect(difference(own.retracted(retracted), retracted) < 1e-10)
    }
  }

  @Test("an example's coordinates are those of its gradient", arguments: [false, true])
  func network(isDeep: Bool) throws {
    let architecture: Architecture =
      isDeep
      ? .mlp(inputs: 5, hidden: [7], classes: 4) : .logistic(inputs: 5, classes: 4)
    let name = isDeep ? "fc1" : "fc"
    var stream = RandomStream(seed: 8, purpose: .test)
    let base = architecture.initialParameters(seed: 8)
    let plan = try TrainingPlan(
      architecture: architecture, adapter: TangentAdapter(rank: 2, targetModules: [name]))
    let layer = try #require(plan.adaptedLayers.first)
    #expect(plan.adaptedLayers.count == 1 && layer.rank == 2 && layer.scale == 1)
    let own = try GradientCarriers(
      tangentAt: matrix(layer.rows, layer.columns, &stream), rank: 2)
    var theta = plan.initialTrainable(base: base, seed: 8)
    for (slot, factor) in [(layer.a, own.r), (layer.b, own.l)] {
      for (place, value) in zip(slot.range, factor.elements) { theta[place] = Float(value) }
    }
    let network = Network(plan: plan)
    network.load(frozen: FrozenParameters(base: base, factors: []))
    network.load(trainable: theta)
    let wholePlan = try TrainingPlan(architecture: architecture)
    let whole = Network(plan: wholePlan)
    whole.load(frozen: FrozenParameters(base: base, factors: []))
    whole.load(
      trainable: plan.merged(
        frozen: FrozenParameters(base: base, factors: []), trainable: theta))
    let clouds = TwoClouds(count: 6)
    for i in 0..<6 {
      var found = [Float](repeating: 0, count: plan.trainableCount)
      var norm = 0.0
      _ = network.addClippedSum(
        of: clouds, at: [i], clipping: .flat(maxGradNorm: 1e6), to: &found
      ) { norm = $1 }
      var all = [Float](repeating: 0, count: wholePlan.trainableCount)
      _ = whole.addClippedSum(of: clouds, at: [i], clipping: .none, to: &all)
      let g = Matrix(
        rows: layer.rows, columns: layer.columns,
        elements: all[layer.weight.range].map(Double.init))
      let (x, y) = coordinates(g, own)
      for (slot, expected) in [(layer.a, x), (layer.b, y)] {
        let measured = Matrix(
          rows: expected.rows, columns: expected.columns,
          elements: found[slot.range].map(Double.init))
        #expect(difference(measured, expected) < 1e-5)
      }
      let length = (x.squaredNorm + y.squaredNorm).squareRoot()
      #expect(length > 1e-3 && abs(norm - length) < 1e-5)
    }
  }
}
