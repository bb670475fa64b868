// Models as safetensors files: named tensors after a JSON header, with nothing in them that runs.
//
// The format: github.com/huggingface/safetensors. Eight bytes with the length of the header, the header,
// then the values, little-endian, one tensor after another without gaps.

/// The tensors of one file and the strings that describe it.
public struct Safetensors: Sendable, Hashable {
  /// One named tensor, row-major.
  public struct Tensor: Sendable, Hashable {
    public let name: String
    /// Empty for a single number.
    public let shape: [Int]
    public let values: Values

    /// - Precondition: the shape has as many places as there are values.
    public init(name: String, shape: [Int], values: Values) {
      precondition(
        Safetensors.elementCount(of: shape) == values.count, "a shape must fit its values")
      self.name = name
      self.shape = shape
      self.values = values
    }
  }

  /// The values of a tensor in the type in which they are stored.
  public enum Values: Sendable, Hashable {
    case float32([Float])
    case float64([Double])
    case int32([Int32])
    case int64([Int64])
    case uint8([UInt8])

    public var count: Int {
      switch self {
      case .float32(let values): values.count
      case .float64(let values): values.count
      case .int32(let values): values.count
      case .int64(let values): values.count
      case .uint8(let values): values.count
      }
    }
  }

  /// In increasing order of their names, each name once.
  public let tensors: [Tensor]
  /// The member `__metadata__` of the header.
  public let metadata: [String: String]

  /// - Throws: `invalidTensor` for a name that is empty, reserved or used twice.
  public init(
    tensors: [Tensor], metadata: [String: String] = [:]
  ) throws(SafetensorsError) {
    var names: Set<String> = []
    for tensor in tensors {
      guard !tensor.name.isEmpty, tensor.name != Self.metadataKey else {
        throw .invalidTensor(name: tensor.name, reason: "the name is empty or reserved")
      }
      guard names.insert(tensor.name).inserted else {
        throw .invalidTensor(name: tensor.name, reason: "the name is used twice")
      }
    }
    self.tensors = tensors.sorted { $0.name < $1.name }
    self.metadata = metadata
  }

  /// The tensor of that name.
  public subscript(_ name: String) -> Tensor? { tensors.first { $0.name == name } }
}

/// Why bytes are no usable safetensors file.
public enum SafetensorsError: Error, Sendable, Hashable {
  /// It cannot be opened or read.
  case unreadable(reason: String)
  /// The file ends before its header or its values do.
  case truncated(bytes: Int)
  /// The length of the header is beyond the file or beyond what is read.
  case headerTooLarge(bytes: UInt64)
  /// The header is not the JSON object that the format prescribes.
  case invalidHeader(reason: String)
  case invalidTensor(name: String, reason: String)
  /// Bytes that belong to no tensor, or to two of them.
  case invalidLayout(reason: String)
}

extension SafetensorsError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unreadable(let reason): "the file cannot be read (\(reason)); check its path"
    case .truncated(let bytes):
      "the file has only \(bytes) bytes, fewer than it needs; fetch or write it again"
    case .headerTooLarge(let bytes):
      "the header claims \(bytes) bytes, more than the file holds or than is read; "
        + "the file is damaged or no safetensors file"
    case .invalidHeader(let reason):
      "the header is not as the format prescribes (\(reason)); fetch or write the file again"
    case .invalidTensor(let name, let reason):
      "tensor \(name.debugDescription): \(reason); fetch or write the file again"
    case .invalidLayout(let reason):
      "the values are not laid out as the format prescribes (\(reason)); fetch or write the file again"
    }
  }
}

// MARK: - What reader and writer share

extension Safetensors {
  static let metadataKey = "__metadata__"
  /// The longest header that is read or written.
  static let largestHeader = 4 << 20

  /// Places of a shape; nil if a side is negative or the product is beyond Int.
  static func elementCount(of shape: [Int]) -> Int? {
    var count = 1
    for side in shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: side)
      guard side >= 0, !overflow else { return nil }
      count = product
    }
    return count
  }
}

extension Safetensors.Values {
  var typeName: String {
    switch self {
    case .float32: "F32"
    case .float64: "F64"
    case .int32: "I32"
    case .int64: "I64"
    case .uint8: "U8"
    }
  }
}
