// One batch on several workers: tiles pass through networks of their own, and what they come to is added up in the order
// of the tiles, so that the bits are those of one worker.

import Dispatch
import Foundation
import Kernels

extension Network {
  /// More networks have little to do: adding the tiles up, one after another, takes a third of a pass.
  private static let mostHelpers = 7

  /// Makes the networks that could help, and loads them as this one was.
  ///
  /// - Parameter trainable: what this network was loaded with.
  func prepareHelpers(trainable: [Float]) {
    let wanted = canShare ? min(idleWorkers?.count ?? 0, Self.mostHelpers) : 0
    readyHelpers = wanted
    guard wanted > 0 else { return }
    while helpers.count < wanted { helpers.append(Network(helping: self)) }
    let (helpers, frozen) = (helpers, frozen)
    sideBySide(wanted) { index in
      if let frozen, helpers[index].frozen == nil { helpers[index].load(frozen: frozen) }
      helpers[index].load(trainable: trainable)
    }
  }

  /// Works through a batch tile by tile.
  ///
  /// - Parameters:
  ///   - compute: is called for each tile, side by side on several networks.
  ///   - add: is called for each tile in the order of the batch, behind `compute` and with the same network.
  func forEachTile<Source: ExampleSource>(
    of positions: [Int], in source: Source, compute: (Network, ArraySlice<Int>) -> Void,
    add: (Network, ArraySlice<Int>) -> Void
  ) {
    let lent =
      readyHelpers == 0 || positions.count <= tile ? 0 : borrow(tiles: positions.count / tile)
    guard lent > 0 else {
      forEachTile(of: positions, in: source) { part in
        compute(self, part)
        add(self, part)
      }
      return
    }
    defer { idleWorkers?.add(lent) }
    for helper in helpers.prefix(lent) { helper.firstPosition = firstPosition }
    let line = TileLine(tiles(of: positions, in: source), networks: [self] + helpers.prefix(lent))
    sideBySide(lent + 1) { worker in
      let network = line.networks[worker]
      while let turn = line.take() {
        let part = positions[line.tiles[turn]]
        network.place(part, of: source)
        compute(network, part)
        line.wait(for: turn)
        add(network, part)
        line.pass(turn)
      }
    }
  }

  private func borrow(tiles: Int) -> Int {
    idleWorkers?.borrow(upTo: min(readyHelpers, tiles - 1)) ?? 0
  }

  private func tiles<Source: ExampleSource>(
    of positions: [Int], in source: Source
  ) -> [Range<Int>] {
    var tiles: [Range<Int>] = []
    forEachTile(of: positions, in: source) { tiles.append($0.startIndex..<$0.endIndex) }
    return tiles
  }
}

/// Calls `body` for each number below `count`, on as many threads as there are.
///
/// What `body` reaches must not be touched by two of its calls at a time: networks belong to one call each, and their
/// common sums to the call whose turn it is.
private func sideBySide(_ count: Int, _ body: (Int) -> Void) {
  withoutActuallyEscaping(body) { body in
    nonisolated(unsafe) let body = body
    DispatchQueue.concurrentPerform(iterations: count) { body($0) }
  }
}

/// The tiles of a batch, taken by whoever is free and added up in their order. No turn waits for a tile that nobody has
/// taken, so none waits for ever.
private final class TileLine {
  let tiles: [Range<Int>]
  let networks: [Network]
  private let condition = NSCondition()
  private var taken = 0
  private var turn = 0

  init(_ tiles: [Range<Int>], networks: [Network]) {
    self.tiles = tiles
    self.networks = networks
  }

  func take() -> Int? {
    condition.lock()
    defer { condition.unlock() }
    guard taken < tiles.count else { return nil }
    taken += 1
    return taken - 1
  }

  func wait(for turn: Int) {
    condition.lock()
    while self.turn != turn { condition.wait() }
    condition.unlock()
  }

  func pass(_ turn: Int) {
    condition.lock()
    self.turn = turn + 1
    condition.broadcast()
    condition.unlock()
  }
}
