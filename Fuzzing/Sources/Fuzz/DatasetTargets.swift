// The readers of data sets: IDX, CIFAR-10 and text tables, plain and compressed.

import Datasets
import Foundation

extension FuzzTarget {
  /// Every input is read as images, as labels, and once more as what a gzip file holds, which must make no
  /// difference: mutations of a compressed file itself seldom get past its checksum.
  static let idx = FuzzTarget(
    name: "idx", form: .bytes, largest: 2048,
    seeds: {
      let images: [UInt8] = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4] + Array(0..<24)
      let labels: [UInt8] = [0, 0, 8, 1, 0, 0, 0, 5, 0, 1, 2, 3, 9]
      return [images, labels, gzip(images), gzip(labels), gzip([]), gzip(labels) + gzip(labels)]
    },
    run: { bytes in
      let images = Result { () throws(DatasetError) in try IDX.images(in: bytes, name: "x") }
      let labels = Result { () throws(DatasetError) in try IDX.labels(in: bytes, name: "x") }
      if case .success(let images) = images {
        precondition(images.bytes.count == images.count * images.height * images.width)
      }
      guard !bytes.starts(with: [0x1F, 0x8B]) else { return }
      let packed = gzip(bytes)
      precondition(
        images == Result { () throws(DatasetError) in try IDX.images(in: packed, name: "x") },
        "compression changed the images")
      precondition(
        labels == Result { () throws(DatasetError) in try IDX.labels(in: packed, name: "x") },
        "compression changed the labels")
    })

  static let cifar10 = FuzzTarget(
    name: "cifar10", form: .bytes, largest: 4 * 3073,
    seeds: {
      let image = (0..<3072).map { UInt8(truncatingIfNeeded: $0) }
      return [[3] + image, [9] + image + [0] + image, gzip([3] + image)]
    },
    run: { bytes in
      guard let batch = try? CIFAR10.batch(in: bytes, name: "x") else { return }
      precondition(batch.labels.allSatisfy { $0 < 10 })
      precondition(batch.bytes.count == batch.labels.count * 3072)
    })

  /// Every input is read in several formats, with the rows behind a byte 0x1E as the test file.
  static let csv = FuzzTarget(
    name: "csv", form: .bytes, largest: 2048,
    seeds: {
      [
        "age,sex,label\n20,m,0\n31.5,f,1\n?,m,1\n44,f,0\n",
        "a;b;label\n1;x;p\n2;\"y;\"\"z\";q\n3;;p\n\u{1E}a;b;label\n2;x;q\n9;w;p.\n",
        "\u{FEFF}1,2,a\r\n3,4,b\r\n| left out\r\n5,6,a\r\n",
        "label\n1\n", "a\tlabel\n-1e100\t1\n1e-300\t2\n",
      ].map { Array($0.utf8) }
    },
    run: { bytes in
      let parts = bytes.split(
        separator: 0x1E, maxSplits: 1, omittingEmptySubsequences: false
      ).map { Array($0) }
      let test = parts.count > 1 ? (name: "test", bytes: parts[1]) : nil
      for format in tableFormats {
        guard
          let data = try? Table.dataset(
            name: "x", format: format, train: ("train", parts[0]), test: test)
        else { continue }
        for examples in [data.train, data.test] {
          precondition(examples.labels.allSatisfy { Int($0) < data.classCount })
          guard case .floats(let values) = examples.values else { preconditionFailure() }
          precondition(values.allSatisfy(\.isFinite))
          precondition(values.count == examples.count * data.shape.valueCount)
          precondition(examples.groups?.allSatisfy { Int($0) < data.groupNames.count } ?? true)
        }
      }
    })

  private static let tableFormats = [
    TableFormat(label: .name("label"), testFraction: 0.5),
    TableFormat(
      label: .name("label"), group: .name("b"), delimiter: ";",
      columns: [ColumnStatement(.position(0), .categorical(nil))]),
    TableFormat(label: .position(2), group: .position(1), header: false, comment: "|"),
    TableFormat(label: .position(0), delimiter: "\t", missing: [], dropped: [.position(1)]),
  ]
}

/// A gzip member (RFC 1952) with the content in stored blocks.
private func gzip(_ content: [UInt8]) -> [UInt8] {
  func littleEndian(_ value: UInt32, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * UInt32($0))) }
  }
  var crc: UInt32 = .max
  for byte in content {
    crc ^= UInt32(byte)
    for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
  }
  precondition(content.count < 1 << 16, "a stored block has at most 65,535 bytes")
  let length = UInt32(content.count)
  return [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255, 1] + littleEndian(length, 2)
    + littleEndian(~length, 2) + content + littleEndian(~crc, 4) + littleEndian(length, 4)
}
