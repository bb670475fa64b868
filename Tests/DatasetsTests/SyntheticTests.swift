// Synthetic sets have the geometry they were asked for.

import Datasets
import Testing

@Suite struct SyntheticTests {
  private func rows(_ examples: Examples, _ width: Int) -> [[Double]] {
    guard case .floats(let floats) = examples.values else { return [] }
    return stride(from: 0, to: floats.count, by: width).map {
      floats[$0..<$0 + width].map(Double.init)
    }
  }

  @Test("class centres lie at the asked distance, with unit variance around them")
  func geometry() throws {
    let (classes, features, separation) = (3, 8, 4.0)
    let set = try SyntheticRequest(
      classes: classes, features: features, separation: separation, trainExamples: 30_000,
      testExamples: 3_000, seed: 5
    ).table()
    let train = rows(set.train, features)
    for label in 0..<classes {
      let own = train.indices.filter { Int(set.train.labels[$0]) == label }.map { train[$0] }
      #expect(own.count == 10_000)
      let mean = (0..<features).map { feature in
        own.reduce(0) { $0 + $1[feature] } / Double(own.count)
      }
      let length = mean.reduce(0) { $0 + $1 * $1 }.squareRoot()
      // The standard error of the length is 0.01.
      #expect(abs(length - separation) < 0.05)
      for feature in 0..<features {
        let variance =
          own.reduce(0) { $0 + ($1[feature] - mean[feature]) * ($1[feature] - mean[feature]) }
          / Double(own.count)
        // Standard error 0.014.
        #expect(abs(variance - 1) < 0.07)
      }
    }
  }

  @Test("labels above 255 are labels like others, seen through a shift too")
  func manyClasses() throws {
    let set = try SyntheticRequest(
      classes: 1000, features: 4, trainExamples: 2_000, testExamples: 1_000, seed: 5
    ).table()
    let view = ClientView(
      of: set, .train, indices: [0, 999, 1300],
      transform: try ViewTransform(Shift(labelOffset: 1), for: set))
    #expect((0..<3).map { view.label(at: $0) } == [1, 0, 301])
    #expect((0..<3).map { view.rawLabel(at: $0) } == [0, 999, 300])
  }

  @Test func theSeedDecidesEverything() throws {
    let first = SyntheticRequest(trainExamples: 50, testExamples: 10, seed: 1)
    var second = first
    second.seed = 2
    #expect(try first.table().contentHash == first.table().contentHash)
    #expect(try first.table().contentHash != second.table().contentHash)
    let set = try first.table()
    #expect(rows(set.train, 16)[0] != rows(set.test, 16)[0])
  }

  @Test func imagesAreTheSameNumbersAsBytes() throws {
    let request = SyntheticRequest(features: 9, trainExamples: 20, testExamples: 4)
    let (table, images) = (try request.table(), try request.images())
    #expect(images.shape == .image(height: 3, width: 3, channels: 1))
    let numbers = ClientView(
      of: table, .train, indices: [7], transform: try ViewTransform(for: table))
    let pixels = ClientView(
      of: images, .train, indices: [7], transform: try ViewTransform(for: images))
    for (number, pixel) in zip(numbers.values(at: 0), pixels.values(at: 0)) {
      // Half a step of the byte grid, within its range of ± 4.
      #expect(abs(max(-4, min(3.97, number)) - pixel) <= 0.5 / 32 + 1e-4)
    }
  }

  @Test("a report of images says how bytes become inputs, one of numbers does not")
  func pixels() throws {
    let request = SyntheticRequest(features: 9, trainExamples: 20, testExamples: 4)
    func report(_ dataset: Dataset) throws -> PartitionReport {
      let clients = [ClientRequest(cluster: 0, trainExamples: 5)]
      return try PartitionReport(
        Partition(PartitionRequest(clients: clients, seed: 1), of: dataset), of: dataset)
    }
    let images = try request.images()
    let pixels = try #require(try report(images).pixels)
    #expect(pixels.height == 3 && pixels.width == 3 && pixels.channels == 1)
    guard case .bytes(let bytes) = images.train.values else {
      Issue.record("images are bytes")
      return
    }
    let view = ClientView(
      of: images, .train, indices: [0], transform: try ViewTransform(for: images))
    for (byte, value) in zip(bytes, view.values(at: 0)) {
      let norm = pixels.normalization
      #expect(abs((Float(byte) / 255 - norm.mean) / norm.standardDeviation - value) < 1e-5)
    }
    #expect(try report(request.table()).pixels == nil)
  }

  @Test(
    "numbers out of range are refused",
    arguments: [
      SyntheticRequest(classes: 1), SyntheticRequest(classes: 10_001),
      SyntheticRequest(features: 0),
      SyntheticRequest(trainExamples: 0), SyntheticRequest(testExamples: -1),
      SyntheticRequest(separation: .nan), SyntheticRequest(separation: -1),
      SyntheticRequest(features: 1_000_000, trainExamples: 100_000_000),
      SyntheticRequest(trainExamples: .max, testExamples: .max),
    ])
  func refused(request: SyntheticRequest) throws {
    let error = try #require(throws: DatasetError.self) { try request.table() }
    #expect(error.kind == .invalidRequest)
    #expect(error.place.hasPrefix("synthetic"))
  }

  @Test func imagesMustBeSquare() {
    #expect(throws: DatasetError.self) { try SyntheticRequest(features: 10).images() }
  }
}
