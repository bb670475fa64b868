// Lists of numbers in a column: little-endian, one after another, so that other programs read them with one
// call (`numpy.frombuffer(blob, '<u4')`, `'<f8'`).

package import Foundation

package enum PackedNumbers {
  static func data(_ numbers: [UInt32]) -> Data { data(numbers, width: 4) { UInt64($0) } }

  static func data(_ numbers: [Double]) -> Data { data(numbers, width: 8) { $0.bitPattern } }

  /// Nil if the bytes are no whole numbers.
  package static func counts(in data: Data) -> [UInt32]? {
    numbers(in: data, width: 4) { UInt32(truncatingIfNeeded: $0) }
  }

  /// Nil if the bytes are no whole numbers.
  static func doubles(in data: Data) -> [Double]? {
    numbers(in: data, width: 8) { Double(bitPattern: $0) }
  }

  private static func data<Number>(
    _ numbers: [Number], width: Int, bits: (Number) -> UInt64
  ) -> Data {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(numbers.count * width)
    for number in numbers {
      let bits = bits(number)
      for byte in 0..<width { bytes.append(UInt8(truncatingIfNeeded: bits >> UInt64(8 * byte))) }
    }
    return Data(bytes)
  }

  private static func numbers<Number>(
    in data: Data, width: Int, number: (UInt64) -> Number
  ) -> [Number]? {
    guard data.count.isMultiple(of: width) else { return nil }
    let bytes = [UInt8](data)
    return stride(from: 0, to: bytes.count, by: width).map { place in
      number((0..<width).reduce(0) { $0 | UInt64(bytes[place + $1]) << UInt64(8 * $1) })
    }
  }
}
