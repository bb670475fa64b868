// The types in which safetensors files store values, and the way from 16 bits to 32.

/// The type of a tensor's values, under its name in the header of a file.
public enum ElementType: String, Sendable, Hashable, CaseIterable {
  case bool = "BOOL"
  case uint8 = "U8"
  case int8 = "I8"
  case uint16 = "U16"
  case int16 = "I16"
  case float16 = "F16"
  case bfloat16 = "BF16"
  case uint32 = "U32"
  case int32 = "I32"
  case float32 = "F32"
  case uint64 = "U64"
  case int64 = "I64"
  case float64 = "F64"

  /// Bytes of one value.
  public var width: Int {
    switch self {
    case .bool, .uint8, .int8: 1
    case .uint16, .int16, .float16, .bfloat16: 2
    case .uint32, .int32, .float32: 4
    case .uint64, .int64, .float64: 8
    }
  }

  /// Whether values of the type are read as 32-bit floats without loss.
  public var isFloat: Bool {
    switch self {
    case .float16, .bfloat16, .float32: true
    default: false
    }
  }
}

/// Numbers of 16 bits as the 32-bit floats of the same value.
enum HalfPrecision {
  /// IEEE 754 binary16. Its subnormal numbers are normal ones in 32 bits.
  static func float16(_ bits: UInt16) -> Float {
    let sign = UInt32(bits >> 15) << 31
    let exponent = UInt32(bits >> 10) & 0x1F
    let fraction = UInt32(bits) & 0x3FF
    switch exponent {
    case 0:
      let magnitude = Float(fraction) * 0x1p-24
      return Float(bitPattern: magnitude.bitPattern | sign)
    case 0x1F: return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
    default: return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
    }
  }

  /// The upper half of a 32-bit float.
  static func bfloat16(_ bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }
}
