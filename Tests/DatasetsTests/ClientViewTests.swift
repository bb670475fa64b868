// A view writes what a plain reading of the data set gives.

import Datasets
import Testing

@Suite struct ClientViewTests {
  @Test func imagesAreNormalizedAsPublished() throws {
    let bytes = (0..<256).map { UInt8($0) }
    let dataset = try Dataset(
      name: "ramp", shape: .image(height: 16, width: 16, channels: 1), classCount: 1,
      normalization: .mnist, train: Examples(part: .train, labels: [0], values: .bytes(bytes)),
      test: Examples(part: .test, labels: [], values: .bytes([])))
    let view = ClientView(
      of: dataset, .train, indices: [0], transform: try ViewTransform(for: dataset))
    for (byte, value) in zip(bytes, view.values(at: 0)) {
      #expect(abs(Double(value) - (Double(byte) / 255 - 0.1307) / 0.3081) < 1e-6)
    }
  }

  @Test func tablesAreWrittenInTheOrderOfTheView() throws {
    let dataset = try Dataset(
      name: "table", shape: .features(count: 2), classCount: 2,
      normalization: Normalization(mean: 1, standardDeviation: 2),
      train: Examples(part: .train, labels: [0, 1], values: .floats([1, 11, 5, 0])),
      test: Examples(part: .test, labels: [], values: .floats([])))
    let view = ClientView(
      of: dataset, .train, indices: [1, 0], transform: try ViewTransform(for: dataset))
    #expect(view.values(at: 0) == [2, -0.5])
    #expect(view.values(at: 1) == [0, 5])
    #expect(view.label(at: 0) == 1)
  }

  @Test("a batch is its examples, one after the other", arguments: [0, 90, 180, 30.0])
  func batch(degrees: Double) throws {
    let dataset = try SyntheticRequest(features: 64, trainExamples: 40, testExamples: 4).images()
    let view = ClientView(
      of: dataset, .train, indices: (0..<40).map { Int32(39 - $0) },
      transform: try ViewTransform(
        Shift(rotationDegrees: degrees, featureNoise: 0.1), for: dataset), seed: 3)
    let positions = [5, 0, 39, 5, 17]
    var batch = [Float](repeating: .nan, count: positions.count * 64)
    var output = batch.mutableSpan
    view.write(positions.span, into: &output)
    #expect(batch == positions.flatMap { view.values(at: $0) })
  }

  @Test func groupsComeAlong() throws {
    let dataset = try Dataset(
      name: "groups", shape: .features(count: 1), classCount: 1, normalization: .identity,
      train: Examples(part: .train, labels: [0, 0], values: .floats([1, 2]), groups: [1, 0]),
      test: Examples(part: .test, labels: [], values: .floats([])), groupNames: ["a", "b"])
    let view = ClientView(
      of: dataset, .train, indices: [1, 0], transform: try ViewTransform(for: dataset))
    #expect(view.group(at: 0) == 0)
    #expect(view.group(at: 1) == 1)
  }
}
