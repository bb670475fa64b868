// Which client uses which model, and what of it is true.

import Federation
import Foundation
import Testing

@Suite("Assignment")
struct AssignmentTests {
  /// Goes through many rounds in which some clients move, and back to some earlier round now and then.
  @Test("moves are what a client by client comparison finds", arguments: [1, 5, 1024, 5000])
  func moves(_ clients: Int) {
    var generator = SystemRandomNumberGenerator()
    var plain = (0..<clients).map { $0 % 3 }
    var assignment = Assignment(plain)
    for _ in 0..<20 {
      let (before, plainBefore) = (assignment, plain)
      for _ in 0..<Int.random(in: 0...10, using: &generator) {
        let client = Int.random(in: 0..<clients, using: &generator)
        let model = Int.random(in: 0..<4, using: &generator)
        assignment[client] = model
        plain[client] = model
      }
      #expect(Array(assignment) == plain)
      #expect(Array(before) == plainBefore)
      #expect(assignment == Assignment(plain))
      let moves = assignment.moves(since: before)
      #expect(moves.map(\.client) == plain.indices.filter { plain[$0] != plainBefore[$0] })
      #expect(moves.allSatisfy { $0.from == plainBefore[$0.client] && $0.to == plain[$0.client] })
    }
  }

  @Test("comes back from a checkpoint, and refuses what is no client's model")
  func stored() throws {
    let assignment = Assignment((0..<3000).map { $0 % 700 })
    let data = try JSONEncoder().encode(assignment)
    #expect(try JSONDecoder().decode(Assignment.self, from: data) == assignment)
    #expect(Assignment([]).isEmpty)
    // Nothing that is too large becomes a small number that would fit.
    #expect(Assignment([1 << 40])[0] == Int(Int32.max))
    #expect(Assignment([-1])[0] == -1)
  }

  @Test("clusters are found where every one has a model of its own, counted again or kept up")
  func usage() {
    var generator = SystemRandomNumberGenerator()
    let clusters = (0..<12).map { $0 / 4 }
    var assignment = Assignment(clusters)
    var kept = ModelUsage(assignment) { clusters[$0] }
    #expect(kept.isOneToOne)
    var seen: Set<Bool> = []
    for step in 0..<400 {
      let before = assignment
      // Back to the true ones often enough, under other names.
      if step % 5 == 0 {
        for client in clusters.indices { assignment[client] = (clusters[client] + step) % 3 }
      } else {
        assignment[Int.random(in: 0..<12, using: &generator)] = Int.random(
          in: 0..<4, using: &generator)
      }
      for move in assignment.moves(since: before) {
        kept.take(move, cluster: clusters[move.client])
      }
      let pairs = Set(zip(clusters, assignment).map { [$0, $1] })
      let isTrue = pairs.count == 3 && Set(pairs.map { $0[1] }).count == 3
      #expect(kept.isOneToOne == isTrue)
      #expect(ModelUsage(assignment) { clusters[$0] }.isOneToOne == isTrue)
      seen.insert(isTrue)
    }
    #expect(seen == [true, false])
  }
}
