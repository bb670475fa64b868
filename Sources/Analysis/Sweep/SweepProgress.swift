// How far a sweep is: which cells are done, which failed, and how long the rest will take.

import Formatting
public import Scenarios

/// The state of one cell.
public enum SweepCellState: Sendable, Hashable {
  case waiting
  case running
  case done(runID: String, seconds: Double)
  /// Its result was already in the store.
  case known(runID: String)
  case failed(message: String)
  /// It did not begin: the check says why.
  case refused(message: String)

  /// As programs read it: what was refused has failed.
  var word: String {
    switch self {
    case .waiting: "waiting"
    case .running: "running"
    case .done: "done"
    case .known: "known"
    case .failed, .refused: "failed"
    }
  }

  /// Why there is no result, in one line; nil where there is one, or may be.
  public var reason: String? {
    switch self {
    case .failed(let message), .refused(let message): Self.line(message)
    case .waiting, .running, .done, .known: nil
    }
  }

  /// A message of several problems, each on a line of its own, in one.
  static func line(_ message: String) -> String {
    message.split(separator: "\n").joined(separator: "; ")
  }

  var isOver: Bool {
    switch self {
    case .waiting, .running: false
    case .done, .known, .failed, .refused: true
    }
  }
}

/// All cells of a sweep with their states.
public struct SweepProgress: Sendable {
  public let grid: SweepGrid
  public private(set) var states: [SweepCellState]
  /// Cells that run at the same time.
  private let jobs: Int
  /// Shares of the running cells that are done, from 0 to 1.
  private var shares: [Int: Double] = [:]

  /// - Parameter jobs: how many cells run at the same time, at least 1.
  public init(_ grid: SweepGrid, jobs: Int = 1) {
    self.grid = grid
    self.jobs = max(1, jobs)
    states = Array(repeating: .waiting, count: grid.cells.count)
  }

  public mutating func set(_ state: SweepCellState, of cell: Int) {
    states[cell] = state
    shares[cell] = state == .running ? 0 : nil
  }

  /// Tells how far a running cell is, from 0 to 1.
  public mutating func advance(_ cell: Int, to share: Double) { shares[cell] = share }

  /// The share of a cell that is done, from 0 to 1.
  public func share(of cell: Int) -> Double { shares[cell] ?? (states[cell].isOver ? 1 : 0) }

  /// Combinations that are done with, those that are no scenario included, and all of them.
  public var cellsOver: Int { count(\.isOver) + grid.invalid.count }
  public var total: Int { states.count + grid.invalid.count }

  public func count(_ isCounted: (SweepCellState) -> Bool) -> Int { states.count(where: isCounted) }

  /// Run identifiers of the cells with results, in the order of the grid.
  public var runIDs: [String] {
    states.compactMap {
      switch $0 {
      case .done(let runID, _), .known(let runID): runID
      default: nil
      }
    }
  }

  /// Seconds that the rest will take: the mean of the runs with the same method so far, for other
  /// methods the mean of all, shared by the jobs; nil before the first run has ended.
  public var secondsLeft: Double? {
    var times: [String: [Double]] = [:]
    for (cell, state) in zip(grid.cells, states) {
      if case .done(_, let seconds) = state {
        times[cell.scenario.method.name, default: []].append(seconds)
      }
    }
    let all = times.values.flatMap { $0 }
    guard !all.isEmpty else { return nil }
    func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
    var left = 0.0
    for (index, state) in states.enumerated() where !state.isOver {
      let expected = mean(times[grid.cells[index].scenario.method.name] ?? all)
      left += expected * (1 - (shares[index] ?? 0))
    }
    let open = states.count { !$0.isOver }
    return left / Double(max(1, min(jobs, open)))
  }

  // MARK: - Drawing

  /// The grid, a line for each method and its settings, a column for each ε, seeds as marks.
  public func lines(width: Int, colors: Bool) -> [String] {
    let rows = Self.unique(grid.cells.map(\.rowLabel))
    let columns = Self.unique(grid.cells.map(\.epsilonLabel))
    var table = TextTable(
      [("", .left)] + columns.map { ($0 == "own" ? "ε of the scenario" : "ε \($0)", .left) })
    for row in rows {
      let cells = columns.map { column -> TextTable.Cell in
        let here = grid.cells.indices.filter {
          grid.cells[$0].rowLabel == row && grid.cells[$0].epsilonLabel == column
        }
        return TextTable.Cell(Self.marks(here.map { states[$0] }))
      }
      table.add([TextTable.Cell(row.shortened(to: 40))] + cells)
    }
    return table.lines(colors: colors).map { colors ? $0 : $0.shortened(to: width) } + [headline]
  }

  /// A mark a seed, or counts where there are many.
  private static func marks(_ states: [SweepCellState]) -> String {
    guard states.count <= 10 else {
      return "\(states.count(where: \.isOver))/\(states.count)"
    }
    return states.map { state in
      switch state {
      case .waiting: "·"
      case .running: "▸"
      case .done: "■"
      case .known: "□"
      case .failed, .refused: "✗"
      }
    }.joined()
  }

  /// One line: cells that are over, failures, time left.
  public var headline: String {
    let failed = count { $0.word == "failed" } + grid.invalid.count
    var parts = ["\(cellsOver) of \(NumberText.count(total, "cell"))"]
    let known = count { $0.word == "known" }
    if known > 0 { parts.append("\(known) already stored") }
    if failed > 0 { parts.append("\(failed) failed") }
    if !shares.isEmpty {
      let percents = shares.sorted { $0.key < $1.key }.prefix(4).map {
        NumberText.decimal(100 * $0.value, 0)
      }
      parts.append(
        "\(shares.count) running (\(percents.joined(separator: ", "))"
          + (shares.count > percents.count ? ", …" : "") + " %)")
    }
    if let secondsLeft, count(\.isOver) < states.count {
      parts.append("\(NumberText.duration(secondsLeft)) left")
    }
    return parts.joined(separator: ", ")
  }

  private static func unique(_ texts: [String]) -> [String] {
    var seen: Set<String> = []
    return texts.filter { seen.insert($0).inserted }
  }

  // MARK: - At the end

  /// What failed and why, a line each; a reason that stands above is not said again. Nothing if all is well.
  public var failures: [String] {
    var said: Set<String> = []
    let reasons =
      grid.invalid.map { ($0.overrides, SweepCellState.line($0.message)) }
      + zip(grid.cells, states).compactMap { cell, state in
        state.reason.map { (cell.overrides, $0) }
      }
    return reasons.map { overrides, reason in
      let text = said.insert(reason).inserted ? reason : "the same"
      return "\(overrides.joined(separator: " ")): \(text)".printable
    }
  }

  /// One cell as it is now.
  public func document(of index: Int) -> JSONValue {
    let cell = grid.cells[index]
    var members: [String: JSONValue] = [
      "overrides": .array(cell.overrides.map { .string($0) }),
      "method": .string(cell.scenario.method.name), "epsilon": .string(cell.epsilonLabel),
      "seed": .integer(Int(clamping: cell.scenario.seed)),
      "scenario_hash": .string(cell.scenario.hash), "status": .string(states[index].word),
    ]
    switch states[index] {
    case .done(let runID, let seconds):
      members["run_id"] = .string(runID)
      members["wall_seconds"] = .number(seconds)
    case .known(let runID): members["run_id"] = .string(runID)
    case .failed(let message), .refused(let message): members["error"] = .string(message)
    case .waiting, .running: break
    }
    return .object(members)
  }

  /// One object a cell, in the order of the grid; combinations that are no scenario come last.
  public var document: JSONValue {
    let cells = grid.cells.indices.map { document(of: $0) }
    let invalid = grid.invalid.map { cell -> JSONValue in
      [
        "overrides": .array(cell.overrides.map { .string($0) }), "status": "failed",
        "error": .string(cell.message),
      ]
    }
    return .array(cells + invalid)
  }
}
