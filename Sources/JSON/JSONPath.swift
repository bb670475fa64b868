// The place of a value in a JSON document, written as people write it:
// population.clusters[2].clients.

/// A place in a JSON document.
package struct JSONPath: Sendable, Hashable, CustomStringConvertible {
  package enum Step: Sendable, Hashable {
    case key(String)
    case index(Int)
  }

  package var steps: [Step] = []

  package init(steps: [Step] = []) {
    self.steps = steps
  }

  package static func + (path: JSONPath, key: String) -> JSONPath {
    JSONPath(steps: path.steps + [.key(key)])
  }

  package static func + (path: JSONPath, index: Int) -> JSONPath {
    JSONPath(steps: path.steps + [.index(index)])
  }

  package var description: String {
    var output = ""
    for step in steps {
      switch step {
      case .index(let index): output += "[\(index)]"
      case .key(let key) where Self.isPlain(key): output += output.isEmpty ? key : "." + key
      case .key(let key): output += "[\(JSONValue.shortened(key))]"
      }
    }
    return output
  }

  /// Whether a key can stand in a path without quotes.
  private static func isPlain(_ key: String) -> Bool {
    !key.isEmpty && key.utf8.count <= 64
      && key.utf8.allSatisfy { byte in
        switch UInt8(byte) {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"),
          UInt8(ascii: "$"):
          true
        default: false
        }
      }
  }
}

extension JSONPath {
  /// Reads a path such as `population.clusters[0].clients`; nil when it is not one, or leads deeper than
  /// any document.
  package init?(parsing text: Substring) {
    var steps: [Step] = []
    for part in text.split(separator: ".", omittingEmptySubsequences: false) {
      let pieces = part.split(separator: "[", omittingEmptySubsequences: false)
      guard let name = pieces.first, Self.isPlain(String(name)) else { return nil }
      steps.append(.key(String(name)))
      for piece in pieces.dropFirst() {
        guard piece.last == "]", let index = Int(piece.dropLast()), index >= 0 else { return nil }
        steps.append(.index(index))
      }
    }
    guard steps.count <= JSONValue.depthLimit else { return nil }
    self.steps = steps
  }
}
