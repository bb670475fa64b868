// IDX files as they should be, and as they should not.

import Datasets
import Foundation
import Testing

@Suite struct IDXTests {
  private let images = idx([2, 2, 3], Array(1...12))
  private let labels = idx([5], [3, 1, 4, 1, 5])

  @Test func readsPlainAndCompressed() throws {
    for file in [images, gzip(images)] {
      let read = try IDX.images(in: file, name: "images")
      #expect(read.count == 2)
      #expect(read.height == 2)
      #expect(read.width == 3)
      #expect(read.bytes == Array(1...12))
    }
    for file in [labels, gzip(labels)] {
      #expect(try IDX.labels(in: file, name: "labels") == [3, 1, 4, 1, 5])
    }
  }

  @Test func gzipMembersThatFollowOneAnotherAreOneFile() throws {
    let file = gzip(Array(labels[..<6])) + gzip(Array(labels[6...]))
    #expect(try IDX.labels(in: file, name: "labels") == [3, 1, 4, 1, 5])
  }

  @Test("wrong files are named and explained")
  func refused() throws {
    let cases: [(file: [UInt8], says: String)] = [
      ([], "ends after 0 of the 4 bytes"),
      (labels, "starts with the bytes 0 0 8 1"),
      ([0, 0, 13, 3] + images[4...], "starts with the bytes 0 0 13 3"),
      (Array(images[..<9]), "ends after 5 of the 12 bytes"),
      (Array(images.dropLast()), "ends after 11 of the 12 bytes"),
      (images + [0], "goes on after"),
      (idx([2, 0, 3], []), "without pixels"),
      (idx([.max, .max, .max], []), "more than a data file may have"),
      (idx([40_000, 28, 28], [1, 2, 3]), "ends after 3 of the 31360000 bytes"),
      (gzip(idx([.max, .max, .max], [])), "more than a data file may have"),
      (gzip(idx([40_000, 28, 28], [1, 2, 3])), "ends after 3 of the 31360000 bytes"),
      (gzip(images + [0]), "goes on after"),
      (Array(gzip(images).dropLast(20)), "breaks off"),
      (Array(gzip(images).dropLast(1)), "breaks off"),
      ([0x1F, 0x8B], "breaks off"),
      ([0x1F, 0x8B, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9], "damaged gzip"),
      (gzip(images) + [1, 2, 3], "damaged gzip"),
    ]
    for (file, says) in cases {
      let error = try #require(throws: DatasetError.self) {
        try IDX.images(in: file, name: "some.file")
      }
      #expect(error.kind == .malformed)
      #expect(error.place == "some.file")
      #expect("\(error)".contains(says))
    }
  }

  @Test func aWrongChecksumIsNoticed() throws {
    var file = gzip(images)
    file[file.count - 20] ^= 1
    let error = try #require(throws: DatasetError.self) { try IDX.images(in: file, name: "x") }
    #expect(error.problem.contains("damaged"))
  }

  @Test("a claim of a gigabyte costs nothing while the bytes are not there")
  func claims() {
    let clock = ContinuousClock()
    let time = clock.measure {
      for file in [idx([1 << 20, 32, 32], [7]), gzip(idx([1 << 20, 32, 32], [7]))] {
        for _ in 0..<500 {
          #expect(throws: DatasetError.self) { try IDX.images(in: file, name: "x") }
        }
      }
    }
    // Zeroing a gigabyte a thousand times would take minutes.
    #expect(time < .seconds(20))
  }

  @Test("4,000 damaged files are read or refused", arguments: [false, true])
  func corruption(compressed: Bool) throws {
    var refused = 0
    for number in 0..<2_000 {
      let file = corrupted(compressed ? gzip(images) : images, number)
      do throws(DatasetError) {
        let read = try IDX.images(in: file, name: "x")
        #expect(read.bytes.count == read.count * read.height * read.width)
      } catch {
        #expect(error.kind == .malformed)
        refused += 1
      }
      let list = corrupted(compressed ? gzip(labels) : labels, number)
      if (try? IDX.labels(in: list, name: "x")) == nil { refused += 1 }
    }
    #expect((1_000..<4_000).contains(refused))
  }

  @Test func filesThatCannotBeReadAreRefused() throws {
    try withTemporaryFolder { folder in
      let absent = try #require(throws: DatasetError.self) {
        try IDX.labels(file: folder.appendingPathComponent("absent"))
      }
      #expect(absent.kind == .missing)
      let directory = try #require(throws: DatasetError.self) { try IDX.labels(file: folder) }
      #expect(directory.kind == .unreadable)
      let device = try #require(throws: DatasetError.self) {
        try IDX.labels(file: URL(fileURLWithPath: "/dev/zero"))
      }
      #expect(device.kind == .unreadable)
      let sparse = folder.appendingPathComponent("sparse")
      #expect(FileManager.default.createFile(atPath: sparse.path, contents: nil))
      let handle = try FileHandle(forWritingTo: sparse)
      try handle.truncate(atOffset: 1 << 40)
      try handle.close()
      let large = try #require(throws: DatasetError.self) { try IDX.labels(file: sparse) }
      #expect(large.kind == .unreadable)
    }
  }
}
