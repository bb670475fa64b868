// The digest of a run: two runs that should be the same have the same one.

import Foundation
import Hashing
import Scenarios

/// SHA-256 over every figure of every round and the final parameters of every model, each number by its
/// bits. Times are left out. Every round's hash covers that of the round before, so a checkpoint keeps
/// one hash.
struct RunDigest: Codable, Sendable {
  /// 64 hexadecimal digits; empty before the first round.
  private(set) var text = ""

  /// Populations up to which a round's hash covers every client, also those that did nothing, as it always has.
  /// Larger ones are hashed by what the report names, or a round would cost as much as its population.
  static let largestWhole = 10_000

  /// 1 hashes every client in every round, 2 those that a report names, with their numbers.
  static func version(clients: Int) -> Int { clients > largestWhole ? 2 : 1 }

  /// - Parameter assignment: of all clients after the round.
  mutating func add(_ report: RoundReport, assignment: Assignment) {
    extend { hash in
      hash.add(UInt64(report.round))
      if Self.version(clients: assignment.count) == 2 {
        for client in report.clients {
          hash.add(UInt64(client.client))
          hash.add(client)
        }
      } else {
        var named = report.clients[...]
        for (client, model) in assignment.enumerated() {
          if let next = named.first, next.client == client {
            hash.add(named.removeFirst())
          } else {
            hash.add(ClientRound(client: client, model: model))
          }
        }
      }
      for cluster in report.clusters {
        hash.add(cluster.testAccuracy)
        hash.add(cluster.testLoss)
      }
      for change in report.changes ?? [] {
        hash.add(change.old)
        hash.add(change.new)
      }
    }
  }

  /// Clients that came after training.
  mutating func add(_ arrivals: [ArrivalResult]) {
    extend { hash in
      for client in arrivals.flatMap(\.clients) {
        for value in [
          client.byToken, client.byExample, client.mean, client.chosen, client.best,
        ] { hash.add(value) }
        hash.add(UInt64(client.model))
      }
    }
  }

  /// The last part. Portable arithmetic is named in it, so that no digest of native arithmetic can be equal.
  mutating func add(
    models: [[Float]], results: [ClientResult], arithmetic: Scenario.Arithmetic
  ) {
    extend { hash in
      if arithmetic == .portable { hash.update(data: Data("portable 1".utf8)) }
      for model in models {
        hash.add(UInt64(model.count))
        for value in model { hash.add(value) }
      }
      for result in results {
        for value in [result.accuracy, result.loss, result.epsilon] { hash.add(value) }
      }
    }
  }

  private mutating func extend(_ body: (inout SHA256) -> Void) {
    var hash = SHA256()
    hash.update(data: Data(text.utf8))
    body(&hash)
    text = hash.finalize().hexadecimal
  }
}

extension SHA256 {
  fileprivate mutating func add(_ client: ClientRound) {
    add(UInt64(client.model))
    add(UInt64(client.steps))
    add(client.updateNorm)
    add(client.trainLoss)
    add(client.testAccuracy)
    add(client.testLoss)
  }

  fileprivate mutating func add(_ value: UInt64) {
    withUnsafeBytes(of: value.littleEndian) { update(bufferPointer: $0) }
  }

  fileprivate mutating func add(_ value: Float) {
    withUnsafeBytes(of: value.bitPattern.littleEndian) { update(bufferPointer: $0) }
  }

  fileprivate mutating func add(_ value: Double?) {
    // A missing value must differ from every number.
    add(value == nil ? 0 : 1 as UInt64)
    add((value ?? 0).bitPattern)
  }
}
