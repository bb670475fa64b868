// What can be wrong with the description of a sweep, in one sentence each.

/// A grid that cannot be run as it was described.
public enum SweepError: Error, Sendable, Hashable, CustomStringConvertible {
  /// A list such as `--seeds 0..4` that cannot be read.
  case malformed(place: String, text: String, example: String)
  case duplicate(place: String, value: String)
  /// A varied setting that an axis sets as well.
  case conflict(path: String, axis: String)
  case tooManyCells(count: Int, limit: Int)
  /// A sweep file that is not of the form docs/sweep-and-compare.md describes.
  case file(place: String, reason: String)
  /// A file that is no plan of a job array.
  case notAPlan(reason: String)
  /// Slurm, or what it said.
  case slurm(reason: String)

  public var description: String {
    switch self {
    case .malformed(let place, let text, let example):
      "\(place): cannot read \(text.debugDescription); write for instance \(example)"
    case .duplicate(let place, let value):
      "\(place): \(value) is named twice; name every value once"
    case .conflict(let path, let axis):
      "--vary \(path): \(axis) sets it too; leave one of them out"
    case .tooManyCells(let count, let limit):
      "the grid has \(count) cells and may have \(limit); leave out values or split it"
    case .notAPlan(let reason): "--cell: the plan \(reason); start sweep --slurm again"
    case .slurm(let reason): "--slurm: \(reason)"
    case .file(let place, let reason): "\(place): \(reason)"
    }
  }
}
