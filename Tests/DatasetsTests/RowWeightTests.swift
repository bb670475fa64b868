// Weights of rows: shares of a public bound, or a refusal that names the cell.

import Datasets
import Testing

@Suite("Weights of rows")
struct RowWeightTests {
  private func read(_ text: String, weighted: Bool = true) throws -> Dataset {
    var format = TableFormat(label: .name("y"), dropped: weighted ? [] : [.name("w")])
    if weighted { format.weight = RowWeight(.name("w"), bound: 4) }
    return try Table.dataset(
      name: "t", format: format, train: ("train.csv", Array(text.utf8)),
      test: ("test.csv", Array("x,w,y\n1,NA,0\n2,9,1\n".utf8)))
  }

  @Test("a weight is its share of the bound, cut to it; test rows need none")
  func shares() throws {
    let set = try read("x,w,y\n1,2,0\n2,0,1\n3,4,0\n4,100,1\n")
    #expect(set.train.weights == [0.5, 0, 1, 1])
    #expect(set.test.weights == nil)
    #expect(set.shape == .features(count: 1))
    let view = ClientView(
      of: set, .train, indices: [3, 0], transform: try ViewTransform(for: set), client: 0)
    #expect(view.weight(at: 0) == 1 && view.weight(at: 1) == 0.5)
    let plain = try read("x,w,y\n1,2,0\n2,0,1\n3,4,0\n4,100,1\n", weighted: false)
    #expect(plain.train.weights == nil && plain.contentHash != set.contentHash)
  }

  @Test("a missing, negative or wordy weight is refused with line and column")
  func refused() throws {
    for cell in ["NA", "", "-1", "much", "inf"] {
      let error = #expect(throws: DatasetError.self) {
        try read("x,w,y\n1,2,0\n2,\(cell),1\n")
      }
      let text = error.map { "\($0)" } ?? ""
      #expect(text.contains("train.csv, line 3") && text.contains("'\(cell)' in 'w'"), "\(text)")
    }
  }
}
