// Worker lanes: a fixed set of actors, one a core, that own the heavy memory. Clients borrow a lane
// for their local work, so ten thousand dormant clients cost next to nothing.

package import Learning

/// What a lane keeps between clients.
final class LaneWorkspace {
  /// The network that clients train.
  let network: Network
  private let plan: TrainingPlan
  private var wholeNetwork: Network?
  private var otherNetworks: [NetworkKey: Network] = [:]
  private let idleWorkers: IdleWorkers

  init(plan: TrainingPlan, tile: Int, idleWorkers: IdleWorkers) {
    self.plan = plan
    self.idleWorkers = idleWorkers
    network = Network(plan: plan, tile: tile)
    network.idleWorkers = idleWorkers
  }

  /// The network for a materialized model, with its frozen parameters loaded; that of the run without one.
  func network(for materialized: MaterializedModel?) -> Network {
    guard let materialized else { return network }
    let known =
      otherNetworks[materialized.key] ?? Network(plan: materialized.plan, tile: network.tile)
    known.idleWorkers = idleWorkers
    otherNetworks[materialized.key] = known
    known.load(frozen: materialized.frozen)
    return known
  }

  /// The same model with every parameter trained: for pretraining and for merged models.
  func whole() throws(ArchitectureError) -> Network {
    if plan.adapter == nil { return network }
    if let wholeNetwork { return wholeNetwork }
    let made = Network(
      plan: try TrainingPlan(architecture: plan.architecture), tile: network.tile)
    made.idleWorkers = idleWorkers
    wholeNetwork = made
    return made
  }
}

/// One lane. Its workspace is used by one piece of work at a time.
actor Lane {
  private let workspace: LaneWorkspace

  init(plan: TrainingPlan, tile: Int, idleWorkers: IdleWorkers) {
    workspace = LaneWorkspace(plan: plan, tile: tile, idleWorkers: idleWorkers)
  }

  func run<Output: Sendable>(
    _ work: @Sendable (LaneWorkspace) throws -> Output
  ) throws -> Output {
    try work(workspace)
  }
}

/// Hands out positions of a list, one after another.
private actor Queue {
  private var next = 0
  private let count: Int

  init(count: Int) { self.count = count }

  func take() -> Int? {
    guard next < count else { return nil }
    defer { next += 1 }
    return next
  }
}

/// All lanes of a run.
package struct LanePool: Sendable {
  private let lanes: [Lane]
  /// Lanes without a client, whose workers help with the batches of the others.
  private let idleWorkers = IdleWorkers()

  package init(workers: Int, plan: TrainingPlan, tile: Int) {
    lanes = (0..<max(workers, 1)).map { [idleWorkers] _ in
      Lane(plan: plan, tile: tile, idleWorkers: idleWorkers)
    }
  }

  /// Runs `work` for every item on whichever lane is free and returns the results in the order of the
  /// items. Large items first keeps the lanes evenly busy; `costs` says how large each is.
  func map<Item: Sendable, Output: Sendable>(
    _ items: [Item], costs: [Int]? = nil,
    _ work: @escaping @Sendable (Item, Lane) async throws -> Output
  ) async throws -> [Output] {
    try await map(items, costs: costs, gathering: ()) { item, lane, _ in
      try await work(item, lane)
    }.results
  }

  /// The same, where every lane gathers something of its own besides.
  ///
  /// - Parameter start: what a lane begins with.
  /// - Returns: the results in the order of the items, and what the lanes gathered, in no order.
  func map<Item: Sendable, Output: Sendable, Gathered: Sendable>(
    _ items: [Item], costs: [Int]? = nil, gathering start: Gathered,
    _ work: @escaping @Sendable (Item, Lane, inout Gathered) async throws -> Output
  ) async throws -> (results: [Output], gathered: [Gathered]) {
    let costs = costs ?? items.map { _ in 1 }
    let order = items.indices.sorted { (costs[$0], $1) > (costs[$1], $0) }
    let queue = Queue(count: items.count)
    // Known from the start, so that the first batch of a single client is shared already.
    let used = lanes.prefix(max(1, items.count))
    idleWorkers.add(lanes.count - used.count)
    defer { idleWorkers.add(-lanes.count) }
    return try await withThrowingTaskGroup(of: (done: [(Int, Output)], gathered: Gathered).self) {
      group in
      for lane in used {
        group.addTask {
          defer { idleWorkers.add(1) }
          var done: [(Int, Output)] = []
          var gathered = start
          while let turn = await queue.take() {
            try Task.checkCancellation()
            done.append((order[turn], try await work(items[order[turn]], lane, &gathered)))
          }
          return (done, gathered)
        }
      }
      var results: [(Int, Output)] = []
      var gathered: [Gathered] = []
      for try await part in group {
        results += part.done
        gathered.append(part.gathered)
      }
      return (results.sorted { $0.0 < $1.0 }.map(\.1), gathered)
    }
  }

  /// Runs `work` once on every lane.
  func onEach(_ work: @escaping @Sendable (LaneWorkspace) throws -> Void) async throws {
    for lane in lanes { try await lane.run(work) }
  }
}
