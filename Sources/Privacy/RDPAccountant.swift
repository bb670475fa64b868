// Rényi accounting: curves of the releases add up, the best order gives epsilon.

/// Bounds ε through Rényi divergences on a grid of orders.
///
/// Interprets every event that has a bound at all; close to tight for many steps, loose for a few.
public struct RDPAccountant: PrivacyAccountant {
  /// 1.01, 1.02, 1.05, then tenths to 10.9, integers to 64, and a geometric tail to 1024.
  public static let standardOrders: [Double] =
    [1.01, 1.02, 1.05] + (11...109).map { Double($0) / 10 } + (11...64).map(Double.init)
    + [72, 80, 96, 112, 128, 160, 192, 256, 384, 512, 768, 1024]

  public let orders: [Double]
  public let conversion: RDPConversion

  /// - Parameter orders: increasing, all > 1.
  public init(
    orders: [Double] = RDPAccountant.standardOrders, conversion: RDPConversion = .improved
  ) {
    self.orders = orders
    self.conversion = conversion
  }

  public var kind: AccountantKind { .rdp }

  /// The same number as `curve(of:)` followed by its own `bound`, from a tenth of the work: ε as a function
  /// of the order is quasi-convex (a convex function over α − 1), so bisection finds its minimum.
  public func bound(for event: PrivacyEvent, delta: Double) throws(AccountingError) -> EpsilonBound
  {
    let releases = try CountedReleases(event)
    if let trivial = try trivialBound(for: releases, delta: delta) { return trivial }
    let bound = bound(of: releases, delta: delta)
    guard !releases.projectedGaussians.isEmpty else { return bound }
    // Its orders are integers: where a lower one is best, all that was noised may leave at a smaller bound.
    let whole = self.bound(of: try releases.withoutProjections(), delta: delta)
    return whole.epsilon < bound.epsilon ? whole : bound
  }

  private func bound(of releases: CountedReleases, delta: Double) -> EpsilonBound {
    let orders = orders(for: releases)
    let terms = terms(of: releases, at: orders)
    var known: [Int: Double] = [:]
    func divergence(_ index: Int) -> Double {
      if let value = known[index] { return value }
      let value = terms.reduce(0) { $0 + $1(orders[index]) }
      known[index] = value
      return value
    }
    func epsilon(_ index: Int) -> Double {
      conversion.epsilon(order: orders[index], divergence: divergence(index), delta: delta)
    }
    // The shortcut to ε = 0 is strongest at the lowest order and is not part of the convex curve.
    var (low, high) = (0, orders.count - 1)
    if epsilon(low) == 0 { high = low }
    while low < high {
      let middle = low + (high - low) / 2
      if epsilon(middle) <= epsilon(middle + 1) { high = middle } else { low = middle + 1 }
    }
    let visited = known.keys.sorted()
    let curve = RDPCurve(
      orders: visited.map { orders[$0] }, divergences: visited.map { divergence($0) })
    var bound = curve.bound(delta: delta, conversion: conversion)
    bound.warnings = gridWarnings(for: bound, of: orders)
    return bound
  }

  /// The composed curve; infinite everywhere for a non-private event.
  public func curve(of event: PrivacyEvent) throws(AccountingError) -> RDPCurve {
    let releases = try CountedReleases(event)
    let orders = orders(for: releases)
    guard !releases.isNonPrivate else {
      return RDPCurve(orders: orders, divergences: orders.map { _ in .infinity })
    }
    let terms = terms(of: releases, at: orders)
    return RDPCurve(
      orders: orders, divergences: orders.map { order in terms.reduce(0) { $0 + $1(order) } })
  }

  /// Integer orders where something was projected, whose curve is known at no others.
  private func orders(for releases: CountedReleases) -> [Double] {
    releases.projectedGaussians.isEmpty ? orders : ProjectedGaussianRDP.orders
  }

  /// The divergence of each kind of release, times its count, as functions of the order.
  private func terms(
    of releases: CountedReleases, at orders: [Double]
  ) -> [(Double) -> Double] {
    var terms: [(Double) -> Double] = []
    let precision = releases.gaussianPrecision
    if precision > 0 { terms.append { order in order * precision / 2 } }
    for (release, count) in releases.sorted(releases.sampledGaussians) {
      let divergences = SubsampledGaussianRDP(release, orders: orders)
      terms.append { Double(count) * divergences.divergence(order: $0) }
    }
    for (release, count) in releases.sorted(releases.projectedGaussians) {
      let divergences = ProjectedGaussianRDP(release)
      terms.append { Double(count) * divergences.divergence(order: $0) }
    }
    for (epsilon, count) in releases.sorted(releases.exponentialMechanisms) {
      terms.append { Double(count) * ExponentialMechanism.divergence(order: $0, epsilon: epsilon) }
    }
    for (epsilon, count) in releases.sorted(releases.pureMechanisms) {
      terms.append { Double(count) * PureMechanism.divergence(order: $0, epsilon: epsilon) }
    }
    return terms
  }

  private func gridWarnings(for bound: EpsilonBound, of orders: [Double]) -> [String] {
    guard bound.epsilon > 0, orders.count > 1, let order = bound.order else { return [] }
    if order == orders.first {
      return ["the best order \(order) is the lowest of the grid; lower ones would be tighter"]
    }
    if order == orders.last {
      return ["the best order \(order) is the highest of the grid; higher ones would be tighter"]
    }
    return []
  }
}
