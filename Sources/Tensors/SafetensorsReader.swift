// Reads a whole safetensors file into memory: adapters, models of runs, checkpoints.

public import Foundation

extension Safetensors {
  /// Reads a whole file.
  ///
  /// The types F32, F64, I32, I64 and U8 are read as they are, F16 and BF16 as the 32-bit floats of the same
  /// value; any other type is refused, not skipped.
  ///
  /// - Throws: `SafetensorsError`.
  public init(data: Data) throws(SafetensorsError) {
    let file = try SafetensorsFile(bytes: [UInt8](data))
    var tensors: [Tensor] = []
    for entry in file.entries {
      tensors.append(
        Tensor(name: entry.name, shape: entry.shape, values: try Self.values(of: entry, in: file)))
    }
    try self.init(tensors: tensors, metadata: file.metadata)
  }

  private static func values(
    of entry: SafetensorsFile.Entry, in file: SafetensorsFile
  ) throws(SafetensorsError) -> Values {
    switch entry.type {
    case .float32:
      .float32(try read(entry, of: file) { Float(bitPattern: $0.word(at: $1)) })
    case .float16:
      .float32(try read(entry, of: file) { HalfPrecision.float16($0.halfWord(at: $1)) })
    case .bfloat16:
      .float32(try read(entry, of: file) { HalfPrecision.bfloat16($0.halfWord(at: $1)) })
    case .float64:
      .float64(try read(entry, of: file) { Double(bitPattern: $0.doubleWord(at: $1)) })
    case .int32: .int32(try read(entry, of: file) { Int32(bitPattern: $0.word(at: $1)) })
    case .int64: .int64(try read(entry, of: file) { Int64(bitPattern: $0.doubleWord(at: $1)) })
    case .uint8: .uint8(try read(entry, of: file) { $0[$1] })
    case .bool, .int8, .uint16, .int16, .uint32, .uint64:
      throw .invalidTensor(
        name: entry.name, reason: "its type \(entry.type.rawValue) is not one that is read")
    }
  }

  private static func read<Value>(
    _ entry: SafetensorsFile.Entry, of file: SafetensorsFile,
    _ value: (Span<UInt8>, Int) -> Value
  ) throws(SafetensorsError) -> [Value] {
    var values: [Value] = []
    values.reserveCapacity(entry.count)
    try file.read(entry) { bytes throws(SafetensorsError) in
      let span = bytes.span
      for position in stride(from: 0, to: bytes.count, by: entry.type.width) {
        values.append(value(span, position))
      }
    }
    return values
  }
}
