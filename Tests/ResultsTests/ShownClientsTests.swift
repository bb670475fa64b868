// A report of very many clients shows some of them, and says which.

import Presentation
import Testing

@Suite("Shown clients")
struct ShownClientsTests {
  @Test("few clients are all shown")
  func few() {
    let accuracies = (0..<ShownClients.most).map { Double($0 % 7) }
    #expect(
      ShownClients.places(accuracies: accuracies, clusters: accuracies.map { Int($0) })
        == Array(accuracies.indices))
  }

  @Test("of many a share of every cluster, from its worst to its best, evenly between")
  func many() {
    let clusters = (0..<50_000).map { $0 < 40_000 ? 0 : $0 < 49_990 ? 1 : 2 }
    // In no order.
    let accuracies = clusters.indices.map { Double(($0 * 7919) % 50_021) / 50_021 }
    let shown = ShownClients.places(accuracies: accuracies, clusters: clusters)
    #expect(shown == shown.sorted() && Set(shown).count == shown.count)
    #expect((900...1100).contains(shown.count))
    for cluster in 0..<3 {
      let members = clusters.indices.filter { clusters[$0] == cluster }.map { accuracies[$0] }
      let own = shown.filter { clusters[$0] == cluster }.map { accuracies[$0] }
      #expect(own.min() == members.min() && own.max() == members.max())
      guard cluster < 2 else { continue }
      let share = members.count / 50
      #expect((share - 1...share + 1).contains(own.count))
      let mean: Double = own.reduce(0, +) / Double(own.count)
      let whole: Double = members.reduce(0, +) / Double(members.count)
      #expect(abs(mean - whole) < 0.01)
    }
  }
}
