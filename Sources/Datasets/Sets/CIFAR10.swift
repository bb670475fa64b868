// CIFAR-10 in its binary version: one label byte, then 1,024 red, 1,024 green, 1,024 blue bytes.
//
// Krizhevsky, "Learning multiple layers of features from tiny images" (2009), file layout as
// published with the data.

public import Foundation

/// A reader of the files `data_batch_1.bin` ... `data_batch_5.bin` and `test_batch.bin`.
public enum CIFAR10 {
  public static let side = 32
  public static let channels = 3
  public static let classCount = 10

  /// Labels, and images turned from planes of colour to rows of pixels (channel last).
  public struct Batch: Sendable, Equatable {
    public let labels: [UInt8]
    public let bytes: [UInt8]
  }

  /// Reads one file of any whole number of images.
  /// - Parameter name: what error messages call these bytes.
  public static func batch(in bytes: [UInt8], name: String) throws(DatasetError) -> Batch {
    var reader = try ByteReader(bytes, name: name)
    return try batch(&reader)
  }

  public static func batch(file: URL) throws(DatasetError) -> Batch {
    var reader = try ByteReader(file: file)
    return try batch(&reader)
  }

  private static func batch(_ reader: inout ByteReader) throws(DatasetError) -> Batch {
    let pixels = side * side
    let record = 1 + channels * pixels
    let bytes = try reader.read(upTo: largestBatch)
    try reader.expectEnd(after: "100000 images")
    guard !bytes.isEmpty, bytes.count.isMultiple(of: record) else {
      throw DatasetError(
        .malformed, at: reader.name,
        "has \(bytes.count) bytes, which is not a whole number of images of \(record) bytes",
        fix: "give a file of the binary version of CIFAR-10")
    }
    let count = bytes.count / record
    var labels: [UInt8] = []
    labels.reserveCapacity(count)
    var images = [UInt8](repeating: 0, count: count * channels * pixels)
    for image in 0..<count {
      let label = bytes[image * record]
      guard label < classCount else {
        throw DatasetError(
          .malformed, at: reader.name, "has the label \(label) at image \(image)",
          fix: "give a file of CIFAR-10, whose labels are 0 to \(classCount - 1)")
      }
      labels.append(label)
      for channel in 0..<channels {
        let plane = image * record + 1 + channel * pixels
        let target = image * channels * pixels + channel
        for pixel in 0..<pixels {
          images[target + channels * pixel] = bytes[plane + pixel]
        }
      }
    }
    return Batch(labels: labels, bytes: images)
  }

  /// 100,000 images: ten times what a published file has.
  private static let largestBatch = 100_000 * (1 + 3 * 1_024)
}
