// How much each example of a tile may add to the sum.

import Kernels

extension Network {
  /// Sets the coefficients of a tile. A gradient that is not finite gets 0: it then contributes a
  /// vector of norm 0 ≤ C, and the guarantee stands.
  func clip(_ positions: ArraySlice<Int>, _ clipping: Clipping) {
    clipped.clearClipped(groups: clipping.groupCount)
    if case .grouped(let bounds) = clipping { return clip(positions.count, in: bounds) }
    for (i, position) in positions.enumerated() {
      guard clipping != .none else {
        coefficients[i] = 1
        continue
      }
      var total = 0.0
      for (index, layer) in layers.enumerated() where plan.isTrained(layer: index) {
        total += layer.squaredNorm(of: i)
      }
      if let shared { total += shared.squaredNorm(of: i) }
      let norm = total.squareRoot()
      norms[i] = norm
      guard norm.isFinite else {
        coefficients[i] = 0
        clipped.notFinite += 1
        continue
      }
      let factor = clipping.factor(at: position, norm: norm)
      coefficients[i] = Float(factor)
      if factor >= 1 { clipped.unclipped += 1 }
    }
  }

  /// The same for groups of layers: each is measured and shortened by itself.
  func clip(_ count: Int, in bounds: GroupBounds) {
    let groups = bounds.groups
    while groupCoefficients.count < groups.count {
      groupCoefficients.append([Float](repeating: 0, count: tile))
    }
    for i in 0..<count {
      for k in 0..<groups.count { squaredNorms[k] = 0 }
      for (layer, group) in zip(layers, groups.groupOfLayer) {
        if let group { squaredNorms[group] += layer.squaredNorm(of: i) }
      }
      let isFinite = (0..<groups.count).allSatisfy { squaredNorms[$0].isFinite }
      if !isFinite { clipped.notFinite += 1 }
      var isShortened = !isFinite
      for k in 0..<groups.count {
        guard isFinite else {
          groupCoefficients[k][i] = 0
          continue
        }
        let norm = squaredNorms[k].squareRoot()
        let factor = Clipping.shortened(norm, to: bounds.maxGradNorms[k])
        groupCoefficients[k][i] = Float(factor)
        if factor < 1 { isShortened = true }
        if norm <= Double(bounds.thresholds[k]) { clipped.within[k] += 1 }
      }
      if !isShortened { clipped.unclipped += 1 }
    }
  }

  /// Multiplies the coefficients of a tile by the weights of its examples.
  func weigh<Source: ExampleSource>(
    _ positions: ArraySlice<Int>, of source: Source, _ clipping: Clipping
  ) {
    for (i, position) in positions.enumerated() {
      // Whatever a source says, no example adds more than its bound.
      let weight = min(max(source.weight(at: position), 0), 1)
      guard weight < 1 else { continue }
      coefficients[i] *= weight
      for k in 0..<clipping.groupCount { groupCoefficients[k][i] *= weight }
    }
  }

  /// Adds a tile's gradients, times their coefficients, to the sums of the layers.
  func accumulate(_ clipping: Clipping) {
    guard case .grouped(let bounds) = clipping else {
      for layer in layers { layer.accumulate(batch, coefficients: coefficients) }
      shared?.accumulate(batch, coefficients: coefficients)
      return
    }
    for (layer, group) in zip(layers, bounds.groups.groupOfLayer) {
      if let group {
        layer.accumulate(batch, coefficients: groupCoefficients[group])
      }
    }
  }
}
