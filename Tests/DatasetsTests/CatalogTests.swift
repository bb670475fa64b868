// Finding data sets by name, and the real ones where they are installed.

import Datasets
import Foundation
import TestSupport
import Testing

private let projectFolder = URL(fileURLWithPath: #filePath)
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
private let catalog = DatasetCatalog(projectFolder: projectFolder)

private func isInstalled(_ known: KnownDataset) -> Bool {
  catalog.folder(of: known) != nil
}

private func classCounts(_ examples: Examples, _ classCount: Int) -> [Int] {
  labelCounts((0..<examples.count).map { Int32($0) }, examples, classCount)
}

/// Writes the four files of an image set with one training and one test image of 2 x 3 pixels.
private func writeImageSet(_ names: [String], to folder: URL, label: UInt8 = 1) throws {
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  let images = idx([1, 2, 3], Array(1...6))
  for (name, bytes) in zip(names, [images, idx([1], [label]), images, idx([1], [label])]) {
    try Data(bytes).write(to: folder.appendingPathComponent(name))
  }
}

@Suite struct CatalogTests {
  private let mnistNames = KnownDataset.mnist.files.map { $0.names[1] }
  private let emnistNames = [
    "emnist-letters-train-images-idx3-ubyte", "emnist-letters-train-labels-idx1-ubyte",
    "emnist-letters-test-images-idx3-ubyte", "emnist-letters-test-labels-idx1-ubyte",
  ]

  @Test(.enabled(if: isInstalled(.fashionMNIST), "dataset-fashion-mnist is not installed"))
  func fashionMNIST() throws {
    let set = try catalog.load(DatasetRequest(name: "fashion-mnist"))
    #expect(set.shape == .image(height: 28, width: 28, channels: 1))
    #expect(classCounts(set.train, 10) == Array(repeating: 6_000, count: 10))
    #expect(classCounts(set.test, 10) == Array(repeating: 1_000, count: 10))
    // The first labels as its documentation shows them: ankle boot, T-shirt, T-shirt, dress.
    #expect(Array(set.train.labels.prefix(4)) == [9, 0, 0, 3])
    // Pins the recipe of the content hash, which stored runs are compared by.
    #expect(
      set.contentHash == "eb0aba4b59439320f8659c11ade8ca9c9788cb1a940cc8e8a4a9fb449bbf5bfa")
    let status = try catalog.verify("fashion-mnist")
    #expect(status.map(\.isUsable) == [true])
    #expect(status[0].files.allSatisfy { $0.state == .verified })
  }

  @Test(.enabled(if: isInstalled(.mnist), "tools/data mnist was not run"))
  func mnist() throws {
    let set = try catalog.load(DatasetRequest(name: "mnist"))
    #expect(
      classCounts(set.train, 10)
        == [5_923, 6_742, 5_958, 6_131, 5_842, 5_421, 5_918, 6_265, 5_851, 5_949])
  }

  @Test(.enabled(if: isInstalled(.adult), "tools/data adult was not run"))
  func adult() throws {
    let set = try catalog.load(DatasetRequest(name: "adult"))
    #expect(set.train.count == 32_561)
    #expect(set.test.count == 16_281)
    #expect(set.classCount == 2)
    #expect(set.groupNames == ["Female", "Male"])
    // Over both parts 23.9 % earn more than 50,000 dollars, 10.9 % of the women.
    var rich = 0
    var women = 0
    var richWomen = 0
    for examples in [set.train, set.test] {
      for (label, group) in zip(examples.labels, try #require(examples.groups)) {
        rich += Int(label)
        if group == 0 {
          women += 1
          richWomen += Int(label)
        }
      }
    }
    #expect(isClose(Double(rich) / 48_842, 0.239, absolute: 0.0005))
    #expect(isClose(Double(richWomen) / Double(women), 0.109, absolute: 0.0005))
    // Six numbers, 99 categories of the eight other columns, and one for a missing value in each.
    #expect(set.shape == .features(count: 113))
    // Every category of the published description occurs, and every value is one of them.
    #expect(set.shape == KnownDataset.adult.shape)
  }

  @Test func theFirstPlaceWithAllFilesIsTaken() throws {
    try withTemporaryFolder { folder in
      let (first, second) = (
        folder.appendingPathComponent("a"), folder.appendingPathComponent("b")
      )
      let both = DatasetCatalog(places: [first, second])
      let absent = try #require(throws: DatasetError.self) {
        try both.load(DatasetRequest(name: "emnist-letters"))
      }
      #expect(absent.kind == .missing)
      #expect(absent.problem.contains(second.appendingPathComponent("emnist-letters").path))

      try writeImageSet(emnistNames, to: second.appendingPathComponent("emnist-letters"), label: 26)
      try FileManager.default.createDirectory(
        at: first.appendingPathComponent("emnist-letters"), withIntermediateDirectories: true)
      let set = try both.load(DatasetRequest(name: "emnist-letters"))
      // Labels count from 1 in the files, and images lie on their side.
      #expect(set.train.labels == [25])
      #expect(set.shape == .image(height: 3, width: 2, channels: 1))
      guard case .bytes([1, 4, 2, 5, 3, 6]) = set.train.values else {
        Issue.record("\(set.train.values)")
        return
      }
      #expect(try both.verify("emnist-letters")[0].files.allSatisfy { $0.state == .present })
    }
  }

  @Test("other content under a published name is refused, and accepted as one's own by path")
  func changedFiles() throws {
    try withTemporaryFolder { folder in
      let own = folder.appendingPathComponent("mnist")
      try writeImageSet(mnistNames, to: own)
      let catalog = DatasetCatalog(places: [folder])
      let error = try #require(throws: DatasetError.self) {
        try catalog.load(DatasetRequest(name: "mnist"))
      }
      #expect(error.kind == .changed)
      let status = try catalog.verify("mnist")[0]
      #expect(!status.isUsable)
      #expect(status.files.allSatisfy { $0.state == .changed })
      let set = try catalog.load(DatasetRequest(name: "mnist", path: own.path))
      #expect(set.train.count == 1)

      try FileManager.default.removeItem(at: own.appendingPathComponent(mnistNames[0]))
      try Data([0x1F, 0x8B, 7]).write(to: own.appendingPathComponent(mnistNames[1]))
      let damaged = try catalog.verify("mnist")[0]
      #expect(damaged.files.prefix(2).map(\.state) == [.missing, .damaged])
      #expect(damaged.files[1].problem?.contains("gzip") == true)
    }
  }

  @Test func imagesAndLabelsMustBelongTogether() throws {
    try withTemporaryFolder { folder in
      let catalog = DatasetCatalog(places: [])
      func load() throws -> Dataset {
        try catalog.load(DatasetRequest(name: "mnist", path: folder.path))
      }
      try writeImageSet(mnistNames, to: folder, label: 10)
      #expect(try #require(throws: DatasetError.self) { try load() }.problem.contains("label 10"))
      try writeImageSet(mnistNames, to: folder)
      try Data(idx([2], [0, 0])).write(to: folder.appendingPathComponent(mnistNames[1]))
      #expect(try #require(throws: DatasetError.self) { try load() }.problem.contains("2 labels"))
      try writeImageSet(mnistNames, to: folder)
      try Data(idx([1, 3, 3], Array(1...9)))
        .write(to: folder.appendingPathComponent(mnistNames[2]))
      #expect(
        try #require(throws: DatasetError.self) { try load() }.problem.contains("another size"))
    }
  }

  @Test func cifar10IsAssembledFromItsFiles() throws {
    try withTemporaryFolder { folder in
      for (number, file) in KnownDataset.cifar10.files.enumerated() {
        let bytes = [UInt8(number)] + [UInt8](repeating: UInt8(number), count: 3_072)
        try Data(bytes).write(to: folder.appendingPathComponent(file.names[0]))
      }
      let set = try DatasetCatalog(places: [])
        .load(DatasetRequest(name: "cifar-10", path: folder.path))
      #expect(set.train.labels == [0, 1, 2, 3, 4])
      #expect(set.test.labels == [5])
      #expect(set.shape == .image(height: 32, width: 32, channels: 3))
    }
  }

  @Test func tablesAreLoadedFromTheirPath() throws {
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("t.csv")
      try Data("n,y\n1,a\n2,b\n3,a\n4,b\n5,b\n".utf8).write(to: file)
      let format = TableFormat(label: .name("y"))
      let set = try catalog.load(DatasetRequest(name: "csv", path: file.path, table: format))
      #expect(set.train.count == 4)
      #expect(set.test.count == 1)
      #expect(throws: DatasetError.self) {
        try catalog.load(DatasetRequest(name: "csv", path: file.path))
      }
    }
  }

  @Test func unknownNamesAreRefusedWithTheKnownOnes() throws {
    let error = try #require(throws: DatasetError.self) {
      try catalog.load(DatasetRequest(name: "fashion"))
    }
    #expect(error.kind == .invalidRequest)
    #expect(error.fix.contains("fashion-mnist"))
  }

  @Test func syntheticSetsNeedNoFiles() throws {
    let request = SyntheticRequest(features: 16, trainExamples: 40, testExamples: 8)
    let table = try catalog.load(DatasetRequest(name: "synthetic", synthetic: request))
    #expect(try table.contentHash == request.table().contentHash)
    let images = try catalog.load(
      DatasetRequest(name: "synthetic", synthetic: request, images: true))
    #expect(images.shape == .image(height: 4, width: 4, channels: 1))
  }

  @Test func theEnvironmentComesBeforeTheProject() {
    let places = DatasetCatalog(
      environment: ["DPFLSIM_DATA": "/somewhere"], projectFolder: URL(fileURLWithPath: "/project")
    ).places.map(\.path)
    #expect(places == ["/somewhere", "/project/data", "/usr/share/datasets"])
  }
}
