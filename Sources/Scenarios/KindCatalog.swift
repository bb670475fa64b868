// Kinds that scenarios name: those of this package and those that others added.

import Synchronization

/// An open list of types that say what a scenario may name.
final class KindCatalog<Kind: Sendable>: Sendable {
  private let builtIn: [Kind]
  private let key: String
  private let name: @Sendable (Kind) -> String
  private let isSame: @Sendable (Kind, Kind) -> Bool
  private let added = Mutex<[Kind]>([])

  /// - Parameters:
  ///   - key: of the scenario that names a kind, such as "method".
  ///   - name: of a kind, as scenarios write it.
  ///   - isSame: whether two are one and the same type.
  init(
    _ builtIn: [Kind], key: String, name: @escaping @Sendable (Kind) -> String,
    isSame: @escaping @Sendable (Kind, Kind) -> Bool
  ) {
    self.builtIn = builtIn
    self.key = key
    self.name = name
    self.isSame = isSame
  }

  /// In the order of the documentation.
  var all: [Kind] { builtIn + added.withLock { $0 } }

  /// - Throws: `ScenarioError` if another kind has its name.
  func add(_ kind: Kind) throws(ScenarioError) {
    let isFree = added.withLock { added in
      guard let known = (builtIn + added).first(where: { name($0) == name(kind) }) else {
        added.append(kind)
        return true
      }
      return isSame(known, kind)
    }
    guard isFree else {
      throw ScenarioError(JSONPath() + key, "there is another \(key) \"\(name(kind))\"")
    }
  }
}
