// Text tables with all their quirks, and what becomes of them.

import Datasets
import Foundation
import Testing

func readTable(
  _ train: String, test: String? = nil, _ format: TableFormat = TableFormat(label: .name("y"))
) throws(DatasetError) -> Dataset {
  try Table.dataset(
    name: "t", format: format, train: ("train.csv", Array(train.utf8)),
    test: test.map { ("test.csv", Array($0.utf8)) })
}

func floats(_ examples: Examples) -> [Float] {
  if case .floats(let floats) = examples.values { floats } else { [] }
}

@Suite struct TableTests {
  @Test("numbers are standardised and texts unfolded by what the training rows have")
  func encoding() throws {
    let set = try readTable(
      "a,colour,y\n1,red,no\n3,blue,yes\n", test: "a,colour,y\n5,blue,yes\n2,green,no\n")
    #expect(set.shape == .features(count: 3))
    #expect(set.classCount == 2)
    #expect(floats(set.train) == [-1, 0, 1, 1, 1, 0])
    #expect(set.train.labels == [0, 1])
    #expect(floats(set.test) == [3, 1, 0, 0, 0, 0])
    #expect(set.test.labels == [1, 0])
  }

  @Test("quotes, line ends, blanks, empty lines and a byte-order mark")
  func syntax() throws {
    let plain = try readTable(
      "a,b,y\nx,\"1, 2\",p\ny,\"say \"\"hi\"\"\",q\n", test: "a,b,y\nx,z,p\n")
    let odd = try readTable(
      "\u{FEFF}a, b ,y\r\n\r\n x , \"1, 2\" ,p\r\n\n\"y\",\"say \"\"hi\"\"\",\"q\"",
      test: "a,b,y\r\nx,z,p")
    #expect(odd.contentHash == plain.contentHash)
    #expect(plain.shape == .features(count: 4))
    let lines = try readTable("a,y\n\"one\ntwo\",p\nthree,q\n", test: "a,y\nthree,q\n")
    #expect(floats(lines.train) == [1, 0, 0, 1])
  }

  @Test("missing numbers become the mean, missing texts a value of their own")
  func missing() throws {
    let set = try readTable("n,c,y\n1,?,a\n?,u,b\n3,,a\n", test: "n,c,y\n?,u,a\n")
    #expect(floats(set.train) == [-1, 0, 1, 0, 1, 0, 1, 0, 1])
    #expect(floats(set.test) == [0, 1, 0])
  }

  @Test("of several rows that cannot be read the first of the file is named")
  func firstOfTheFile() throws {
    var format = TableFormat(label: .name("y"))
    format.classes = ["a", "b"]
    format.client = .name("c")
    format.cluster = .name("k")
    format.columns = [ColumnStatement(.name("n"), .bounded(min: 0, max: 100))]
    /// A table in which every seventh row from the 20th on has the given field.
    func says(_ column: Int, _ wrong: String) throws -> String {
      let rows = (0..<100).map { index in
        var fields = ["\(index)", index % 2 == 0 ? "a" : "b", "c\(index % 4)", "k"]
        if index >= 20, index % 7 == 6 { fields[column] = wrong }
        return fields.joined(separator: ",")
      }
      let text = (["n,y,c,k"] + rows).joined(separator: "\n")
      let error = #expect(throws: DatasetError.self) {
        try Table.dataset(
          name: "t", format: format, train: ("t.csv", Array(text.utf8)), test: nil)
      }
      return "\(try #require(error))"
    }
    for (column, wrong) in [(0, "many"), (1, "z"), (2, "NA"), (3, "other")] {
      let message = try says(column, wrong)
      // The first stands in row 20, counted from 0, after the header: line 22.
      #expect(message.contains("t.csv, line 22: "), "\(message)")
    }
  }

  @Test func rowsWithoutALabelAreLeftOut() throws {
    let set = try readTable("n,y\n1,a\n2,?\n3,b\n", test: "n,y\n1,\n3,b\n")
    #expect(set.train.count == 2)
    #expect(set.test.count == 1)
  }

  @Test func constantColumnsBecomeZero() throws {
    let set = try readTable("n,y\n0.1,a\n0.1,b\n0.1,a\n", test: "n,y\n0.1,a\n")
    #expect(floats(set.train) == [0, 0, 0])
    #expect(floats(set.test) == [0])
  }

  @Test func labelsSortAsNumbersAndLoseAFullStop() throws {
    let set = try readTable("n,y\n1,10\n2,9\n3,2\n", test: "n,y\n1,10.\n2,2\n")
    #expect(set.train.labels == [2, 1, 0])
    #expect(set.test.labels == [2, 0])
  }

  @Test("columns by position, twice the same name, dropped and forced columns")
  func columns() throws {
    let text = "s,s,id,code,y\n1,5,77,1,a\n2,6,78,2,b\n"
    let format = TableFormat(
      label: .position(4), dropped: [.position(0), .name("id")],
      columns: [ColumnStatement(.name("code"), .categorical(nil))])
    let set = try readTable(text, test: text, format)
    #expect(floats(set.train) == [-1, 1, 0, 1, 0, 1])
    let error = try #require(throws: DatasetError.self) {
      try readTable(text, test: text, TableFormat(label: .name("s")))
    }
    #expect(error.description.contains("train.csv has 2 columns called 's'"))
  }

  @Test func withoutHeaderAndWithAnotherDelimiter() throws {
    let format = TableFormat(
      label: .name("y"), delimiter: ";", header: false, names: ["n", "y"], comment: "|")
    let set = try readTable("|remark\n1;a\n3;b\n", test: "2;a\n|x\n", format)
    #expect(floats(set.train) == [-1, 1])
    #expect(floats(set.test) == [0])
  }

  @Test func groupsAreNamedOverBothFiles() throws {
    let set = try readTable(
      "n,g,y\n1,m,a\n2,f,b\n", test: "n,g,y\n1,x,a\n",
      TableFormat(label: .name("y"), group: .name("g")))
    #expect(set.groupNames == ["f", "m", "x"])
    #expect(set.train.groups == [1, 0])
    #expect(set.test.groups == [2])
    #expect(set.shape == .features(count: 3))
  }

  @Test("without a test file part of the rows is split off, the same every time and of every class")
  func split() throws {
    let text = "n,y\n" + (0..<100).map { "\($0),\($0 % 2)\n" }.joined()
    let (first, second) = (try readTable(text), try readTable(text))
    #expect(first.train.count == 80)
    #expect(first.test.count == 20)
    #expect(first.contentHash == second.contentHash)
    #expect(first.test.labels.filter { $0 == 0 }.count == 10)
    // Two rows of a rare class: however they fall, one is for training.
    for place in 0..<40 {
      let rare =
        "n,y\n" + (0..<40).map { "\($0),\($0 == place || $0 == 7 ? "rare" : "usual")\n" }.joined()
      let set = try readTable(rare)
      #expect(set.train.labels.contains(0) && set.test.count == 8)
    }
    var whole = TableFormat(label: .name("y"))
    whole.testFraction = 1
    #expect(throws: DatasetError.self) { try readTable(text, whole) }
  }

  @Test(
    "broken tables are named and explained",
    arguments: [
      ("", "has no rows"), ("n,y\n", "has no rows"), ("n,y\n1,?\n2,\n", "no row with a label"),
      ("n,y\n1,a\n2\n", "has 1 fields"), ("n,y\n\"1,a\n", "never closed"),
      ("n,y\n\"1\"x,a\n", "after a closing quote"), ("n,z\n1,a\n2,b\n", "has no column 'y'"),
      ("y\na\nb\n", "no input columns"), ("n,y\n1,a\n", "too few"),
      ("n,y\n1,a\n2,a\n3,a\n", "one class only, 'a'"),
      ("PK\u{3}\u{4}zip", "a spreadsheet"), ("PAR1\n", "a Parquet file"),
      (
        "n,y\n" + (0..<40).map { "\($0 == 30 ? "l7" : "1"),\($0 % 2)\n" }.joined(),
        "train.csv, line 32: has 'l7' in 'n', which"
      ),
      ("n,y\n" + (0..<2_000).map { "1,\($0)\n" }.joined(), "different labels"),
      ("n,y\n" + (0..<2_000).map { "t\($0),1\n" }.joined(), "different texts"),
    ])
  func refused(text: String, says: String) throws {
    let error = try #require(throws: DatasetError.self) { try readTable(text) }
    #expect("\(error)".contains("train.csv"))
    #expect("\(error)".contains(says))
  }

  @Test func testRowsMustFitTheTrainingRows() throws {
    let train = "n,y\n1,a\n2,b\n"
    for (test, says) in [
      ("n,y\n1,a\n\nx,a\n", "test.csv, line 4: has 'x' in 'n', which is numeric"),
      ("n,y\n1e300,a\n", "has '1e300'"), ("n,y\ninf,a\n", "has 'inf'"),
      ("m,y\n1,a\n", "other columns"),
      ("n,y\n1,a,\n", "has 3 fields"),
    ] {
      let error = try #require(throws: DatasetError.self) { try readTable(train, test: test) }
      #expect(error.place.hasPrefix("test.csv"))
      #expect("\(error)".contains(says))
    }
    var format = TableFormat(label: .name("y"))
    format.classes = ["a", "b"]
    let error = try #require(throws: DatasetError.self) {
      try readTable(train, test: "n,y\n1,c\n", format)
    }
    #expect(
      "\(error)".contains(
        "test.csv, line 2: has the label 'c', which is none of the 2 classes (a, b)"))
  }

  @Test("3,000 damaged tables are read or refused")
  func corruption() throws {
    let text = "n,c,g,y\n1,\"a, b\",u,p\n2.5,?,v,q\n-3e2,\"d\"\"e\",u,p.\n?,f,v,q\r\n4,a,u,p\n"
    let format = TableFormat(label: .name("y"), group: .name("g"))
    var refused = 0
    for number in 0..<3_000 {
      let bytes = corrupted(Array(text.utf8), number)
      do throws(DatasetError) {
        let set = try Table.dataset(
          name: "t", format: format, train: ("x", bytes), test: number % 2 == 0 ? nil : ("z", bytes)
        )
        #expect(floats(set.train).allSatisfy { $0.isFinite })
        #expect(floats(set.test).count == set.test.count * set.shape.valueCount)
      } catch {
        refused += 1
      }
    }
    #expect((500..<3_000).contains(refused))
  }

  @Test("marks of a missing value leave a number a number")
  func marksOfMissing() throws {
    let text = "n,y\n1,a\nNA,b\n3,a\n?,b\nN/A,a\n,b\nnan,a\n"
    let set = try readTable(text, test: "n,y\n2,a\n")
    #expect(set.shape == .features(count: 1))
    #expect(floats(set.train) == [-1, 0, 1, 0, 0, 0, 0])
    var format = TableFormat(label: .name("y"), missing: [""])
    format.columns = [ColumnStatement(.name("n"), .categorical(nil))]
    let words = try readTable(text, test: "n,y\n2,a\n", format)
    // 1, 3, ?, N/A, NA, nan, and one for missing.
    #expect(words.shape == .features(count: 7))
  }

}
