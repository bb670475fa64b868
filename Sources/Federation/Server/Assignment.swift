// Which client uses which model: kept in pieces, so that a round of a large population costs what it changes.

/// The model (from 0) that each client uses, by client.
///
/// A value of which copies share the pieces in which they agree: a checkpoint, or the comparison of a round's end with
/// its beginning, costs a step for each piece and not for each client.
public struct Assignment: Hashable, Sendable {
  private static let pieceSize = 1024
  /// Of `pieceSize` clients each, the last of the rest.
  private var pieces: [[Int32]]
  private let clients: Int

  /// - Parameter models: from 0, at most 2³¹ − 1.
  public init(_ models: some Collection<Int>) {
    clients = models.count
    pieces = []
    pieces.reserveCapacity(clients / Self.pieceSize + 1)
    var rest = models[...]
    while !rest.isEmpty {
      pieces.append(rest.prefix(Self.pieceSize).map { Int32(clamping: $0) })
      rest = rest.dropFirst(Self.pieceSize)
    }
  }

  /// What has changed since an earlier assignment of the same clients, by ascending client.
  package func moves(since earlier: Assignment) -> [Move] {
    var moves: [Move] = []
    for (index, (before, after)) in zip(earlier.pieces, pieces).enumerated() where before != after {
      for (offset, (from, to)) in zip(before, after).enumerated() where from != to {
        moves.append(
          Move(client: index * Self.pieceSize + offset, from: Int(from), to: Int(to)))
      }
    }
    return moves
  }

  /// A client that changed its model.
  package struct Move: Hashable, Sendable {
    package let client: Int
    package let from: Int
    package let to: Int
  }
}

extension Assignment: RandomAccessCollection, MutableCollection {
  public var startIndex: Int { 0 }
  public var endIndex: Int { clients }

  public subscript(client: Int) -> Int {
    get { Int(pieces[client / Self.pieceSize][client % Self.pieceSize]) }
    set {
      // A client that stays must not part two copies.
      guard self[client] != newValue else { return }
      pieces[client / Self.pieceSize][client % Self.pieceSize] = Int32(clamping: newValue)
    }
  }
}

extension Assignment: ExpressibleByArrayLiteral {
  public init(arrayLiteral models: Int...) { self.init(models) }
}

extension Assignment: Codable {
  public func encode(to encoder: any Encoder) throws {
    try PackedIndices(Array(self)).encode(to: encoder)
  }

  /// - Throws: `DecodingError` if the bytes do not hold whole numbers of at least 0.
  public init(from decoder: any Decoder) throws {
    self.init(try PackedIndices(from: decoder).indices)
  }
}
