// Statements of columns that do not fit what the rows hold.

import Datasets
import Foundation
import Testing

@Suite("Values outside of what is stated") struct OutsideValuesTests {
  private func outside(_ kinds: [ColumnStatement.Kind]) throws -> [OutsideValues] {
    // Ages of 10 to 109 in years, sexes of which one in ten is missing.
    let rows = (0..<100).map {
      "\($0 + 10),\($0 % 10 == 0 ? "NA" : $0 % 2 == 0 ? "f" : "m"),\($0 % 2)"
    }
    var format = TableFormat(label: .name("y"))
    format.columns = zip(["age", "sex"], kinds).map { ColumnStatement(.name($0), $1) }
    let text = (["age,sex,y"] + rows).joined(separator: "\n")
    let set = try Table.dataset(
      name: "t", format: format, train: ("t.csv", Array(text.utf8)), test: nil)
    return try #require(set.rows).outside
  }

  @Test("a list without a value of the column, and bounds in another unit")
  func unfit() throws {
    let found = try outside([
      .bounded(min: 0, max: 10), .categorical(["Female", "Male"]),
    ])
    #expect(
      found.map(\.sentence) == [
        "age: 99 % lie above max", "sex: 100 % of the values are none of the listed categories",
      ])
    let both = try outside([.bounded(min: 40, max: 90), .categorical(["m", "f"])])
    #expect(both.map(\.sentence) == ["age: 30 % lie below min and 19 % lie above max"])
  }

  @Test("few values outside, missing ones, and columns that are learned are nothing to tell of")
  func fit() throws {
    #expect(try outside([.bounded(min: 20, max: 109), .categorical(["m", "f"])]) == [])
    #expect(try outside([.numeric, .categorical(nil)]) == [])
    // A stated gap is a category.
    #expect(try outside([.numeric, .categorical(["m", "f", "NA"])]) == [])
  }
}
