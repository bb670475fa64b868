// Groups of people: values of a column, bands of numbers, missing values.

import Datasets
import Testing

@Suite("Groups of people")
struct GroupColumnTests {
  private func read(_ text: String, _ groups: [GroupColumn]) throws -> Dataset {
    var format = TableFormat(label: .name("y"))
    format.groupColumns = groups
    return try Table.dataset(
      name: "t", format: format, train: ("train.csv", Array(text.utf8)),
      test: ("test.csv", Array(text.utf8)))
  }

  private let text = "age,sex,y\n20,f,0\n30,m,1\n59,f,0\n60,NA,1\n,m,1\n"

  @Test("values and bands are groups, a bound belongs above, a missing value is a group")
  func groups() throws {
    let set = try read(
      text, [GroupColumn(.name("sex")), GroupColumn(.name("age"), bands: [30, 60])])
    #expect(set.attributes.map(\.name) == ["sex", "age"])
    #expect(set.attributes[0].groups == ["f", "m", "(missing)"])
    #expect(
      set.attributes[1].groups == ["below 30", "30 to below 60", "60 and above", "(missing)"])
    #expect(set.test.memberships == [[0, 1, 0, 2, 1], [0, 1, 1, 2, 3]])
  }

  @Test("groups are another data set, inputs stay")
  func inputs() throws {
    let (with, without) = (try read(text, [GroupColumn(.name("sex"))]), try read(text, []))
    #expect(with.shape == without.shape)
    #expect(with.contentHash != without.contentHash)
    #expect(without.attributes.isEmpty && without.test.memberships == nil)
  }

  @Test("too many groups, a word among bands and a column named twice are refused")
  func refused() throws {
    let many = "id,y\n" + (0..<101).map { "p\($0),\($0 % 2)\n" }.joined()
    for (text, groups, message) in [
      (many, [GroupColumn(.name("id"))], "has 101 values"),
      (text, [GroupColumn(.name("sex"), bands: [1])], "whose groups are bands of numbers"),
      (text, [GroupColumn(.name("sex")), GroupColumn(.position(1))], "names 'sex' again"),
      (text, [GroupColumn(.name("ward"))], "has no column 'ward'"),
    ] {
      let error = #expect(throws: DatasetError.self) { try read(text, groups) }
      #expect(error.map { "\($0)".contains(message) } == true, "\(String(describing: error))")
    }
  }
}
