// Who carries out the work of a round: lanes of this process, or whatever else gives the same updates.

import Datasets
import Ranks

/// What is kept of updates as they come.
enum UpdateKeeping: Sendable {
  case whole
  /// Sums for each model, of the clients for which this holds; all updates leave their parameters behind.
  case sums(of: @Sendable (Int) -> Bool)
  /// What is made of each, in its place.
  case places(@Sendable (ClientUpdate) throws -> [Float])

  var addsUp: Bool { if case .sums = self { true } else { false } }
}

/// Gives tasks to clients, and folds what they send.
protocol ClientExecutor: Sendable {
  /// Carries out tasks with the models of a state.
  ///
  /// - Parameters:
  ///   - round: from 0.
  ///   - keeping: what is kept of the updates.
  /// - Returns: the updates in the order of the tasks, and the sums of those that were added up: the same
  ///   bits wherever the work was done.
  func perform(
    _ tasks: [ClientTask], round: Int, state: FederatedState, keeping: UpdateKeeping
  ) async throws -> (updates: [ClientUpdate], folder: UpdateFolder)

  /// Measures clients.
  ///
  /// - Parameter cost: of a client, about in proportion to its time.
  /// - Returns: a figure for each, in their order.
  func figures<Figure: RankValue>(
    of clients: [Int], cost: @escaping @Sendable (ClientProfile) -> Int,
    _ work: @escaping @Sendable (Int, Lane) async throws -> Figure
  ) async throws -> [Figure]

  /// Whether a client's data are worked on here.
  func isHere(_ client: Int) -> Bool

  /// Returns once everybody who shares the work has come here.
  func barrier() async throws

  /// Whether the run is to end after this round.
  var stops: Bool { get }
}

/// The lanes of this process.
struct LaneExecutor: ClientExecutor {
  let clients: [Client]
  let lanes: LanePool

  func perform(
    _ tasks: [ClientTask], round: Int, state: FederatedState, keeping: UpdateKeeping
  ) async throws -> (updates: [ClientUpdate], folder: UpdateFolder) {
    let clients = clients
    let (updates, folders) = try await lanes.map(
      tasks, costs: tasks.map { clients[$0.client].profile.train.count }, gathering: UpdateFolder()
    ) { task, lane, folder in
      var update = try await clients[task.client].perform(
        task, round: round, state: state, on: lane)
      switch keeping {
      case .whole: break
      case .sums(let isFolded):
        if isFolded(task.client) {
          folder.add(update.delta, model: update.model, client: update.client)
        }
        update.leave([])
      case .places(let place): update.leave(try place(update))
      }
      return update
    }
    var folder = UpdateFolder()
    for part in folders { folder.merge(part) }
    return (updates, folder)
  }

  func figures<Figure: RankValue>(
    of clients: [Int], cost: @escaping @Sendable (ClientProfile) -> Int,
    _ work: @escaping @Sendable (Int, Lane) async throws -> Figure
  ) async throws -> [Figure] {
    try await lanes.map(clients, work)
  }

  func isHere(_ client: Int) -> Bool { true }

  func barrier() {}

  var stops: Bool { false }
}
