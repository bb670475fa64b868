// What is said of a table: its dialect, its columns, its classes, its clients.

import Datasets
import Foundation
import Testing

@Suite struct TableFormatTests {
  @Test("the dialect is found by looking, and what is stated overrules it")
  func dialects() throws {
    let german = "alter;blutdruck;y\n54,5;118,2;ja\n60;120,4;nein\n"
    let set = try readTable(german, test: german)
    #expect(set.table?.dialect.delimiter == ";")
    #expect(set.table?.dialect.decimal == .either)
    #expect(set.classNames == ["ja", "nein"])
    #expect(floats(set.train) == [-1, -1, 1, 1])
    let english = "age\tpressure\ty\n54.5\t118.2\tja\n60\t120.4\tnein\n"
    #expect(floats(try readTable(english, test: english).train) == [-1, -1, 1, 1])
    let mac = german.replacing("\n", with: "\r")
    #expect(try readTable(mac, test: mac).contentHash == set.contentHash)
    for (bytes, encoding) in [
      (Array("n,y\n1,caf".utf8) + [0xE9] + Array("\n2,b\n".utf8), TextEncoding.latin1),
      (Array("n,y\n1,".utf8) + [0x80] + Array("\n2,b\n".utf8), .windows1252),
      (
        [0xFF, 0xFE] + "n,y\n1,café\n2,b\n".utf16.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] },
        .utf16
      ),
    ] {
      let read = try Table.dataset(
        name: "t", format: TableFormat(label: .name("y")), train: ("t.csv", bytes),
        test: ("t.csv", bytes))
      #expect(read.table?.dialect.encoding == encoding)
      #expect(read.classNames == ["b", encoding == .windows1252 ? "€" : "café"])
    }
    var format = TableFormat(label: .name("y"), delimiter: ";")
    format.decimal = .point
    // With the point alone, 54,5 is a word.
    #expect(try readTable(german, test: german, format).shape == .features(count: 4))
  }

  @Test("what is stated of columns and classes needs no row")
  func statements() throws {
    var format = TableFormat(label: .name("y"), dropped: [.name("id")])
    format.classes = ["no", "yes"]
    format.columns = [
      ColumnStatement(.name("age"), .bounded(min: 0, max: 100)),
      ColumnStatement(.name("w"), .standardized(mean: 10, standardDeviation: 2)),
      ColumnStatement(.name("c"), .categorical(["u", "v"])),
    ]
    let text = "id,age,w,c,y\n1,75,14,v,yes\n2,200,?,?,no\n3,0,10,z,no\n"
    let set = try Table.dataset(
      name: "t", format: format, train: ("t", Array(text.utf8)), test: ("t", Array(text.utf8)),
      use: TableUse(isPrivate: true))
    #expect(
      floats(set.train) == [0.5, 2, 0, 1, 0, 1, 0, 0, 0, 1, -1, 0, 0, 0, 0])
    #expect(set.train.labels == [1, 0, 0])
    #expect(set.table?.columns.map(\.firstInput) == [0, 0, 1, 2, 5])
    format.columns.removeLast()
    let error = try #require(throws: DatasetError.self) {
      try Table.dataset(
        name: "t", format: format, train: ("t", Array(text.utf8)), test: nil,
        use: TableUse(isPrivate: true))
    }
    #expect("\(error)".contains("'c' would be read from private rows"))
    #expect("\(error)".contains("data.columns"))
  }

  @Test("input columns are chosen, and what is stated of others is refused")
  func features() throws {
    var format = TableFormat(label: .name("y"))
    format.features = [.name("b")]
    let text = "a,b,y\n1,2,p\n3,4,q\n"
    #expect(try readTable(text, test: text, format).shape == .features(count: 1))
    format.columns = [ColumnStatement(.name("a"), .numeric)]
    let error = try #require(throws: DatasetError.self) { try readTable(text, test: text, format) }
    #expect(error.place == "data.columns[0]")
  }

  @Test("a column of clients holds its own rows, whatever they say")
  func clients() throws {
    func text(_ changed: Int?, _ row: String) -> String {
      "h,r,p,x,y\n"
        + (0..<60).map { index in
          index == changed
            ? row
            : "\(["9", "10", "b"][index % 3]),\(index % 3 == 2 ? "s" : "n"),\(index / 6),\(index),\(index % 2)"
        }.joined(separator: "\n")
    }
    var format = TableFormat(label: .name("y"))
    format.client = .name("h")
    format.cluster = .name("r")
    format.classes = ["0", "1"]
    format.columns = [ColumnStatement(.name("x"), .bounded(min: 0, max: 59))]
    format.dropped = [.name("p")]
    func load(_ text: String) throws(DatasetError) -> Dataset {
      try Table.dataset(
        name: "t", format: format, train: ("t.csv", Array(text.utf8)), test: nil,
        use: TableUse(isPrivate: true))
    }
    let set = try load(text(nil, ""))
    let holdings = try #require(set.holdings)
    #expect(holdings.map(\.client) == ["9", "10", "b"])
    #expect(holdings.map(\.cluster) == ["n", "n", "s"])
    #expect(
      holdings.map(\.train.count) == [16, 16, 16] && holdings.map(\.test.count) == [4, 4, 4])
    #expect(set.shape == .features(count: 1))
    // Feature, label, or a gap: nobody else's row moves.
    for row in ["9,n,3,58,1", "9,n,3,?,0"] {
      #expect(try load(text(30, row)).holdings == holdings)
    }
    format.person = .name("p")
    format.dropped = []
    let persons = try load(text(nil, ""))
    #expect(
      persons.table?.repeatedRows == persons.holdings.map { $0.reduce(0) { $0 + $1.train.count } })
    // Two rows of each of ten persons at each client: eight persons to train on, by one row each.
    #expect(persons.holdings?.map(\.train.count) == [8, 8, 8])
    #expect(persons.holdings?.map(\.test.count) == [4, 4, 4])
    format.person = nil
    format.dropped = [.name("p")]
    for (row, says) in [
      (",n,3,1,1", "names no client"), ("9,s,3,1,1", "although it was in"),
      ("lonely,n,99,1,1", "client 'lonely'"),
    ] {
      let error = try #require(throws: DatasetError.self) { try load(text(30, row)) }
      #expect("\(error)".contains(says))
    }
  }

  @Test("a first look finds types, identifiers, gaps and columns that settle the label")
  func inspection() throws {
    let text =
      "id;age;ward;after;y\n"
      + (0..<40).map {
        "\(1000 + $0);\($0 % 7 == 0 ? "NA" : "\($0 % 9),5");\(["a", "b", "c"][$0 % 3]);\($0 % 2);\($0 % 2)\n"
      }
      .joined()
    let file = FileManager.default.temporaryDirectory
      .appendingPathComponent("dpflsim-\(UUID().uuidString).csv")
    defer { try? FileManager.default.removeItem(at: file) }
    try Data(text.utf8).write(to: file)
    let look = try TableInspection(file: file, label: "y", client: "ward")
    #expect(look.rows == 40 && look.dialect.delimiter == ";")
    #expect(look.columns.map(\.kind) == [.identifier, .numeric, .categorical, .numeric, .numeric])
    #expect(look.columns[1].missing == 6 && look.columns[1].range == 0.5...8.5)
    #expect(look.columns.map(\.settlesLabel) == [false, false, false, true, false])
    #expect(look.classes.map(\.rows) == [20, 20])
    #expect(look.clients.map(\.name) == ["a", "b", "c"])
  }

  @Test(
    "where every client has one row, the sentence is about clients and not about labels",
    arguments: [TestSplit.random, .stratified])
  func oneRowEach(_ split: TestSplit) throws {
    let text = "c,x,y\n" + (0..<40).map { "h\($0),\($0 % 7),\($0 % 2)\n" }.joined()
    var format = TableFormat(label: .name("y"))
    format.client = .name("c")
    format.split = split
    let error = #expect(throws: DatasetError.self) {
      try Table.dataset(
        name: "t", format: format, train: ("t.csv", Array(text.utf8)), test: nil,
        use: TableUse(isPrivate: false))
    }
    #expect(error?.description.contains("t.csv: gives client 'h0'") == true)
  }
}
