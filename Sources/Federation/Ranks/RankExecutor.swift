// The work of a round shared by ranks. Every rank knows the whole state and every ledger; it trains its share of
// the clients, and what they send goes to all, so that all go on with the same bits. Sums of updates are integers,
// whose order is free; figures are gathered in the order of clients and never summed across ranks.

import Datasets
import Ranks
import Synchronization

final class RankExecutor: ClientExecutor {
  private let ranks: any RankGroup
  private let lanes: LaneExecutor
  private let plans: [ClientPlan]
  /// The rank of every client where it must not change: what a client keeps is kept by its rank. Nil deals anew.
  let homes: [Int]?
  private let request: StopRequest
  private let seen = Mutex(RankSharing())

  /// - Parameters:
  ///   - homes: see there.
  ///   - request: how this rank is asked to stop.
  init(
    ranks: any RankGroup, lanes: LaneExecutor, plans: [ClientPlan], homes: [Int]?,
    request: StopRequest
  ) {
    self.ranks = ranks
    self.lanes = lanes
    self.plans = plans
    self.homes = homes
    self.request = request
  }

  /// How evenly work was shared so far.
  var sharing: RankSharing { seen.withLock { $0 } }

  /// Whether all ranks know that one of them was asked to stop.
  var stops: Bool { request.agreed != 0 }

  func isHere(_ client: Int) -> Bool { homes.map { $0[client] == ranks.rank } ?? true }

  func perform(
    _ tasks: [ClientTask], round: Int, state: FederatedState, keeping: UpdateKeeping
  ) async throws -> (updates: [ClientUpdate], folder: UpdateFolder) {
    let costs = tasks.map { $0.cost(of: plans[$0.client]) }
    let owners = owners(of: tasks.map(\.client), costs: costs)
    let begin = ContinuousClock.now
    var (report, own) = (RankReport(), UpdateFolder())
    do {
      let mine = tasks.indices.filter { owners[$0] == ranks.rank }.map { tasks[$0] }
      (report.updates, own) = try await lanes.perform(
        mine, round: round, state: state, keeping: keeping)
      report.failure = own.failure
    } catch {
      report.failure = RankFailure(client: .max, error: error)
    }
    report.heads = own.heads
    report.stop = request.status
    let trained = ContinuousClock.now

    let reports = try await exchange(report)
    request.agree(on: reports.map(\.stop).max() ?? 0)
    let updates = try merged(reports, tasks: tasks, owners: owners)
    for (task, update) in zip(tasks.indices, updates) where owners[task] != ranks.rank {
      await lanes.clients[update.client].enter(update.entries)
    }
    let folder =
      keeping.addsUp
      ? try await sum(own, heads: reports.map(\.heads), length: state.models[0].count) : own
    let loads = LongestFirst.balance(costs, owners: owners, ranks: ranks.size)
    seen.withLock { sharing in
      sharing.add(
        balance: loads, work: costs.reduce(0, +), working: begin.duration(to: trained).seconds,
        waiting: trained.duration(to: .now).seconds)
    }
    return (updates, folder)
  }

  /// The rank of each piece of clients' work.
  private func owners(of clients: [Int], costs: [Int]) -> [Int] {
    homes.map { homes in clients.map { homes[$0] } }
      ?? LongestFirst.deal(costs, ranks: ranks.size)
  }

  /// The reports of all ranks.
  ///
  /// - Throws: on every rank the same, if anything failed on one.
  private func exchange(_ report: RankReport) async throws -> [RankReport] {
    var message = MessageWriter()
    report.write(to: &message)
    var reports: [RankReport] = []
    for bytes in try await ranks.gather(message.bytes) {
      var reader = MessageReader(bytes)
      reports.append(try RankReport(from: &reader))
    }
    let failures = reports.enumerated().compactMap { rank, report in
      report.failure.map { (failure: $0, rank: rank) }
    }
    let first = failures.min {
      ($0.failure.client, $0.rank) < ($1.failure.client, $1.rank)
    }
    if let first { throw first.failure.thrown(from: first.rank) }
    return reports
  }

  /// The updates in the order of the tasks.
  private func merged(
    _ reports: [RankReport], tasks: [ClientTask], owners: [Int]
  ) throws(RanksError) -> [ClientUpdate] {
    var next = [Int](repeating: 0, count: reports.count)
    var updates: [ClientUpdate] = []
    updates.reserveCapacity(tasks.count)
    for (task, owner) in zip(tasks, owners) {
      let theirs = reports[owner].updates
      guard next[owner] < theirs.count, theirs[next[owner]].client == task.client else {
        throw .malformed
      }
      var update = theirs[next[owner]]
      update.phase = task.phase
      updates.append(update)
      next[owner] += 1
    }
    return updates
  }

  /// Numbers that one message of sums has at most.
  private static let numbersAtOnce = 1 << 24

  private func sum(
    _ own: UpdateFolder, heads: [[(model: Int, head: FixedPointSum.Head)]], length: Int
  ) async throws -> UpdateFolder {
    var folder = UpdateFolder()
    let models = Set(heads.flatMap { $0.map(\.model) }).sorted()
    let atOnce = max(1, Self.numbersAtOnce / max(length, 1))
    for begin in stride(from: 0, to: models.count, by: atOnce) {
      let part = models[begin..<min(begin + atOnce, models.count)]
      var totals: [Int64] = []
      totals.reserveCapacity(part.count * length)
      for model in part { totals += own.totals(of: model, length: length) }
      totals = try await ranks.sum(totals)
      for (place, model) in part.enumerated() {
        folder.set(
          FixedPointSum.Head.joined(
            heads.flatMap { $0.filter { $0.model == model }.map(\.head) }),
          totals: Array(totals[place * length..<(place + 1) * length]), of: model)
      }
    }
    return folder
  }

  func figures<Figure: RankValue>(
    of clients: [Int], cost: @escaping @Sendable (ClientProfile) -> Int,
    _ work: @escaping @Sendable (Int, Lane) async throws -> Figure
  ) async throws -> [Figure] {
    let costs = clients.map { max(cost(lanes.clients[$0].profile), 1) }
    let owners = owners(of: clients, costs: costs)
    let mine = clients.indices.filter { owners[$0] == ranks.rank }.map { clients[$0] }
    var message = MessageWriter()
    do {
      let figures = try await lanes.figures(of: mine, cost: cost, work)
      message.add(false)
      for figure in figures { figure.write(to: &message) }
    } catch {
      message = MessageWriter()
      message.add(true)
      RankFailure(client: .max, error: error).write(to: &message)
    }
    var readers = try await ranks.gather(message.bytes).map { MessageReader($0) }
    for rank in readers.indices where try readers[rank].bool() {
      throw try RankFailure(from: &readers[rank]).thrown(from: rank)
    }
    var all: [Figure] = []
    all.reserveCapacity(clients.count)
    for owner in owners { all.append(try Figure(from: &readers[owner])) }
    guard readers.allSatisfy(\.isAtEnd) else { throw RanksError.malformed }
    return all
  }

  func barrier() async throws { try await ranks.barrier() }
}

/// How a rank is asked to stop; all ranks stop after the same round.
public final class StopRequest: Sendable {
  private let made = Atomic<Int>(0)
  private let common = Atomic<Int>(0)

  public init() {}

  /// - Parameter status: above 0; with which the process is to end.
  public func make(status: Int) { made.store(status, ordering: .sequentiallyConsistent) }

  /// The status on which all ranks have agreed; 0 before they have.
  public var agreed: Int { common.load(ordering: .sequentiallyConsistent) }

  var status: Int { made.load(ordering: .sequentiallyConsistent) }

  func agree(on status: Int) {
    if status != 0 { common.store(status, ordering: .sequentiallyConsistent) }
  }
}

/// How evenly ranks shared the work of a run.
public struct RankSharing: Sendable, Hashable {
  /// Planned work, and the same times the balance of its round.
  private var work = 0.0
  private var balanced = 0.0
  private var working = 0.0
  private var waiting = 0.0

  mutating func add(balance: Double, work: Int, working: Double, waiting: Double) {
    self.work += Double(work)
    balanced += balance * Double(work)
    self.working += working
    self.waiting += waiting
  }

  /// Mean over largest load of the ranks, from above 0 to 1.
  public var balance: Double { work > 0 ? balanced / work : 1 }

  /// The share of this rank's time in rounds that went by in waiting for others and in messages.
  public var waitingShare: Double {
    working + waiting > 0 ? waiting / (working + waiting) : 0
  }
}
