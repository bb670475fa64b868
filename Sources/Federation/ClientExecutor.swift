// Who carries out the work of a round: lanes of this process, or whatever else gives the same updates.

import Datasets

/// Gives tasks to clients, and folds what they send.
protocol ClientExecutor: Sendable {
  /// Carries out tasks with the models of a state.
  ///
  /// - Parameters:
  ///   - round: from 0.
  ///   - folds: whose updates are folded as they come, and then leave their parameters behind; nil keeps all
  ///     updates whole.
  /// - Returns: the updates in the order of the tasks, and the sums of those that were folded: the same
  ///   bits wherever the work was done.
  func perform(
    _ tasks: [ClientTask], round: Int, state: FederatedState, folds: (@Sendable (Int) -> Bool)?
  ) async throws -> (updates: [ClientUpdate], folder: UpdateFolder)
}

/// The lanes of this process.
struct LaneExecutor: ClientExecutor {
  let clients: [Client]
  let lanes: LanePool

  func perform(
    _ tasks: [ClientTask], round: Int, state: FederatedState, folds: (@Sendable (Int) -> Bool)?
  ) async throws -> (updates: [ClientUpdate], folder: UpdateFolder) {
    let clients = clients
    let (updates, folders) = try await lanes.map(
      tasks, costs: tasks.map { clients[$0.client].profile.train.count }, gathering: UpdateFolder()
    ) { task, lane, folder in
      var update = try await clients[task.client].perform(
        task, round: round, state: state, on: lane)
      if let folds {
        if folds(task.client) {
          folder.add(update.delta, model: update.model, client: update.client)
        }
        update.forgetParameters()
      }
      return update
    }
    var folder = UpdateFolder()
    for part in folders { folder.merge(part) }
    return (updates, folder)
  }
}
