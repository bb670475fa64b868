// Which rows of a table are public is decided by their places alone: what private rows hold moves none of them.

import Datasets
import Federation
import Foundation
import Scenarios
import Testing

@Suite("Public rows of a table") struct PublicRowTests {
  /// 200 rows with two of each person, of which one row is another.
  private func persons(changing row: Int? = nil, id: String? = nil, label: String? = nil) -> String
  {
    let lines = (0..<200).map { index -> String in
      let isChanged = index == row
      let person = isChanged ? id ?? "p\(index / 2)" : "p\(index / 2)"
      let own = isChanged ? label ?? "\(index * 7 % 2)" : "\(index * 7 % 2)"
      return "\(person),\(index),word \(index),\(own)"
    }
    return (["who,number,text,y"] + lines).joined(separator: "\n") + "\n"
  }

  @Test("a private row's label or person moves no row in or out of the public ones")
  func publicRows() throws {
    let file = FileManager.default.temporaryDirectory
      .appendingPathComponent("dpflsim-\(UUID().uuidString).csv")
    defer { try? FileManager.default.removeItem(at: file) }
    let format = try scenarioOn(
      """
      {"name": "csv", "path": "\(file.path)", "label_column": "y", "id_column": "who", "drop_columns": ["text"],
       "test_split": "random", "classes": ["0", "1"],
       "columns": [{"column": "number", "kind": "numeric", "min": 0, "max": 200}]}
      """
    ).data.table?.format
    let table = try #require(format)
    func load(_ kind: String, _ text: String) throws -> Dataset {
      try Data(text.utf8).write(to: file)
      var request = DatasetRequest(name: kind, path: file.path)
      request.table = table
      request.use = TableUse(isPrivate: true, publicExamples: 40)
      request.text = TextRequest(
        format: TextFormat(table: table, text: .name("text"), maximumTokens: 12),
        vocabulary: .bytes)
      return try DatasetCatalog(places: []).load(request)
    }
    /// What the public rows hold: their number, or their words.
    func known(_ dataset: Dataset) -> Set<[Float]> {
      Set(
        dataset.publicTrain.map { row in
          switch dataset.train.values {
          case .floats(let values): return [(100 * (values[Int(row)] + 1)).rounded()]
          case .tokens(let table):
            var ids = [Int32](repeating: 0, count: table.length(of: Int(row)))
            var span = ids.mutableSpan
            table.write(Int(row), into: &span)
            return ids.map(Float.init)
          default: return []
          }
        })
    }
    let before = [
      "csv": known(try load("csv", persons())), "text": known(try load("text", persons())),
    ]
    let numbers = try #require(before["csv"])
    // Of two rows of a person one alone is kept.
    #expect((30...40).contains(numbers.count) && before["text"]?.count == numbers.count)
    var tried = 0
    // A row whose person has a public one may have been drawn too, and left out for it.
    for row in stride(from: 0, to: 200, by: 3)
    where !numbers.contains([Float(row)]) && !numbers.contains([Float(row ^ 1)]) {
      for (kind, expected) in before {
        for text in [
          persons(changing: row, id: "p\((row / 2 + 7) % 100)"), persons(changing: row, label: ""),
        ] {
          let after = known(try load(kind, text))
          #expect(after == expected, "\(kind), row \(row)")
          tried += 1
        }
      }
    }
    #expect(tried > 100)
  }
}
