import Foundation
import Privacy
import Testing

@Suite("Fourier transform")
struct FFTTests {
  private static func random(count: Int, seed: UInt64) -> [(real: Double, imaginary: Double)] {
    var generator = TestGenerator(seed: seed)
    return (0..<count).map { _ in
      (.random(in: -1...1, using: &generator), .random(in: -1...1, using: &generator))
    }
  }

  private static func vector(_ values: [(real: Double, imaginary: Double)]) -> ComplexVector {
    var vector = ComplexVector(zeros: values.count)
    for (index, value) in values.enumerated() { vector[index] = value }
    return vector
  }

  private static func bitReversed(_ index: Int, count: Int) -> Int {
    var (rest, result, bit) = (index, 0, 1)
    while bit < count {
      result = result << 1 | rest & 1
      rest >>= 1
      bit <<= 1
    }
    return result
  }

  @Test("is the direct sum, in bit-reversed order", arguments: [16, 32, 64, 128, 256, 512, 1024])
  func direct(count: Int) {
    let values = Self.random(count: count, seed: UInt64(count))
    var vector = Self.vector(values)
    FourierTransform(count: count).forward(&vector)
    for frequency in 0..<count {
      var (real, imaginary) = (0.0, 0.0)
      for (index, value) in values.enumerated() {
        let angle = -2 * Double.pi * Double(index * frequency % count) / Double(count)
        real += value.real * cos(angle) - value.imaginary * sin(angle)
        imaginary += value.real * sin(angle) + value.imaginary * cos(angle)
      }
      let found = vector[Self.bitReversed(frequency, count: count)]
      #expect(abs(found.real - real) < 1e-12 * Double(count))
      #expect(abs(found.imaginary - imaginary) < 1e-12 * Double(count))
    }
  }

  @Test("the inverse undoes the transform", arguments: [16, 32, 4096, 1 << 15, 1 << 18])
  func roundTrip(count: Int) {
    let values = Self.random(count: count, seed: 3)
    var vector = Self.vector(values)
    let transform = FourierTransform(count: count)
    transform.forward(&vector)
    transform.inverseUnscaled(&vector)
    let worst = values.indices.map { index in
      max(
        abs(vector[index].real / Double(count) - values[index].real),
        abs(vector[index].imaginary / Double(count) - values[index].imaginary))
    }.max()
    #expect((worst ?? 1) < 4e-15)
  }

  @Test("negative frequencies stand at the mirrored positions", arguments: [16, 128, 1024])
  func mirror(count: Int) {
    for frequency in 0..<count {
      let position = Self.bitReversed(frequency, count: count)
      let opposite = Self.bitReversed((count - frequency) % count, count: count)
      #expect(FourierTransform.mirrored(position) == opposite)
    }
  }
}
