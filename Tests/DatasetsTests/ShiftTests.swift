// Turned images and renamed labels against pictures drawn by hand.

import Datasets
import Foundation
import Testing

/// One image as the only training example, unnormalised, so that a byte b becomes b / 255.
private func picture(
  _ bytes: [UInt8], height: Int = 3, width: Int = 3, channels: Int = 1
) throws -> Dataset {
  try Dataset(
    name: "picture", shape: .image(height: height, width: width, channels: channels),
    classCount: 10, normalization: .identity,
    train: Examples(part: .train, labels: [4], values: .bytes(bytes)),
    test: Examples(part: .test, labels: [], values: .bytes([])))
}

/// The bytes of that image under a shift, rounded.
private func seen(_ dataset: Dataset, _ shift: Shift) throws -> [Int] {
  let view = ClientView(
    of: dataset, .train, indices: [0], transform: try ViewTransform(shift, for: dataset))
  return view.values(at: 0).map { Int(($0 * 255).rounded()) }
}

@Suite struct ShiftTests {
  private let square: [UInt8] = [
    1, 2, 3,
    4, 5, 6,
    7, 8, 9,
  ]

  @Test("quarter turns are counter-clockwise")
  func quarterTurns() throws {
    let dataset = try picture(square)
    #expect(try seen(dataset, Shift(rotationDegrees: 90)) == [3, 6, 9, 2, 5, 8, 1, 4, 7])
    #expect(try seen(dataset, Shift(rotationDegrees: 180)) == [9, 8, 7, 6, 5, 4, 3, 2, 1])
    #expect(try seen(dataset, Shift(rotationDegrees: 270)) == [7, 4, 1, 8, 5, 2, 9, 6, 3])
    #expect(
      try seen(dataset, Shift(rotationDegrees: -90)) == seen(dataset, Shift(rotationDegrees: 270)))
    for whole in [0.0, 360, -360, 720, 36e6] {
      #expect(try seen(dataset, Shift(rotationDegrees: whole)) == square.map(Int.init))
    }
  }

  @Test func turnsCompose() throws {
    let dataset = try picture(square)
    let quarter = Shift(rotationDegrees: 90)
    let half = try quarter.followed(by: quarter, classCount: 10)
    #expect(try seen(dataset, half) == seen(dataset, Shift(rotationDegrees: 180)))
    let whole = try half.followed(by: half, classCount: 10)
    #expect(try seen(dataset, whole) == square.map(Int.init))
  }

  @Test("channels stay together when a pixel moves")
  func colours() throws {
    let dataset = try picture(
      [1, 11, 21, 2, 12, 22, 3, 13, 23, 4, 14, 24], height: 2, width: 2, channels: 3)
    #expect(
      try seen(dataset, Shift(rotationDegrees: 90)) == [2, 12, 22, 4, 14, 24, 1, 11, 21, 3, 13, 23])
  }

  @Test func oblongImagesTurnByHalfOnly() throws {
    let dataset = try picture([1, 2, 3, 4, 5, 6], height: 2, width: 3)
    #expect(try seen(dataset, Shift(rotationDegrees: 180)) == [6, 5, 4, 3, 2, 1])
    #expect(throws: DatasetError.self) {
      try ViewTransform(Shift(rotationDegrees: 90), for: dataset)
    }
  }

  @Test("other angles: the centre stays, and the limits of small angles are the exact turns")
  func interpolation() throws {
    let dataset = try picture(square)
    #expect(try seen(dataset, Shift(rotationDegrees: 33))[4] == 5)
    for turn in [0.0, 90, 180, 270] {
      let near = try seen(dataset, Shift(rotationDegrees: turn + 1e-9))
      #expect(try near == seen(dataset, Shift(rotationDegrees: turn)))
    }
  }

  @Test("45 degrees by hand: corners come from outside, edges from between two corners")
  func eighthTurn() throws {
    // The top middle pixel (x 0, y 1) comes from (√½, √½): weights (1−√½)², √½(1−√½) twice, ½ on
    // the pixels at the centre, to the right, on top and in the corner.
    let dataset = try picture(square.map { 10 * $0 })
    let root = 0.5.squareRoot()
    let expected = (1 - root) * (1 - root) * 50 + root * (1 - root) * (60 + 20) + root * root * 30
    let turned = try seen(dataset, Shift(rotationDegrees: 45))
    #expect(turned[1] == Int(expected.rounded()))
    // The top right corner (1, 1) comes from (√2, 0), between the right edge and the outside.
    let corner = (2 - 2.0.squareRoot()) * 60
    #expect(turned[2] == Int(corner.rounded()))
  }

  @Test func labelsArePermutedThenOffset() throws {
    let permutation = [3, 0, 1, 2]
    let shift = Shift(labelPermutation: permutation, labelOffset: 2)
    #expect(try shift.labelMap(classCount: 4) == [1, 2, 3, 0])
    #expect(try Shift(labelOffset: -1).labelMap(classCount: 4) == [3, 0, 1, 2])
    #expect(try Shift(labelOffset: .min).labelMap(classCount: 5).sorted() == [0, 1, 2, 3, 4])
    let chained = try shift.followed(by: Shift(labelPermutation: permutation), classCount: 4)
    #expect(try chained.labelMap(classCount: 4) == [0, 1, 2, 3])
    let dataset = try picture(square)
    let view = ClientView(
      of: dataset, .train, indices: [0],
      transform: try ViewTransform(Shift(labelOffset: 8), for: dataset))
    #expect(view.label(at: 0) == 2)
    #expect(view.rawLabel(at: 0) == 4)
  }

  @Test(
    "shifts that do not fit are refused",
    arguments: [
      Shift(rotationDegrees: .nan), Shift(rotationDegrees: .infinity), Shift(featureNoise: -1),
      Shift(featureNoise: .nan), Shift(featureNoise: .infinity), Shift(labelPermutation: [0, 1]),
      Shift(labelPermutation: Array(repeating: 0, count: 10)),
      Shift(labelPermutation: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]), Shift(labelPermutation: []),
    ])
  func refused(shift: Shift) throws {
    let dataset = try picture(square)
    let error = try #require(throws: DatasetError.self) { try ViewTransform(shift, for: dataset) }
    #expect(error.kind == .invalidRequest)
    #expect(error.place.hasPrefix("shift."))
  }

  @Test func tablesCannotBeTurned() throws {
    let table = try SyntheticRequest(trainExamples: 8, testExamples: 8).table()
    #expect(throws: DatasetError.self) { try ViewTransform(Shift(rotationDegrees: 90), for: table) }
  }

  @Test("feature noise depends on seed, client and example, and on nothing else")
  func noise() throws {
    let dataset = try SyntheticRequest(features: 50, trainExamples: 400, testExamples: 4).table()
    let plain = ClientView(
      of: dataset, .train, indices: Array(0..<400), transform: try ViewTransform(for: dataset))
    let transform = try ViewTransform(Shift(featureNoise: 0.5), for: dataset)
    let noisy = ClientView(
      of: dataset, .train, indices: Array(0..<400), transform: transform, seed: 1)
    let reversed = ClientView(
      of: dataset, .train, indices: Array((0..<400).reversed()), transform: transform, seed: 1)
    let other = ClientView(
      of: dataset, .train, indices: Array(0..<400), transform: transform, seed: 1, client: 1)
    #expect(noisy.values(at: 7) == noisy.values(at: 7))
    #expect(noisy.values(at: 7) == reversed.values(at: 392))
    #expect(noisy.values(at: 7) != other.values(at: 7))
    let noise = (0..<400).flatMap { position in
      zip(noisy.values(at: position), plain.values(at: position)).map { Double($0 - $1) }
    }
    let mean = noise.reduce(0, +) / Double(noise.count)
    let variance = noise.reduce(0) { $0 + $1 * $1 } / Double(noise.count)
    // 20,000 draws: standard errors 0.0035 and 0.0025; both bounds are 5 of them.
    #expect(abs(mean) < 0.0177)
    #expect(abs(variance - 0.25) < 0.0125)
  }

  @Test func absentKeysMeanNoChange() throws {
    let empty = try JSONDecoder().decode(Shift.self, from: Data("{}".utf8))
    #expect(empty == .none)
    let shift = Shift(
      rotationDegrees: 90, labelPermutation: [1, 0], labelOffset: 1, featureNoise: 2)
    let copy = try JSONDecoder().decode(Shift.self, from: JSONEncoder().encode(shift))
    #expect(copy == shift)
  }
}
