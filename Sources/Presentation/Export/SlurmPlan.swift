// A sweep as one job array of Slurm: the cells in a file, and the script that every task runs.

public import Analysis
import Formatting
import Foundation
import Hashing
public import Scenarios

/// The cells that an array does.
public struct SlurmPlan: Sendable, Hashable {
  public struct Cell: Sendable, Hashable {
    public let scenario: Scenario
    /// What sets the cell apart, for people.
    public let label: String
  }

  public let cells: [Cell]

  public init(_ cells: [SweepCell]) {
    self.cells = cells.map {
      Cell(
        scenario: $0.scenario,
        label: $0.overrides.isEmpty ? $0.scenario.name : $0.overrides.joined(separator: " "))
    }
  }

  /// The same cells have the same name: 12 hexadecimal digits.
  public var name: String {
    var hash = SHA256()
    for cell in cells { hash.update(data: Data(cell.scenario.hash.utf8)) }
    return String(hash.finalize().hexadecimal.prefix(12))
  }

  // MARK: - The file

  /// One line of JSON a cell.
  public var text: String {
    cells.map { cell in
      let line: JSONValue = [
        "label": .string(cell.label), "folder": JSONValue(cell.scenario.folder),
        "scenario": cell.scenario.resolved,
      ]
      return line.text + "\n"
    }.joined()
  }

  /// Cell `index` of a file that `text` gave.
  ///
  /// - Throws: `SweepError.notAPlan`; `ScenarioError`.
  public static func cell(_ index: Int, of text: String) throws -> Cell {
    let lines = text.split(separator: "\n")
    guard lines.indices.contains(index) else {
      throw SweepError.notAPlan(reason: "has \(lines.count) cells and none of number \(index)")
    }
    guard let line = try? JSONValue(parsing: Data(lines[index].utf8)),
      let scenario = line["scenario"], case .string(let label)? = line["label"]
    else { throw SweepError.notAPlan(reason: "has no cell in line \(index + 1)") }
    var folder: String?
    if case .string(let path)? = line["folder"] { folder = path }
    return Cell(
      scenario: try Scenario(json: Data(scenario.text.utf8), folder: folder), label: label)
  }

  // MARK: - The array

  /// Tasks of the array: as many as cells, or as the cluster allows.
  ///
  /// - Parameter limit: Slurm's MaxArraySize, one more than the largest number of a task.
  public func tasks(maxArraySize limit: Int) -> Int { min(cells.count, max(1, limit - 1)) }

  /// What a task runs: its cells, one after another. A signal goes on to the program, which saves its round.
  ///
  /// - Parameters:
  ///   - program: the path of tools/dpflsim, or of the program.
  ///   - file: of the plan.
  public func script(program: String, file: String, tasks: Int) -> String {
    """
    #!/bin/bash
    # Written by `dpflsim sweep --slurm`. Task t does the cells t, t + \(tasks), ... of \(cells.count).
    child=
    trap '[ -z "$child" ] || kill -TERM "$child" 2>/dev/null' TERM
    status=0
    for ((cell = SLURM_ARRAY_TASK_ID; cell < \(cells.count); cell += \(tasks))); do
      \(Self.quoted(program)) sweep --cell \(Self.quoted(file)) "$cell" &
      child=$!
      wait "$child"
      code=$?
      # A signal ends the first wait before the program has ended.
      while kill -0 "$child" 2>/dev/null; do
        wait "$child"
        code=$?
      done
      [ "$code" = 0 ] || status=$code
      case $code in 130 | 143) break ;; esac
    done
    exit "$status"

    """
  }

  /// What runs once all tasks have ended: their stores come into one.
  public func importScript(program: String, folder: String, store: String) -> String {
    """
    #!/bin/bash
    # Written by `dpflsim sweep --slurm`: brings the stores of its tasks together.
    exec \(Self.quoted(program)) runs import \(Self.quoted(folder))/*.sqlite --store \(Self.quoted(store))

    """
  }

  /// A word as the shell reads it back, whatever is in it.
  public static func quoted(_ word: String) -> String {
    "'" + word.replacingOccurrences(of: "'", with: "'\\''") + "'"
  }
}
