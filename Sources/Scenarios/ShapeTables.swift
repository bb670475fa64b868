// Writes the shapes as the Markdown tables of docs/scenario.md.

extension Scenario {
  /// One table for every object of the format, with the path of the object; empty for the file
  /// itself.
  package static var referenceTables: [(path: String, table: String)] {
    tables(of: .object(shape), at: "")
  }

  private static func tables(of kind: Kind, at path: String) -> [(path: String, table: String)] {
    switch kind {
    case .object(let shape):
      return [(path, table(of: shape.keys))] + inner(shape.keys, at: path)
    case .tagged(let tagged):
      // Branches with the same keys share a table.
      let tables = tagged.branches.map { $0.keys.isEmpty ? "" : "\n" + table(of: $0.keys) }
      let parts = tagged.branches.indices.map { index in
        let branch = tagged.branches[index]
        let heading = "`\"\(tagged.tag)\": \"\(branch.name)\"`: \(branch.description)"
        guard !tables[index].isEmpty else { return heading + " No other keys.\n" }
        let isRepeated = index + 1 < tables.count && tables[index] == tables[index + 1]
        return heading + "\n" + (isRepeated ? "" : tables[index])
      }
      let keys = tagged.branches.flatMap(\.keys)
      return [(path, parts.joined(separator: "\n"))] + inner(keys, at: path)
    case .nullable(let kind): return tables(of: kind, at: path)
    case .list(let element, _, _): return tables(of: element, at: path + "[]")
    case .either(let kinds): return kinds.flatMap { tables(of: $0, at: path) }
    default: return []
    }
  }

  private static func inner(_ keys: [Key], at path: String) -> [(path: String, table: String)] {
    var seen: Set<String> = []
    return keys.filter { seen.insert($0.name).inserted }.flatMap {
      tables(of: $0.kind, at: path.isEmpty ? $0.name : "\(path).\($0.name)")
    }
  }

  private static func table(of keys: [Key]) -> String {
    let rows = keys.map { key in
      let usual =
        switch key.presence {
        case .required: "**required**"
        case .defaults(let value), .implied(let value): "`\(value.prettyText)`"
        case .absent: "may be left out"
        }
      return "| `\(key.name)` | \(key.kind.words) | \(usual) | \(key.description) |\n"
    }
    return "| key | value | default | meaning |\n| --- | --- | --- | --- |\n" + rows.joined()
  }
}
