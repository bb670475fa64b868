// A run from the command line that several ranks share: rank 0 owns store, progress and output, the others give
// their cores.

import Federation
import Foundation
import Privacy
import Ranks
import Scenarios
import Store

/// A rank's part in a run.
struct RankedRun {
  let ranks: any RankGroup
  /// Seconds after which a silent rank counts as lost, at least.
  let patience: Double
  let workers: Int
  let nodes: Int

  init(_ ranks: any RankGroup, patience: Double, workers: Int?) async throws {
    self.ranks = ranks
    self.patience = patience
    ranks.setPatience(seconds: 10 * patience)
    let layout = try await ProcessRanks.layout(of: ranks)
    nodes = layout.nodes
    self.workers = workers ?? ProcessRanks.workers(sharers: layout.sharers)
  }

  var isShared: Bool { ranks.size > 1 }

  /// As it is stored.
  var place: RunPlace {
    RunPlace(ranks: ranks.size, nodes: nodes, slurmJob: Slurm.currentJob)
  }

  /// For people; nil in one process.
  var description: String? {
    isShared ? "\(ranks.size) ranks on \(nodes) \(nodes == 1 ? "node" : "nodes")" : nil
  }

  /// Who listens, besides those who count the time.
  func observer(_ observer: (any RunObserver)?) -> any RunObserver {
    if let observer, !isShared { return observer }
    return RankPatience(ranks, seconds: patience, next: observer)
  }

  // MARK: - What rank 0 reads for all

  /// The scenario of a stored run.
  ///
  /// - Parameter scenario: of rank 0; nil on the others.
  func shared(_ scenario: Scenario?) async throws -> Scenario {
    if let scenario, !isShared { return scenario }
    var message = MessageWriter()
    message.add(scenario?.resolvedJSON ?? "")
    message.add(scenario?.folder ?? "")
    var reader = MessageReader(try await ranks.broadcast(message.bytes))
    let (json, folder) = (try reader.text(), try reader.text())
    if let scenario { return scenario }
    return try Scenario(json: Data(json.utf8), folder: folder.isEmpty ? nil : folder)
  }

  /// Where a stored run goes on.
  ///
  /// - Parameter point: of rank 0; not looked at on the others.
  func shared(_ point: ResumePoint?, of scenario: Scenario) async throws -> ResumePoint? {
    guard isShared else { return point }
    var message = MessageWriter()
    if ranks.isFirst {
      message.add(point != nil)
      message.add(try point?.checkpoint.map { [UInt8](try RunStore.data(of: $0)) } ?? [])
      message.add([UInt8](try JSONEncoder().encode(point?.ledger ?? [])))
      message.add(point?.datasetHash ?? "")
    }
    var reader = MessageReader(try await ranks.broadcast(message.bytes))
    if ranks.isFirst { return point }
    guard try reader.bool() else { return nil }
    let (checkpoint, ledger) = (try reader.byteList(), try reader.byteList())
    let data = try reader.text()
    return ResumePoint(
      checkpoint: checkpoint.isEmpty ? nil : try RunStore.checkpoint(in: Data(checkpoint)),
      ledger: try JSONDecoder().decode([LedgerEntry].self, from: Data(ledger)), of: scenario,
      datasetHash: data.isEmpty ? nil : data)
  }

  /// What the table says of ranks; nothing in one process.
  func lines(_ sharing: RankSharing?) -> [String] {
    guard let sharing, let description else { return [] }
    func percent(_ share: Double) -> String { "\(Int((100 * share).rounded())) %" }
    return [
      "Shared by \(description): balance \(percent(sharing.balance)), waiting \(percent(sharing.waitingShare))"
    ]
  }
}

extension RunExecution {
  /// Does the share of a rank that is not the first: nothing is stored, shown or answered.
  ///
  /// - Parameter resumes: whether a stored run goes on.
  static func assist(
    with scenario: Scenario, by shared: RankedRun, checkpoints: CheckpointPolicy,
    memoryLimit: Int?, keepsUpdates: Bool, resumes: Bool
  ) async throws {
    let places = Places()
    let check = try RunCheck.passed(by: scenario, in: places)
    let point = resumes ? try await shared.shared(nil, of: scenario) : nil
    var options = SimulationOptions(
      workers: shared.workers, memoryLimit: memoryLimit, checkpoints: checkpoints)
    options.allowedFindings = check.allowed
    options.ranks = shared.ranks
    options.handsOutUpdates = keepsUpdates
    let request = options.stopRequest
    let watch = SignalWatch()
    watch.start { request.make(status: Int(watch.status?.rawValue ?? 0)) }
    do {
      _ = try await Simulation(scenario: scenario, catalog: places.catalog, options: options)
        .run(observer: shared.observer(nil), from: point)
    } catch is CancellationError {
      throw Failure(request.exitStatus ?? .interrupted, "stopped")
    }
  }
}

extension StopRequest {
  /// With which all ranks end; nil before they have agreed to.
  var exitStatus: ExitStatus? { agreed == 0 ? nil : ExitStatus(rawValue: Int32(clamping: agreed)) }
}
