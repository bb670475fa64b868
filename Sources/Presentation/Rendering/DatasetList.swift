// The list of known data sets with the state of their files.

public import Datasets
import Formatting
public import Scenarios

/// Data sets as `dpflsim data` shows them.
public struct DatasetList: Sendable {
  private let sets: [DatasetStatus]

  public init(_ sets: [DatasetStatus]) {
    self.sets = sets
  }

  public func lines(colors: Bool) -> [String] {
    var table = TextTable([
      ("data set", .left), ("state", .left), ("licence", .left), ("where, or how to get it", .left),
    ])
    for set in sets {
      let (word, style) = state(of: set)
      table.add([
        TextTable.Cell(set.name, .bold), TextTable.Cell(word, style), TextTable.Cell(set.licence),
        TextTable.Cell(set.isUsable ? set.folder ?? set.source : set.source),
      ])
    }
    var lines = table.lines(colors: colors)
    for set in sets where set.folder != nil && !set.isUsable {
      for file in set.files where file.state != .verified && file.state != .present {
        let reason = file.problem.map { ": \($0)" } ?? ""
        lines.append("  \(set.name): \(file.name) is \(file.state.rawValue)\(reason)".printable)
      }
    }
    return lines
  }

  /// A list with one object a data set.
  public var document: JSONValue {
    .array(
      sets.map { set in
        [
          "name": .string(set.name), "title": .string(set.title), "licence": .string(set.licence),
          "source": .string(set.source), "folder": JSONValue(set.folder),
          "usable": .bool(set.isUsable),
          "files": .array(
            set.files.map { file in
              [
                "name": .string(file.name), "path": JSONValue(file.path),
                "state": .string(file.state.rawValue), "bytes": JSONValue(file.size),
                "sha256": JSONValue(file.sha256), "problem": JSONValue(file.problem),
              ]
            }),
        ]
      })
  }

  private func state(of set: DatasetStatus) -> (word: String, style: TextStyle) {
    let states = Set(set.files.map(\.state))
    if states == [.verified] { return ("verified", .good) }
    if set.isUsable { return ("present", .plain) }
    if states == [.missing] { return ("not installed", .faint) }
    return (states.contains(.missing) ? "incomplete" : "not as published", .bad)
  }
}
