// The digest of a run: two runs that should be the same have the same one.

import Foundation
import Hashing
import Kernels
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
    var words = Words()
    words.add(report.round)
    if Self.version(clients: assignment.count) == 2 {
      for client in report.clients {
        words.add(client.client)
        words.add(client)
      }
    } else {
      var named = report.clients[...]
      for (client, model) in assignment.enumerated() {
        if let next = named.first, next.client == client {
          words.add(named.removeFirst())
        } else {
          words.add(ClientRound(client: client, model: model))
        }
      }
    }
    for cluster in report.clusters {
      words.add(cluster.testAccuracy)
      words.add(cluster.testLoss)
    }
    for change in report.changes ?? [] {
      words.add(change.old)
      words.add(change.new)
    }
    extend { $0.update(words) }
  }

  /// Clients that came after training.
  mutating func add(_ arrivals: [ArrivalResult]) {
    var words = Words()
    for client in arrivals.flatMap(\.clients) {
      for value in [client.byToken, client.byExample, client.mean, client.chosen, client.best] {
        words.add(value)
      }
      words.add(client.model)
    }
    extend { $0.update(words) }
  }

  /// The last part. Portable arithmetic is named in it, so that no digest of native arithmetic can be equal.
  mutating func add(
    models: [[Float]], results: [ClientResult], arithmetic: Scenario.Arithmetic
  ) {
    var words = Words()
    for result in results {
      for value in [result.accuracy, result.loss, result.epsilon] { words.add(value) }
    }
    extend { hash in
      if arithmetic == .portable { hash.update(data: Data("portable 1".utf8)) }
      for model in models {
        hash.update(Words(UInt64(model.count)))
        hash.update(data: Data(LittleEndian.bytes(of: model)))
      }
      hash.update(words)
    }
  }

  private mutating func extend(_ body: (inout SHA256) -> Void) {
    var hash = SHA256()
    hash.update(data: Data(text.utf8))
    body(&hash)
    text = hash.finalize().hexadecimal
  }
}

/// What is hashed, number by number: handed over at once, since a call for each would take longer than the hash.
private struct Words {
  private(set) var values: [UInt64] = []

  init(_ values: UInt64...) { self.values = values }

  mutating func add(_ value: Int) { values.append(UInt64(value)) }

  mutating func add(_ value: Double?) {
    // A missing value must differ from every number.
    values.append(value == nil ? 0 : 1)
    values.append((value ?? 0).bitPattern)
  }

  mutating func add(_ client: ClientRound) {
    add(client.model)
    add(client.steps)
    add(client.updateNorm)
    add(client.trainLoss)
    add(client.testAccuracy)
    add(client.testLoss)
  }
}

extension SHA256 {
  fileprivate mutating func update(_ words: Words) {
    update(data: Data(LittleEndian.bytes(of: words.values)))
  }
}
