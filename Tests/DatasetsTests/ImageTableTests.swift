// Packed images beside a table, and rows whose split a column says.

import Datasets
import Foundation
import Testing

private let format = ImageFormat(
  table: TableFormat(label: .name("label")), image: .name("image"))

/// Three images of 1 x 2 pixels: 0 1, 2 3, 4 5; in colour each with two more channels.
private func packed(color: Bool = false) -> NamedBytes {
  let pixels = (0..<6).map { UInt8($0) }
  return (
    "images.idx",
    color ? idx([3, 1, 2, 3], pixels.flatMap { [$0, 10 + $0, 20 + $0] }) : idx([3, 1, 2], pixels)
  )
}

private func rows(_ lines: String...) -> NamedBytes {
  ("rows.csv", Array(lines.joined(separator: "\n").utf8))
}

private func split(_ change: (inout ImageFormat) -> Void = { _ in }) -> ImageFormat {
  var format = format
  format.table.splitColumn = .name("part")
  change(&format)
  return format
}

private func bytes(_ examples: Examples) -> [UInt8] {
  if case .bytes(let bytes) = examples.values { bytes } else { [] }
}

@Suite struct ImageTableTests {
  @Test("each row has the image of its number, its class, client, person and groups")
  func reading() throws {
    let table = rows(
      "part,label,image,ward,who,sex", "test,cat,2,north,a,f", "train,dog,1,north,b,m",
      "test,dog,1,south,c,f", "train,cat,0,south,d,m", "train,cat,0,south,d,m", "train,,0,south,e,m"
    )
    let own = split {
      $0.table.client = .name("ward")
      $0.table.person = .name("who")
      $0.table.groupColumns = [GroupColumn(.name("sex"))]
    }
    let set = try ImageTable.dataset(name: "images", format: own, rows: table, images: packed())
    #expect(set.shape == .image(height: 1, width: 2, channels: 1))
    #expect(set.classNames == ["cat", "dog"] && set.normalization == .cifar10)
    #expect(set.holdings?.map(\.client) == ["north", "south"])
    for holding in set.holdings ?? [] {
      let (train, test) = (Int(holding.train[0]), Int(holding.test[0]))
      #expect(holding.train.count == 1 && holding.test.count == 1)
      let isNorth = holding.client == "north"
      #expect(
        bytes(set.train)[2 * train..<2 * train + 2].elementsEqual(isNorth ? [2, 3] : [0, 1]))
      #expect(bytes(set.test)[2 * test..<2 * test + 2].elementsEqual(isNorth ? [4, 5] : [2, 3]))
      #expect(set.train.labels[train] == (isNorth ? 1 : 0))
      #expect(set.test.labels[test] == (isNorth ? 0 : 1))
    }
    #expect(set.attributes == [GroupAttribute(name: "sex", groups: ["f", "m"])])
    #expect(set.train.memberships == [[1, 1]] && set.test.memberships == [[0, 0]])
  }

  @Test("colour has three channels side by side")
  func color() throws {
    let set = try ImageTable.dataset(
      name: "images", format: split(), rows: rows("image,label,part", "1,a,train", "0,b,test"),
      images: packed(color: true))
    #expect(set.shape == .image(height: 1, width: 2, channels: 3))
    #expect(bytes(set.train) == [2, 12, 22, 3, 13, 23])
  }

  @Test("public rows are drawn by number, and classes are not learned under a budget")
  func privacy() throws {
    let table = rows(
      "image,label,part", "0,a,train", "1,b,train", "2,a,train", "0,b,test", "1,a,test")
    // Two rows are for testing, and stay there whatever is drawn.
    let use = TableUse(isPrivate: true, publicExamples: 3)
    let stated = split { $0.table.classes = ["a", "b"] }
    let set = try ImageTable.dataset(
      name: "images", format: stated, rows: table, images: packed(), use: use)
    #expect((1...2).contains(set.publicTrain.count) && set.train.count == 3)
    let error = #expect(throws: DatasetError.self) {
      _ = try ImageTable.dataset(
        name: "images", format: split(), rows: table, images: packed(), use: use)
    }
    #expect(error?.description.contains("private rows; list them") == true)
  }

  @Test(
    "what does not fit is a sentence",
    arguments: [
      ("0,a,train\n3,b,test", "line 3: has '3' as the number of its image, of which there are 3"),
      ("-1,a,train\n2,b,test", "line 2: has '-1' as the number"),
      ("x,a,train\n2,b,test", "line 2: has 'x' as the number"),
      ("0,a,train\n1,b,validation", "line 3: has 'validation' in 'part'; write train or test"),
      ("0,a,train\n1,b,train", "has 2 rows for training and 0 for testing"),
      ("0,a,train\n1,a,test", "has 1 different labels"),
    ])
  func mistakes(_ lines: String, _ sentence: String) {
    let error = #expect(throws: DatasetError.self) {
      _ = try ImageTable.dataset(
        name: "images", format: split(), rows: rows("image,label,part", lines), images: packed())
    }
    #expect(error?.description.contains(sentence) == true, "\(error?.description ?? "")")
  }

  @Test("broken files give data or an error, never a trap")
  func hostile() {
    let table = rows("image,label,part", "0,a,train", "1,b,train", "2,a,test").bytes
    for number in 0..<2000 {
      let isImages = number.isMultiple(of: 2)
      _ = try? ImageTable.dataset(
        name: "images", format: split(),
        rows: ("rows.csv", isImages ? table : corrupted(table, number)),
        images: (
          "images.idx", isImages ? corrupted(packed(color: true).bytes, number) : packed().bytes
        ))
    }
    for claim: [UInt32] in [
      [1, .max, .max], [.max, 1, 1, 3], [3, 1, 2, 4], [3, 0, 2], [3, 1, 2, 0],
    ] {
      #expect(throws: DatasetError.self) {
        _ = try ImageTable.dataset(
          name: "images", format: split(), rows: ("rows.csv", table),
          images: ("images.idx", idx(claim, [0, 1, 2, 3, 4, 5])))
      }
    }
  }

  @Test("a folder without its files says how they are made")
  func missing() throws {
    try withTemporaryFolder { folder in
      var request = DatasetRequest(name: "images", path: folder.path)
      request.imageTable = format
      let error = #expect(throws: DatasetError.self) {
        _ = try DatasetCatalog(places: []).load(request)
      }
      #expect(error?.kind == .missing)
      #expect(error?.description.contains("tools/convert-images MANIFEST.csv FOLDER") == true)
    }
  }
}

@Suite struct SplitColumnTests {
  private func read(_ text: String, person: Bool = false) throws(DatasetError) -> Dataset {
    var format = TableFormat(label: .name("y"))
    format.splitColumn = .name("part")
    if person { format.person = .name("who") }
    return try Table.dataset(
      name: "t", format: format, train: ("t.csv", Array(text.utf8)), test: nil)
  }

  @Test("the column says which rows are tested, and is no input")
  func split() throws {
    let set = try read("x,y,part,who\n1,a,test,k\n2,b,train,l\n4,a,train,m\n5,b,test,n\n")
    #expect(set.train.count == 2 && set.test.count == 2)
    #expect(set.table?.columns.map(\.role) == [nil, "label", "split", nil])
  }

  @Test("nobody is trained and tested on")
  func persons() throws {
    let text = "x,y,part,who\n1,a,test,k\n2,b,train,l\n4,a,train,k\n"
    let error = #expect(throws: DatasetError.self) { _ = try read(text, person: true) }
    #expect(error?.description.contains("of 'k' into") == true)
  }
}
