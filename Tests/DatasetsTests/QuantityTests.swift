// Numbers of examples: whole, at least one, exact in total.

import Datasets
import Testing

@Suite struct QuantityTests {
  @Test func fixedAndListed() throws {
    #expect(try Quantity.fixed(7).counts(clients: 3, cluster: 0, seed: 1) == [7, 7, 7])
    #expect(try Quantity.list([3, 1]).counts(clients: 2, cluster: 0, seed: 1) == [3, 1])
    #expect(throws: DatasetError.self) {
      try Quantity.list([3, 1]).counts(clients: 3, cluster: 0, seed: 1)
    }
  }

  @Test func rangesAreUniformAndClosed() throws {
    let counts = try Quantity.range(2...5).counts(clients: 4_000, cluster: 1, seed: 9)
    for value in 2...5 {
      // Binomial(4000, 1/4): standard deviation 27.
      #expect(abs(counts.count { $0 == value } - 1_000) < 140)
    }
    #expect(counts.allSatisfy { (2...5).contains($0) })
    let more = try Quantity.range(2...5).counts(clients: 5_000, cluster: 1, seed: 9)
    #expect(Array(more.prefix(4_000)) == counts)
    #expect(try Quantity.range(2...5).counts(clients: 4_000, cluster: 2, seed: 9) != counts)
  }

  @Test("quantity skew keeps the total", arguments: [0, 0.5, 2, 10, 100.0])
  func logNormal(sigma: Double) throws {
    for clients in [1, 2, 21, 1_000] {
      let counts = try Quantity.logNormal(mean: 50, sigma: sigma)
        .counts(clients: clients, cluster: 0, seed: 3)
      #expect(counts.count == clients)
      #expect(counts.reduce(0, +) == 50 * clients)
      #expect(counts.allSatisfy { $0 >= 1 })
      if sigma == 0 { #expect(counts.allSatisfy { $0 == 50 }) }
      if sigma == 2, clients == 1_000 { #expect((counts.max() ?? 0) > 500) }
    }
  }

  @Test(
    "numbers out of range are refused",
    arguments: [
      Quantity.fixed(0), .fixed(-1), .fixed(.max), .list([1, 0]), .range(0...3),
      .range(1...Int.max),
      .logNormal(mean: 0, sigma: 1), .logNormal(mean: .max, sigma: 1),
      .logNormal(mean: .min, sigma: 1),
      .logNormal(mean: 5, sigma: -1), .logNormal(mean: 5, sigma: .nan),
      .logNormal(mean: 5, sigma: .infinity),
    ])
  func refused(quantity: Quantity) throws {
    let error = try #require(throws: DatasetError.self) {
      try quantity.counts(clients: 2, cluster: 0, seed: 0)
    }
    #expect(error.kind == .invalidRequest)
  }

  @Test(arguments: [0, -1, Int.max])
  func aClusterNeedsClients(clients: Int) {
    #expect(throws: DatasetError.self) {
      try Quantity.fixed(1).counts(clients: clients, cluster: 0, seed: 0)
    }
  }
}
