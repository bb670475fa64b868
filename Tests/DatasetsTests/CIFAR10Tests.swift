// CIFAR-10 files made by hand: three planes of colour become pixels.

import Datasets
import Testing

@Suite struct CIFAR10Tests {
  /// A file whose image n has label n, and red 1, green 2, blue 3 but for pixel n.
  private func file(_ count: Int) -> [UInt8] {
    (0..<count).flatMap { image -> [UInt8] in
      var planes = (1...3).flatMap { [UInt8](repeating: $0, count: 1_024) }
      planes[image] = 100
      planes[2_048 + image] = 200
      return [UInt8(image)] + planes
    }
  }

  @Test(arguments: [false, true])
  func planesBecomePixels(compressed: Bool) throws {
    let bytes = file(2)
    let batch = try CIFAR10.batch(in: compressed ? gzip(bytes) : bytes, name: "x")
    #expect(batch.labels == [0, 1])
    #expect(batch.bytes.count == 2 * 3_072)
    #expect(Array(batch.bytes[..<6]) == [100, 2, 200, 1, 2, 3])
    #expect(Array(batch.bytes[3_072..<3_081]) == [1, 2, 3, 100, 2, 200, 1, 2, 3])
  }

  @Test func refused() throws {
    var wrong = file(2)
    wrong[3_073] = 10
    for (bytes, says) in [
      ([], "0 bytes"), (Array(file(2).dropLast()), "6145 bytes"), (wrong, "label 10 at image 1"),
    ] {
      let error = try #require(throws: DatasetError.self) {
        try CIFAR10.batch(in: bytes, name: "batch.bin")
      }
      #expect(error.place == "batch.bin")
      #expect(error.problem.contains(says))
    }
  }

  @Test("2,500 damaged files are read or refused")
  func corruption() throws {
    let file = file(2)
    var refused = 0
    for number in 0..<2_500 {
      do throws(DatasetError) {
        let batch = try CIFAR10.batch(in: corrupted(file, number), name: "x")
        #expect(batch.bytes.count == batch.labels.count * 3_072)
        #expect(batch.labels.allSatisfy { $0 < 10 })
      } catch {
        #expect(error.kind == .malformed)
        refused += 1
      }
    }
    #expect((1_000..<2_500).contains(refused))
  }
}
