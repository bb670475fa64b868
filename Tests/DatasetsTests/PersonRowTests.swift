// Rows that say whose they are, and rows that do not.

import Datasets
import Foundation
import Testing

/// A table of clients, persons and one number, of which persons may be missing.
private func read(_ rows: [String], _ change: (inout TableFormat) -> Void = { _ in })
  throws(DatasetError) -> Dataset
{
  var format = TableFormat(label: .name("y"))
  format.client = .name("ward")
  format.person = .name("who")
  change(&format)
  let text = (["who,ward,x,y"] + rows).joined(separator: "\n")
  return try Table.dataset(
    name: "t", format: format, train: ("t.csv", Array(text.utf8)), test: nil)
}

@Suite("Rows of persons") struct PersonRowTests {
  @Test("rows without a person are persons of their own, and are counted")
  func unnamed() throws {
    // Forty rows at each ward, all of different persons, of whom every fourth is not named.
    func row(_ index: Int, _ unnamed: String?) -> String {
      let who = index % 8 < 2 ? unnamed ?? "p\(index)" : "p\(index)"
      return "\(who),w\(index % 2),\(index),\(index / 2 % 2)"
    }
    let named = try read((0..<80).map { row($0, nil) })
    let unnamed = try read((0..<80).map { row($0, $0 % 3 == 0 ? "" : "NA") })
    #expect(unnamed.contentHash == named.contentHash && unnamed.train.count == 64)
    let tally = try #require(unnamed.rows)
    #expect(tally.withoutPerson == 20 && tally.repeated == 0 && tally.unlabelled == 0)
    #expect(tally.sentences == ["20 rows have no who and count as persons of their own"])
    #expect(named.rows?.sentences == [])
    // Without a column of persons nobody is missing.
    let plain = try read((0..<80).map { row($0, "") }) {
      $0.person = nil
      $0.dropped = [.name("who")]
    }
    #expect(plain.rows?.withoutPerson == 0)
  }

  @Test("of rows without a person both sides of a stated split may have some")
  func stated() throws {
    var format = TableFormat(label: .name("y"))
    format.person = .name("who")
    format.splitColumn = .name("part")
    let text = "x,y,part,who\n1,a,test,\n2,b,train,\n4,a,train,k\n3,b,test,\n"
    let set = try Table.dataset(
      name: "t", format: format, train: ("t.csv", Array(text.utf8)), test: nil)
    #expect(set.train.count == 2 && set.test.count == 2)
    #expect(set.rows?.sentences == ["3 rows have no who and count as persons of their own"])
  }

  @Test("persons with many rows are tested on as often as others")
  func evenly() throws {
    // Every tenth of 400 persons has ten rows, the others one.
    let rows = (0..<400).flatMap { person in
      (0..<(person % 10 == 0 ? 10 : 1)).map { "p\(person),w,\(person % 10 == 0 ? 1 : 0),\($0 % 2)" }
    }
    let set = try read(rows) {
      $0.columns = [ColumnStatement(.name("x"), .bounded(min: -1, max: 1))]
    }
    let values = floats(set.test)
    let (large, small) = (values.count { $0 == 1 } / 10, values.count { $0 == 0 })
    #expect(large * 10 + small == values.count && abs(values.count - 152) < 10)
    // Of 40 and 360 about a fifth each; by rows it was 13 and 15.
    #expect((2...15).contains(large) && (40...115).contains(small))
  }

  @Test("one row, and rows that are left out, have sentences of their own")
  func sentences() throws {
    let rows = (0..<20).map { "p\($0 / 2),w,\($0),\($0 % 2)" }
    let set = try read(rows + [",w,1,0", "q,w,2,", "r,w,2,NA"])
    let tally = try #require(set.rows)
    #expect(tally.unlabelled == 2 && tally.withoutPerson == 1)
    #expect(
      tally.sentences == [
        "2 rows without a label were left out",
        "\(tally.repeated) rows for training of persons with another row were left out",
        "1 row has no who and counts as a person of its own",
      ])
  }
}
