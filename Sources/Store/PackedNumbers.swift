// Lists of numbers in a column: little-endian, one after another, so that other programs read them with one
// call (`numpy.frombuffer(blob, '<u4')`, `'<f8'`).

package import Foundation
import Kernels

package enum PackedNumbers {
  static func data(_ numbers: [UInt32]) -> Data { Data(LittleEndian.bytes(of: numbers)) }

  static func data(_ numbers: [Double]) -> Data { Data(LittleEndian.bytes(of: numbers)) }

  /// Nil if the bytes are no whole numbers.
  package static func counts(in data: Data) -> [UInt32]? {
    LittleEndian.uint32s(in: [UInt8](data))
  }

  /// Nil if the bytes are no whole numbers.
  static func doubles(in data: Data) -> [Double]? {
    LittleEndian.doubles(in: [UInt8](data))
  }
}
